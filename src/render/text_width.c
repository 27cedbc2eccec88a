#include "render/text_width.h"

#include "base/utf8.h"

#include <stdint.h>

/* Of " " to "~", in thousandths of the font's size (Adobe's metrics of Helvetica). */
static const uint16_t ascii_widths[] = {
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333,  278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667,  611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278,  556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500,  500, 334, 260, 334, 584,
};

#define OTHER 600 /* letters beyond ASCII, about */
#define WIDE 1000 /* ideographs and the like, the ellipsis */

static unsigned char_width(uint32_t c)
{
    if (c >= ' ' && c <= '~')
        return ascii_widths[c - ' '];
    if (c < 0x80 || (c >= 0x300 && c < 0x370)) /* controls; accents on the letter before */
        return 0;
    return c >= 0x1100 || c == 0x2026 ? WIDE : OTHER;
}

double text_width(struct str text, double font_size)
{
    uint64_t width = 0;
    while (text.len) {
        size_t n = utf8_len(text);
        width += n ? char_width(utf8_char(text.p, n)) : WIDE; /* of U+FFFD */
        n += n == 0;
        text = (struct str){text.p + n, text.len - n};
    }
    return (double)width * font_size / 1000;
}
