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

struct buf {
    char *data; /* NUL-terminated once anything was written; else NULL */
    size_t len, cap;
    bool failed;
};

void buf_init(struct buf *buf);
void buf_release(struct buf *buf); /* also fine on a zeroed struct */
void buf_clear(struct buf *buf);   /* empties it, keeps the memory */

/* Room for n more bytes: pointer to write at (add to len yourself), or NULL. */
char *buf_reserve(struct buf *buf, size_t n);
void buf_add(struct buf *buf, const void *data, size_t n);
void buf_puts(struct buf *buf, const char *s);
void buf_putc(struct buf *buf, char c);
/* Add c n times. */
void buf_fill(struct buf *buf, char c, size_t n);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *fmt, va_list ap);
/* The contents as a string, "" when empty. */
const char *buf_str(const struct buf *buf);

#define AUTO_BUF __attribute__((cleanup(buf_release))) struct buf

#endif
