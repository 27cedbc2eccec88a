#include "render/svg.h"

#include <math.h>

void svg_begin(struct buf *out, double width, double height)
{
    buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"");
    svg_number(out, width);
    buf_puts(out, "\" height=\"");
    svg_number(out, height);
    buf_puts(out, "\" viewBox=\"0 0 ");
    svg_number(out, width);
    buf_putc(out, ' ');
    svg_number(out, height);
    buf_puts(out, "\">\n");
}

void svg_end(struct buf *out)
{
    buf_puts(out, "</svg>\n");
}

/* One character of `text`: its length in bytes, and whether XML takes it as it is. */
static size_t next_char(struct str text, bool *valid)
{
    const unsigned char *p = (const unsigned char *)text.p;
    *valid = false;
    if (p[0] < 0x80) {
        *valid = (p[0] >= 0x20 && p[0] != 0x7f) || p[0] == '\n' || p[0] == '\t';
        return 1;
    }
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || text.len < n)
        return 1;
    uint32_t c = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 1;
        c = c << 6 | (p[i] & 0x3f);
    }
    /* Overlong, surrogates, above Unicode, and the two that XML leaves out. */
    if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || (c >= 0xd800 && c < 0xe000) ||
        c > 0x10ffff || c == 0xfffe || c == 0xffff)
        return 1;
    *valid = true;
    return n;
}

void svg_text(struct buf *out, struct str text)
{
    while (text.len) {
        bool valid;
        size_t n = next_char(text, &valid);
        if (!valid)
            buf_puts(out, "\xef\xbf\xbd");
        else if (*text.p == '<')
            buf_puts(out, "&lt;");
        else if (*text.p == '>')
            buf_puts(out, "&gt;");
        else if (*text.p == '&')
            buf_puts(out, "&amp;");
        else if (*text.p == '"')
            buf_puts(out, "&quot;");
        else
            buf_add(out, text.p, n);
        text.p += n;
        text.len -= n;
    }
}

/* The bytes that the first n characters take. */
static size_t skip_chars(struct str text, size_t n)
{
    size_t at = 0;
    bool valid;
    for (; n && at < text.len; n--)
        at += next_char((struct str){text.p + at, text.len - at}, &valid);
    return at;
}

void svg_text_fit(struct buf *out, struct str text, size_t max_chars)
{
    size_t n_chars = 0;
    bool valid;
    for (size_t at = 0; at < text.len; n_chars++)
        at += next_char((struct str){text.p + at, text.len - at}, &valid);
    if (n_chars <= max_chars) {
        svg_text(out, text);
        return;
    }
    if (max_chars == 0)
        return;
    size_t tail = (max_chars - 1) / 2, head = max_chars - 1 - tail;
    svg_text(out, (struct str){text.p, skip_chars(text, head)});
    buf_puts(out, "\xe2\x80\xa6");
    size_t from = skip_chars(text, n_chars - tail);
    svg_text(out, (struct str){text.p + from, text.len - from});
}

void svg_number(struct buf *out, double v)
{
    if (!(fabs(v) < 1e12))
        v = 0; /* and what is no number at all */
    long long hundredths = llround(v * 100);
    if (hundredths < 0)
        buf_putc(out, '-');
    unsigned long long u =
        hundredths < 0 ? 0ull - (unsigned long long)hundredths : (unsigned long long)hundredths;
    buf_uint(out, u / 100, 0);
    if (!(u % 100))
        return;
    char fraction[3] = {'.', (char)('0' + u % 100 / 10), (char)('0' + u % 10)};
    buf_add(out, fraction, u % 10 ? 3 : 2);
}

void svg_rect(struct buf *out, double x, double y, double width, double height)
{
    buf_puts(out, "<rect x=\"");
    svg_number(out, x);
    buf_puts(out, "\" y=\"");
    svg_number(out, y);
    buf_puts(out, "\" width=\"");
    svg_number(out, width);
    buf_puts(out, "\" height=\"");
    svg_number(out, height);
    buf_puts(out, "\"/>");
}
