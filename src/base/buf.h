/* buf: a growing byte buffer, the thing that reports are written to.
 * Failure is sticky: after a failed growth further writes do nothing and
 * `failed` stays set, so that it is checked once, at the end.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_BASE_BUF_H
#define SONDE_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    char *data; /* NUL-terminated once anything was written; else NULL */
    size_t len, cap;
    bool failed;
    /* For buf_drain: takes the contents (buf_clear), or leaves them.  False: what comes
     * after is of no use to anyone, and the buffer fails. */
    bool (*sink)(void *arg, struct buf *buf);
    void *sink_arg;
};

void buf_init(struct buf *buf);
void buf_release(struct buf *buf); /* also fine on a zeroed struct */
void buf_clear(struct buf *buf);   /* empties it, keeps the memory */

/* Room for n more bytes: pointer to write at (add to len yourself), or NULL. */
char *buf_grow(struct buf *buf, size_t n); /* the same, without a look whether there is room */
static inline char *buf_reserve(struct buf *buf, size_t n)
{
    /* One byte more, for the NUL. */
    return n < buf->cap - buf->len && !buf->failed ? buf->data + buf->len : buf_grow(buf, n);
}
/* What was written there, up to `end`, is a part of the contents; there is room for a NUL. */
static inline void buf_take(struct buf *buf, char *end)
{
    *end = 0;
    buf->len = (size_t)(end - buf->data);
}
static inline void buf_add(struct buf *buf, const void *data, size_t n)
{
    char *p = buf_reserve(buf, n);
    if (!p)
        return;
    if (n)
        memcpy(p, data, n);
    p[n] = 0;
    buf->len += n;
}
static inline void buf_puts(struct buf *buf, const char *s)
{
    buf_add(buf, s, strlen(s));
}
static inline void buf_putc(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}
/* Add c n times. */
void buf_fill(struct buf *buf, char c, size_t n);
/* Decimal, right-aligned in `width` columns (at most 64). */
void buf_int(struct buf *buf, int64_t value, size_t width);
void buf_uint(struct buf *buf, uint64_t value, size_t width);
/* Hexadecimal, at least n_digits (at most 16). */
void buf_hex(struct buf *buf, uint64_t value, size_t n_digits);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *fmt, va_list ap);
/* The contents as a string, "" when empty. */
static inline const char *buf_str(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}
/* What is there may go: to the sink, if there is one and it is worth the call.  For what
 * writes much and looks at none of it again; it should look at `failed` and end. */
void buf_drain(struct buf *buf);

#define AUTO_BUF __attribute__((cleanup(buf_release))) struct buf

#endif
