/* format: the kinds of profile files.  A format is one file with one
 * `const struct format_ops` and a line in format_registry.c.
 * Threads: calls are independent.  Signals: no. */
#ifndef SONDE_FORMAT_FORMAT_H
#define SONDE_FORMAT_FORMAT_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/reader.h"
#include "model/profile.h"

struct format_ops {
    const char *name;
    const char *help; /* one line */
    /* Could this be it?  Looks at content only, never at names; cheap. */
    bool (*probe)(const uint8_t *data, size_t len);
    /* Decode.  NULL and *err (ERR_INPUT: what, where) when it is not valid.
     * Every allocation is bounded by `len`. */
    struct profile *(*read)(const uint8_t *data, size_t len, struct diag *diag, struct err *err);
};

extern const struct format_ops *const format_registry[]; /* in probing order; NULL-terminated */

/* Decode a file's bytes: unpacks gzip and zstd, then asks the registry.  Packed bytes are
 * released as soon as they are unpacked: `file` then has the others; release it in
 * any case.  `name` is for messages only. */
struct profile *format_read(const char *name, struct file *file, struct diag *diag,
                            struct err *err);

/* The same for a large profile in a regular file, packed by gzip: it is decoded while it is read
 * and unpacked, on two processors, and neither packed nor unpacked bytes are in memory as a
 * whole.  The descriptor stays open.  without_stacks: who asks looks at no stack, so the profile
 * has samples without frames, and takes less memory.  NULL without a message: it is another file,
 * or a damaged one, for format_read. */
struct profile *format_read_ahead(int fd, bool without_stacks, struct diag *diag);

#endif
