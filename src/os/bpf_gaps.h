/* bpf_gaps: when threads of a process were off their processor for longer than a while: because
 * another one ran there, or because they waited in the kernel.
 *
 * A BPF program at the kernel's sched_switch, in our own instructions, keeps when each of them left
 * and hands over what was long enough.  It runs at every switch of the machine (0.3 us).
 * In: a process.  Out: gaps, a thread's in the order of their times.
 * Units: CLOCK_MONOTONIC ns.  Threads: one at a time a struct.  Signals: no. */
#ifndef SONDE_OS_BPF_GAPS_H
#define SONDE_OS_BPF_GAPS_H

#include "base/err.h"
#include "os/proc.h"

struct bpf_gaps;

struct bpf_gap {
    uint64_t from_ns, to_ns; /* to 0: it lasts still */
    uint64_t thread;         /* as it calls itself, in its own pid namespace */
    bool is_ready;           /* it could have run on; else it waited */
};

/* Gaps of at least so long, from now on.  NULL and *err: ERR_PERM (CAP_BPF and CAP_PERFMON would
 * do), ERR_UNSUPPORTED, ERR_INPUT: the process has ended; ERR_NOMEM.  Some ms. */
struct bpf_gaps *bpf_gaps_new(const struct proc *proc, uint64_t least_ns, struct err *err);
void bpf_gaps_free(struct bpf_gaps *gaps); /* NULL is fine */

typedef void bpf_gaps_take_fn(void *arg, const struct bpf_gap *gap);
/* Hand over those that have ended. */
void bpf_gaps_drain(struct bpf_gaps *gaps, bpf_gaps_take_fn *take, void *arg);
/* Those that last: a look at each thread that is off its processor, 1 us each. */
void bpf_gaps_look(struct bpf_gaps *gaps, bpf_gaps_take_fn *take, void *arg);

#endif
