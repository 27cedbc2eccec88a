/* reader: whole files in memory, files written beside and renamed, and a
 * bounded cursor over bytes (the only way decoders read).
 * Threads: a file may be read by many; a cursor belongs to one. */
#ifndef SONDE_BASE_READER_H
#define SONDE_BASE_READER_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>
#include <unistd.h>

/* A file's contents: mapped when it is a regular file, else read to its end. */
struct file {
    const uint8_t *data; /* NULL only when len is 0 */
    size_t len;
    bool mapped;
};

/* False with ERR_IO/ERR_PERM: "cannot read 'PATH': why".  Directories and
 * devices are refused, but for terminals; ERR_INPUT: a stream of more than
 * file_most_bytes().  "-" is not special.  A file that shrinks while mapped can raise SIGBUS, so
 * inputs that others may rewrite should be read with file_read instead. */
bool file_map(struct file *file, const char *path, struct err *err);
bool file_read(struct file *file, const char *path, struct err *err);

/* Of what may be without an end: half of the machine's memory, at most 16 GB. */
uint64_t file_most_bytes(void);

void file_release(struct file *file); /* also fine on a zeroed struct */

/* Write data to PATH: to a temporary file beside it, then renamed, so that
 * PATH is whole or untouched (a device or pipe is written directly).  A link is
 * followed, an existing file keeps its permissions and is refused when it is not
 * writable.
 * False with ERR_IO: what and where; nothing is left behind. */
bool file_write_atomic(const char *path, const void *data, size_t len, struct err *err);

/* Make the folder PATH and those above it, as far as they are not there, with this mode.
 * False with ERR_IO/ERR_PERM: "cannot make the folder 'PATH': why". */
bool file_make_folders(const char *path, unsigned mode, struct err *err);

static inline void auto_close_(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define AUTO_FD __attribute__((cleanup(auto_close_))) int
#define AUTO_FILE __attribute__((cleanup(file_release))) struct file

/* Cursor.  Reading past the end sets `bad` and yields zeros from then on, so
 * that a group of reads is checked once. */
struct cursor {
    const uint8_t *p, *end;
    bool bad;
};

static inline struct cursor cursor_of(const void *data, size_t len)
{
    const uint8_t *p = data; /* NULL + 0 is not defined */
    return (struct cursor){p, len ? p + len : p, false};
}
static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->p);
}

/* Protobuf varint: at most 10 bytes. */
static inline uint64_t cursor_varint(struct cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (c->p == c->end)
            break;
        uint8_t b = *c->p++;
        v |= (uint64_t)(b & 0x7f) << (shift & 63);
        if (b < 0x80)
            return v;
    }
    c->bad = true;
    c->p = c->end;
    return 0;
}

/* The next n bytes as a slice; empty and bad when fewer are left. */
static inline struct str cursor_bytes(struct cursor *c, uint64_t n)
{
    if (n > cursor_left(c)) {
        c->bad = true;
        c->p = c->end;
        return (struct str){"", 0};
    }
    struct str s = {(const char *)c->p, (size_t)n};
    c->p += n;
    return s;
}

#define CURSOR_INT_(name, type)                                                                    \
    static inline type name(struct cursor *c)                                                      \
    {                                                                                              \
        type v = 0;                                                                                \
        struct str s = cursor_bytes(c, sizeof v);                                                  \
        if (s.len)                                                                                 \
            memcpy(&v, s.p, sizeof v);                                                             \
        return v;                                                                                  \
    }
CURSOR_INT_(cursor_u8, uint8_t)
CURSOR_INT_(cursor_u16, uint16_t) /* these three in the machine's byte order */
CURSOR_INT_(cursor_u32, uint32_t)
CURSOR_INT_(cursor_u64, uint64_t)

#endif
