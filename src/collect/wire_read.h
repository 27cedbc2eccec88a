/* wire_read: the files that libsonde fills (wire/wire.h), read into a gather.
 * In: files that other processes wrote and may still be writing; nothing in them
 * is trusted.  They are read, not mapped, so that one cut short cannot raise
 * SIGBUS here.
 * Threads: one at a time a reader.  Signals: no. */
#ifndef SONDE_COLLECT_WIRE_READ_H
#define SONDE_COLLECT_WIRE_READ_H

#include "base/diag.h"
#include "base/err.h"
#include "collect/gather.h"
#include "collect/layout.h"
#include "wire/wire.h"

/* The header of a file, its texts NUL-terminated.  False with ERR_INPUT or ERR_IO. */
bool wire_peek(const char *path, struct wire_header *header, struct err *err);

struct wire_reader {
    const struct collect_ops *kind; /* whose rows are read */
    struct gather *gather;          /* borrowed; of that kind */
    uint32_t source;                /* WIRE_TRACE: the high half of keys; the low one is the row */
    pid_t main_pid;                 /* whose executable gets a mapping even without samples */
    struct layouts layouts;
};

void wire_reader_release(struct wire_reader *reader);

/* Add one file's stacks.  *header gets its final header.  False and *err when the
 * file is not valid at all; single damaged rows are left out, with one note. */
bool wire_read(struct wire_reader *reader, const char *path, struct wire_header *header,
               struct diag *diag, struct err *err);

/* The path of the executable that a header tells, "" if none; a file deleted
 * since is named without the kernel's " (deleted)". */
struct str wire_exe(const struct wire_header *header);

#endif
