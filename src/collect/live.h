/* live: profiles of a program from outside: of one that runs, unmodified, or of its core file.
 * Go programs have all of Go's profiles, read out of their memory (go/go_kind.h); of native
 * ones there is what the kernel tells.
 *
 * In: a process or a core file.  Out: profiles, sealed, or Go's texts.
 * Nothing is written to the process unless an option asks for it, and then what was written is
 * put back.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_LIVE_H
#define SONDE_COLLECT_LIVE_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "model/profile.h"

#include <stdbool.h>
#include <sys/types.h>

struct live_options {
    double seconds;     /* how long to collect; of profiles that count, what happens meanwhile;
                           0: not said */
    unsigned hz;        /* CPU samples a second; 0: 100 */
    bool gc;            /* a garbage collection first */
    bool enable;        /* switch profiles on that are off, while they are taken */
    bool no_children;   /* CPU time and waits: only of the process itself */
    bool consistent;    /* stop the program for the moment of reading */
    bool until_stopped; /* kinds that take time do until `stop` says so, where `seconds` is 0 */
    bool (*stop)(void *arg); /* asked now and then: collect no longer; or NULL */
    /* Collecting has begun, for so many seconds (0: until it is stopped): not called when all
     * is of a moment, or cannot be had; or NULL. */
    void (*began)(void *arg, double seconds);
    void *arg;
};

/* One profile that is asked for. */
struct live_part {
    const char *kind;        /* as live_kind gives it */
    unsigned debug;          /* 1, 2: Go's text instead of a profile; 0 */
    uint64_t rate;           /* that it is switched on with: bytes, nanoseconds, one in so many;
                                0: 512 KiB, 10 us, each */
    bool whole;              /* as it is in the end, also where `seconds` is said */
    struct profile *profile; /* out, the caller's; NULL with a text, and when it failed */
    struct buf text;         /* out, the caller's */
    struct err err;          /* out: why there is none; code 0: there is */
};

struct live;

/* The kind's name ("cpu" for "profile" ...); NULL: there is none. */
const char *live_kind(const char *name);
/* Call fn for the name of each kind, with its line of help. */
void live_each_kind(void (*fn)(void *arg, const char *name, const char *help), void *arg);

/* NULL and *err: ERR_INPUT: there is no such process (or file), ERR_IO, ERR_NOMEM; of a core file
 * also ERR_PERM, ERR_UNSUPPORTED.  A process that may not be read has a CPU profile still, and
 * that error for others.  `pid` 0: the whole system, which has a CPU profile.
 * `write`: options will have gc or enable. */
struct live *live_open_process(pid_t pid, bool write, struct err *err);
/* `exe` is the core file's program; NULL: as the core file tells. */
struct live *live_open_core(const char *path, const char *exe, struct err *err);
void live_free(struct live *live); /* NULL is fine */

bool live_is_go(const struct live *live);

/* Take the n profiles at once: those that take time over the same seconds.  Each part gets its
 * result or its error; notes go to *diag. */
void live_take(struct live *live, struct live_part *parts, size_t n,
               const struct live_options *options, struct diag *diag);

#endif
