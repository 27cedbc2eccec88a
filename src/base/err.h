/* err: how a failure travels.  A function that can fail returns bool (or a
 * pointer) and takes `struct err *` last; the cause fills it once, callers
 * may put context in front of it.  Only ui prints it.
 * Threads: one struct err per call chain.  Signals: no. */
#ifndef SONDE_BASE_ERR_H
#define SONDE_BASE_ERR_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum err_code {
    ERR_NONE = 0,
    ERR_USAGE,       /* the command line: unknown flag, bad regexp, bad value */
    ERR_INPUT,       /* the data: truncated, malformed, over a limit */
    ERR_IO,          /* the system: cannot open, read, write; disk full */
    ERR_PERM,        /* a permission that is missing */
    ERR_NOMEM,       /* allocation failed */
    ERR_UNSUPPORTED, /* valid, but not something this build or kernel can do */
};

struct err {
    enum err_code code;
    int sys_errno; /* 0 when no system call was involved */
    char msg[512]; /* one line, no newline, no program prefix */
};

/* Fill *err with a message.  Always returns false, so that
 * `return err_set(err, ...)` is the usual form.  `err` may be NULL. */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends ": strerror(sys_errno)".
 * EACCES and EPERM become ERR_PERM, ENOMEM ERR_NOMEM, all others ERR_IO. */
bool err_sys(struct err *err, int sys_errno, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* "out of memory" with ERR_NOMEM.  Returns false. */
bool err_nomem(struct err *err);

/* Put "CONTEXT: " in front of the message.  Returns false. */
bool err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The process exit status that fits: 2 for usage and input, else 1. */
int err_exit_status(const struct err *err);

#ifdef __cplusplus
}
#endif

#endif
