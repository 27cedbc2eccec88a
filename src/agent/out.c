#include "agent/out.h"

#include "agent/raw.h"

#include <errno.h>
#include <stdbool.h>

#define BUFFER_BYTES (64u << 10)

void out_init(struct out *out, int fd)
{
    *out = (struct out){.fd = fd};
}

void out_release(struct out *out)
{
    if (out->bytes)
        raw_unmap(out->bytes, out->max);
    *out = (struct out){.fd = -1};
}

void *out_grow(void *old, size_t n_old, size_t n_new)
{
    if (!old)
        return raw_alloc(n_new);
    long p = raw6(SYS_mremap, (long)old, (long)n_old, (long)n_new, MREMAP_MAYMOVE, 0, 0);
    return p < 0 && p > -4096 ? NULL : (void *)p;
}

static bool grow(struct out *out, size_t least)
{
    size_t more = out->max ? out->max : BUFFER_BYTES;
    while (more < least)
        more *= 2;
    char *p = more <= OUT_BYTES_MAX ? out_grow(out->bytes, out->max, more) : NULL;
    if (!p) {
        out->error = ENOMEM;
        return false;
    }
    out->bytes = p;
    out->max = more;
    return true;
}

/* A reader that has gone is an error that the caller is told of, and no SIGPIPE. */
static long write_some(int fd, const void *data, size_t n)
{
    const uint64_t pipe = 1ull << (SIGPIPE - 1);
    const struct timespec now = {0, 0};
    uint64_t mask, before = 0;
    raw4(SYS_rt_sigpending, (long)&before, 8, 0, 0);
    raw_sigmask(SIG_BLOCK, &pipe, &mask);
    long done = raw4(SYS_write, fd, (long)data, (long)n, 0);
    if (done == -EPIPE && !(before & pipe))
        raw4(SYS_rt_sigtimedwait, (long)&pipe, 0, (long)&now, 8);
    raw_sigmask(SIG_SETMASK, &mask, NULL);
    return done;
}

static void write_all(struct out *out)
{
    for (size_t at = 0; at < out->n;) {
        long done = write_some(out->fd, out->bytes + at, out->n - at);
        if (done == -EINTR)
            continue;
        if (done <= 0) {
            out->error = done < 0 ? (int)-done : EIO;
            return;
        }
        at += (size_t)done;
    }
    out->n = 0;
}

void out_put(struct out *out, const void *data, size_t n)
{
    const char *p = data;
    while (n && !out->error) {
        if (out->n == out->max && out->fd >= 0 && out->max)
            write_all(out);
        else if (n > out->max - out->n && (out->fd < 0 || !out->max))
            grow(out, out->fd < 0 ? out->n + n : BUFFER_BYTES);
        if (out->error)
            return;
        size_t some = n < out->max - out->n ? n : out->max - out->n;
        memcpy(out->bytes + out->n, p, some);
        out->n += some;
        p += some;
        n -= some;
    }
}

bool out_end(struct out *out)
{
    if (!out->error && out->fd >= 0)
        write_all(out);
    errno = out->error;
    return out->error == 0;
}

void out_number(struct out *out, int64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
    do
        digits[--at] = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0)
        out_put(out, "-", 1);
    out_put(out, digits + at, sizeof digits - at);
}

void out_hex(struct out *out, uint64_t v)
{
    char digits[18];
    size_t at = sizeof digits;
    do
        digits[--at] = "0123456789abcdef"[v & 15];
    while (v >>= 4);
    digits[--at] = 'x';
    digits[--at] = '0';
    out_put(out, digits + at, sizeof digits - at);
}

void out_html(struct out *out, const char *text)
{
    for (; *text; text++) {
        const char *name = *text == '<'    ? "&lt;"
                           : *text == '>'  ? "&gt;"
                           : *text == '&'  ? "&amp;"
                           : *text == '\'' ? "&#39;"
                           : *text == '"'  ? "&#34;"
                                           : NULL;
        if (name)
            out_text(out, name);
        else
            out_put(out, text, 1);
    }
}
