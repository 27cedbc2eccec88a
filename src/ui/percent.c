#include "ui/percent.h"

#include <ctype.h>

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10;
}

bool percent_decode(struct buf *out, struct str text)
{
    size_t before = out->len;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] != '%') {
            buf_putc(out, text.p[i] == '+' ? ' ' : text.p[i]);
        } else if (i + 2 < text.len && isxdigit((unsigned char)text.p[i + 1]) &&
                   isxdigit((unsigned char)text.p[i + 2])) {
            buf_putc(out, (char)(hex(text.p[i + 1]) * 16 + hex(text.p[i + 2])));
            i += 2;
        } else {
            out->len = before;
            return false;
        }
    }
    return true;
}

void percent_encode(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (isalnum(c) || (c && strchr("-_.~", c)))
            buf_putc(out, text.p[i]);
        else if (c == ' ')
            buf_putc(out, '+');
        else
            buf_printf(out, "%%%02X", c);
    }
}
