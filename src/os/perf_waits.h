/* perf_waits: the waits of a process's threads, each from when the thread leaves its processor,
 * not to go on by itself, until it is on one again; with the stacks of those that wait, and of
 * those that end it, wherever they are.  Being off the processor while it could run is no wait.
 *
 * BPF programs in the kernel, of our own instructions, do it: neither compiler nor tracefs is
 * needed.  The one at sched_switch runs at every switch of the machine.  It takes the time at both
 * ends of a wait, so that nothing that is lost falsifies it; what copying takes is taken off.
 * Which stacks are copied is chosen when waits begin, so that it does not depend on their length:
 * by site, which is a thread together with its program counter and stack pointer.  Of a site that
 * has up to 500 waits a second all are chosen, of others each with the chance 1/N, where N follows
 * from their number in the 0.1 s before; and the same once more for all together on a processor, up
 * to 3000.  Who ends a wait is told of those that were chosen.  Waits without a stack, also those
 * for which there was no room, are added up by site and handed over as `others` with the next one
 * there that has one, or in the rest.  So all that are handed over, the others and the rest
 * together are exactly those that ended; and the stacks, each weighted with its N, are what the
 * site's are. A thread has 15 sites, and one for all further ones; before Linux 5.15, one in all.
 *
 * In: a process.  Out: perf events: notes on waits, and the records of what all processes map, fork
 * and execute.  Units: CLOCK_MONOTONIC ns.
 * Threads: one at a time a struct.  Signals: no. */
#ifndef SONDE_OS_PERF_WAITS_H
#define SONDE_OS_PERF_WAITS_H

#include "os/perf.h"

#define PERF_WAIT_SITES 16

struct perf_waits;

struct perf_waits_options {
    pid_t pid;
    bool children; /* those that it makes, and theirs, too: 4096 processes at a time */
    bool wakers;   /* notes of who ends waits */
};

/* From now on.  NULL and *err: ERR_PERM (CAP_BPF and CAP_PERFMON would do), ERR_UNSUPPORTED: no
 * BPF, no type information, or a pid namespace with numbers of its own; ERR_IO, ERR_NOMEM.  Some 40
 * ms. */
struct perf_waits *perf_waits_new(const struct perf_waits_options *options, struct err *err);
void perf_waits_free(struct perf_waits *waits); /* NULL is fine */

struct perf *perf_waits_events(struct perf_waits *waits);
/* No further ones. */
void perf_waits_stop(struct perf_waits *waits);

struct perf_wait_sum {
    uint64_t n, ns;
};

enum perf_wait_kind {
    PERF_WAIT_BEGINS = 1, /* the record has the stack */
    PERF_WAIT_WOKEN,      /* the record is of the thread that ends it */
    PERF_WAIT_ENDS,
    PERF_WAIT_REST, /* of a thread that has ended, or from perf_waits_rest */
};

/* As the kernel hands it over. */
struct perf_wait_note {
    uint32_t kind;
    uint32_t site;     /* a number of the thread's own */
    uint32_t tid, pid; /* of the thread that waits */
    uint64_t since_ns; /* but for a rest: which one of its waits */
    union {
        uint64_t weight; /* of PERF_WAIT_BEGINS: it was chosen among so many, by its chance */
        struct {
            uint64_t ns; /* of PERF_WAIT_ENDS: how long it was */
            struct perf_wait_sum others;
        };
        char waker_name[16]; /* of PERF_WAIT_WOKEN; NUL-terminated */
    };
    struct perf_wait_sum rest[PERF_WAIT_SITES]; /* of PERF_WAIT_REST */
};
/* False: it is none. */
bool perf_waits_note(const struct perf_record *record, struct perf_wait_note *note);

/* After the stop, and what was in the rings by then: what has not been handed over, a thread at a
 * time.  Some us a thread. */
void perf_waits_rest(struct perf_waits *waits,
                     void (*take)(void *arg, const struct perf_wait_note *note), void *arg);
/* Waits of which nothing is known: there were more than 16384 threads. */
uint64_t perf_waits_n_unseen(const struct perf_waits *waits);

#endif
