/* bpf_wakes: when the threads of processes that wait are set going, and by which thread (the
 * kernel's sched_waking).  At most some 200000 a second and processor; what is more than that, or
 * comes while there is no room, is counted.
 *
 * A BPF program in the kernel notes them in a ring of 4 MiB; neither compiler nor tracefs is
 * needed. Units: times are CLOCK_MONOTONIC nanoseconds. Threads: one at a time a struct.  Signals:
 * no. */
#ifndef SONDE_OS_BPF_WAKES_H
#define SONDE_OS_BPF_WAKES_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct bpf_wakes;

struct bpf_wake {
    uint64_t time_ns;
    pid_t tid; /* of the thread that is set going */
    pid_t by;  /* who does it; 0: a timer, a device, or it cannot be told */
};

/* `children`: those that the process makes, and theirs, too.  NULL and *err: ERR_PERM (CAP_BPF and
 * CAP_PERFMON would do), ERR_UNSUPPORTED: no BPF, no type information, or a pid namespace with
 * numbers of its own; ERR_NOMEM.  Some 30 ms. */
struct bpf_wakes *bpf_wakes_new(pid_t pid, bool children, struct err *err);
void bpf_wakes_free(struct bpf_wakes *wakes); /* NULL is fine */

/* No further ones. */
void bpf_wakes_stop(struct bpf_wakes *wakes);
/* Hand on all that there are, almost in the order of time (of each processor, in order). */
void bpf_wakes_drain(struct bpf_wakes *wakes, void (*take)(void *arg, const struct bpf_wake *wake),
                     void *arg);
uint64_t bpf_wakes_n_lost(const struct bpf_wakes *wakes);

#endif
