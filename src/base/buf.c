#include "base/buf.h"

#include "base/digits.h"
#include "base/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_BYTES (256u << 10)
#define LARGE_BYTES (4u << 20)
#define MOST_WIDTH 64

void buf_init(struct buf *buf)
{
    *buf = (struct buf){0};
}

void buf_release(struct buf *buf)
{
    free(buf->data);
    buf_init(buf);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = 0;
}

/* Huge pages, before they are touched: realloc would fault in small ones. */
static char *move_to_large(const struct buf *buf, size_t cap)
{
    char *data = malloc(cap);
    if (!data)
        return NULL;
    pages_prepare(data, cap);
    if (buf->len)
        memcpy(data, buf->data, buf->len);
    free(buf->data);
    return data;
}

char *buf_grow(struct buf *buf, size_t n)
{
    if (buf->failed)
        return NULL;
    if (n >= buf->cap - buf->len || !buf->data) {
        size_t need, cap = buf->cap ? buf->cap : 256;
        if (__builtin_add_overflow(buf->len, n, &need) || need >= SIZE_MAX / 2) {
            buf->failed = true;
            return NULL;
        }
        while (cap <= need)
            cap *= 2;
        char *data = cap < LARGE_BYTES ? realloc(buf->data, cap) : move_to_large(buf, cap);
        if (!data) {
            buf->failed = true;
            return NULL;
        }
        buf->data = data;
        buf->cap = cap;
    }
    return buf->data + buf->len;
}

void buf_fill(struct buf *buf, char c, size_t n)
{
    char *p = buf_reserve(buf, n);
    if (!p)
        return;
    memset(p, c, n);
    p[n] = 0;
    buf->len += n;
}

void buf_vprintf(struct buf *buf, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    char *p = buf_reserve(buf, 128);
    size_t room = p ? buf->cap - buf->len : 0;
    int n = p ? vsnprintf(p, room, fmt, ap) : -1;
    if (n >= 0 && (size_t)n >= room) {
        p = buf_reserve(buf, (size_t)n);
        n = p ? vsnprintf(p, (size_t)n + 1, fmt, again) : -1;
    }
    va_end(again);
    if (n >= 0)
        buf->len += (size_t)n;
    else if (buf->data)
        buf->data[buf->len] = 0; /* what a first, too short attempt left */
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(buf, fmt, ap);
    va_end(ap);
}

static void add_number(struct buf *buf, uint64_t value, bool negative, size_t width)
{
    size_t n = digits_count(value) + negative;
    width = width < MOST_WIDTH ? width : MOST_WIDTH;
    char *p = buf_reserve(buf, n < width ? width : n);
    if (!p)
        return;
    for (; n < width; n++)
        *p++ = ' ';
    if (negative)
        *p++ = '-';
    buf_take(buf, digits_put(p, value));
}

void buf_int(struct buf *buf, int64_t value, size_t width)
{
    add_number(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0, width);
}

void buf_uint(struct buf *buf, uint64_t value, size_t width)
{
    add_number(buf, value, false, width);
}

void buf_hex(struct buf *buf, uint64_t value, size_t n_digits)
{
    char *p = buf_reserve(buf, DIGITS_MOST);
    if (!p)
        return;
    for (size_t n = digits_count_hex(value); n < n_digits && n < 16; n++)
        *p++ = '0';
    buf_take(buf, digits_put_hex(p, value));
}

void buf_drain(struct buf *buf)
{
    if (!buf->sink || buf->failed || buf->len < DRAIN_BYTES)
        return;
    bool ok = buf->sink(buf->sink_arg, buf);
    buf->failed |= !ok;
}
