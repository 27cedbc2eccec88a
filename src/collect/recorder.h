/* recorder: records a command, profiles of several kinds at once: by libsonde preloaded
 * into its processes as a rule; CPU time by perf events from outside for what
 * preloading cannot reach (static and Go programs) and for rates above the kernel's
 * timer tick.
 *
 * One recording goes: new, start the command (it waits at its gate), attach, let it run,
 * status now and then, finish, free.
 *
 * In: a command.  Out: a sealed, symbolised profile of each kind.
 * Threads: one at a time; it may run threads of its own between attach and finish.
 * Signals: no. */
#ifndef SONDE_COLLECT_RECORDER_H
#define SONDE_COLLECT_RECORDER_H

#include "base/diag.h"
#include "base/err.h"
#include "collect/collect.h"
#include "collect/native_trace.h"
#include "model/profile.h"

#include <sys/types.h>

struct recorder_request {
    char *const *argv;       /* the command; borrowed until recorder_free */
    uint32_t kinds;          /* mask of 1 << enum wire_kind */
    unsigned hz;             /* CPU samples a second; 0 = 100 */
    uint64_t heap_rate;      /* bytes allocated a heap sample; 0 = 512 KiB */
    uint64_t block_rate;     /* ns blocked a block sample; 0 = 10000 */
    uint64_t mutex_fraction; /* one contention in so many; 0 = 1 */
    bool children;           /* follow child processes */
    bool moments;            /* recorder_moment will be called */
    uint64_t flight_ns;      /* of a trace, only the last events, of that long; 0: all */
};

struct recorder_counts {
    uint64_t n_samples;   /* kept */
    uint64_t n_dropped;   /* lost: memory or ring full */
    uint64_t n_truncated; /* kept, but the stack was cut */
};

struct recorder_status {
    struct recorder_counts counts[WIRE_KINDS];
    unsigned n_processes; /* seen so far, ended ones too */
};

struct recorder;

/* Look at the command and prepare.  Notes (a fallback taken, ...) go to *diag.  NULL and
 * *err when it cannot be recorded (ERR_UNSUPPORTED, ERR_PERM: why and what to do) or the
 * system refuses (ERR_IO, ERR_NOMEM). */
struct recorder *recorder_new(const struct recorder_request *request, struct diag *diag,
                              struct err *err);
void recorder_free(struct recorder *recorder); /* the session's files too; NULL is fine */

/* The environment to start the command with; the recorder's own.  *pid_slot: see struct
 * spawn_options. */
char *const *recorder_environment(struct recorder *recorder, char **pid_slot);
/* The command waits at its gate as process `pid`.  False and *err on failure. */
bool recorder_attach(struct recorder *recorder, pid_t pid, struct err *err);
/* How far it is.  Cheap; counters only. */
void recorder_status(struct recorder *recorder, struct recorder_status *status);
/* From here to the end, or to the next moment, recorder_profile makes profiles of this
 * moment, while the command runs: of kinds that have one. */
void recorder_moment(struct recorder *recorder, struct diag *diag);
/* The command has ended, or is recorded no longer; `cpu_ns` is what it and its children used
 * as far as the kernel told. */
void recorder_end(struct recorder *recorder, uint64_t cpu_ns, struct diag *diag);
/* The profile of one kind, which the caller frees.  NULL and *err when memory runs out. */
struct profile *recorder_profile(struct recorder *recorder, const struct collect_ops *kind,
                                 struct diag *diag, struct err *err);

/* The trace, to `fd`: after recorder_end; of a flight recorder at a moment too.  False and *err. */
bool recorder_trace(struct recorder *recorder, int fd, struct native_trace_result *result,
                    struct diag *diag, struct err *err);

#endif
