#include "render/html.h"

void html_text(struct buf *out, struct str text)
{
    static const char *const escapes[256] = {
        ['\0'] = "\uFFFD", ['"'] = "&#34;", ['&'] = "&amp;", ['\''] = "&#39;",
        ['+'] = "&#43;",   ['<'] = "&lt;",  ['>'] = "&gt;",
    };
    size_t begin = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *escape = escapes[(unsigned char)text.p[i]];
        if (!escape)
            continue;
        buf_add(out, text.p + begin, i - begin);
        buf_puts(out, escape);
        begin = i + 1;
    }
    buf_add(out, text.p + begin, text.len - begin);
}
