/* collect: the kinds of things that can be recorded.  A kind is one file with
 * one `const struct collect_ops` and a line in collect_registry.c; the command
 * line, its help and the default file name come from there.
 *
 * One recording goes: open, start the command (it waits at its gate), attach,
 * let it run, status now and then, finish, close.
 *
 * In: a command.  Out: a sealed, symbolised profile.
 * Threads: one at a time; a collector may run threads of its own between attach
 * and finish.  Signals: no. */
#ifndef SONDE_COLLECT_COLLECT_H
#define SONDE_COLLECT_COLLECT_H

#include "base/diag.h"
#include "base/err.h"
#include "model/profile.h"

#include <sys/types.h>

struct collect_request {
    char *const *argv; /* the command; borrowed until close */
    unsigned hz;       /* samples a second; 0 = the kind's default */
    bool children;     /* follow child processes */
};

struct collect_status {
    uint64_t n_samples;   /* kept */
    uint64_t n_dropped;   /* lost: memory or ring full */
    uint64_t n_truncated; /* kept, but the stack was cut */
    unsigned n_processes; /* seen so far, ended ones too */
};

struct collect_result {
    struct profile *profile; /* the caller frees */
    struct collect_status status;
};

/* One recording; each kind puts its own state behind it. */
struct collector {
    const struct collect_ops *ops;
};

struct collect_ops {
    const char *name; /* as in -e NAME */
    const char *help; /* one line */

    /* Look at the command and prepare.  Notes (a fallback taken, ...) go to *diag.
     * NULL and *err when it cannot be recorded (ERR_UNSUPPORTED, ERR_PERM: why
     * and what to do) or the system refuses (ERR_IO, ERR_NOMEM). */
    struct collector *(*open)(const struct collect_request *request, struct diag *diag,
                              struct err *err);
    /* The environment to start the command with; the collector's own.
     * *pid_slot: see struct spawn_options. */
    char *const *(*environment)(struct collector *collector, char **pid_slot);
    /* The command waits at its gate as process `pid`.  False and *err on failure. */
    bool (*attach)(struct collector *collector, pid_t pid, struct err *err);
    /* How far it is.  Cheap; counters only. */
    void (*status)(struct collector *collector, struct collect_status *status);
    /* The command has ended; `cpu_ns` is what it and its children used as far as
     * the kernel told.  False and *err when memory runs out. */
    bool (*finish)(struct collector *collector, uint64_t cpu_ns, struct collect_result *result,
                   struct diag *diag, struct err *err);
    /* Releases everything, the session's files too.  Valid at any moment. */
    void (*close)(struct collector *collector);
};

extern const struct collect_ops *const collect_registry[]; /* in help's order; NULL-terminated */
const struct collect_ops *collect_find(const char *name);  /* NULL if unknown */

#endif
