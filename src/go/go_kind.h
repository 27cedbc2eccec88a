/* go_kind: the profiles that are read out of a Go program's memory.  A kind is one file with
 * one `const struct go_kind_ops` and a line in go_kind_registry.c: the names after pid: and
 * core:, the help and `sonde record -p` come from there.
 *
 * In: a program.  Out: a profile as the program itself would write it (runtime/pprof).
 * Threads: one at a time a program.  Signals: no. */
#ifndef SONDE_GO_KIND_H
#define SONDE_GO_KIND_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "go/go_program.h"
#include "model/profile.h"

struct go_rates;

struct go_options {
    bool gc;         /* run a garbage collection first: writes to the program */
    bool consistent; /* stop the program while it is read */
    unsigned debug;  /* for text: 1, or 2 */
    /* What may be written; NULL: nothing.  Needed with `gc`. */
    struct go_rates *rates;
    bool (*stop)(void *arg); /* asked while a collection is waited for: give up?  or NULL */
    void *stop_arg;
};

struct go_kind_ops {
    const char *name; /* as runtime/pprof calls it */
    const char *help; /* one line */
    /* What switches the profile on: the variable, what it is set to for a while, and what it
     * counts in words ("a sample each 512 KiB"); GO_N_GLOBALS: it is always on. */
    enum go_global rate;
    uint64_t rate_on; /* of blocked time in nanoseconds */
    bool has_delta;   /* what happened in N seconds is the difference of two */

    /* Can there be one, as far as that is known before anything is collected?  False and *err.
     * NULL: it depends on `rate` only. */
    bool (*check)(const struct go_program *program, const struct go_options *options,
                  struct err *err);
    /* The profile, sealed and with its symbols; the caller's.  NULL and *err. */
    struct profile *(*profile)(struct go_program *program, const struct go_options *options,
                               struct diag *diag, struct err *err);
    /* Go's text (debug=1, debug=2), added to *out; NULL: it has none. */
    bool (*text)(struct go_program *program, const struct go_options *options, struct buf *out,
                 struct diag *diag, struct err *err);
};

extern const struct go_kind_ops go_kind_allocs;
extern const struct go_kind_ops go_kind_block;
extern const struct go_kind_ops go_kind_goroutine;
extern const struct go_kind_ops go_kind_goroutineleak;
extern const struct go_kind_ops go_kind_heap;
extern const struct go_kind_ops go_kind_mutex;
extern const struct go_kind_ops go_kind_threadcreate;

extern const struct go_kind_ops *const go_kind_registry[]; /* NULL-terminated */
const struct go_kind_ops *go_kind_find(const char *name);  /* NULL if unknown */

#endif
