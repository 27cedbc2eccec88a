#include "render/columns.h"

#include "base/utf8.h"

size_t columns_width(struct str s)
{
    size_t width = 0;
    for (size_t i = 0; i < s.len; width++) {
        size_t len = utf8_len((struct str){s.p + i, s.len - i});
        i += len ? len : 1;
    }
    return width;
}

void columns_right(struct buf *out, struct str s, size_t width)
{
    size_t have = columns_width(s);
    if (have < width)
        buf_fill(out, ' ', width - have);
    buf_add(out, s.p, s.len);
}
