/* cpu_perf: CPU samples of a command from outside, by perf events: for programs
 * that preloading cannot reach, and for rates above the timer tick.  The kernel
 * copies registers and a piece of the stack with each sample; a thread of ours
 * follows the processes' maps and walks the copies with tables compiled from the
 * files, by frame pointers where there are none.
 * Threads: one of its own between attach and finish.  Signals: no. */
#ifndef SONDE_COLLECT_CPU_PERF_H
#define SONDE_COLLECT_CPU_PERF_H

#include "collect/gather.h"
#include "collect/recorder.h"

struct cpu_perf;

/* May this user open such events?  *kernel: the kernel's own part of a stack too.
 * False with ERR_PERM or ERR_UNSUPPORTED: why, and what to do. */
bool cpu_perf_permitted(bool *kernel, struct err *err);

/* The events, on a command that waits at its gate; they count from its exec on.
 * Samples go to `gather`, which is borrowed and not to be touched before
 * cpu_perf_finish.  NULL and *err on failure. */
struct cpu_perf *cpu_perf_new(pid_t pid, unsigned hz, bool children, struct gather *gather,
                              struct err *err);
void cpu_perf_free(struct cpu_perf *perf); /* NULL is fine */

void cpu_perf_status(struct cpu_perf *perf, struct recorder_status *status);

/* Ends the events and takes in what the kernel still holds.  *main_file gets the
 * executable that the command ran last, owned by `perf`; *n_running
 * the processes that still run. */
void cpu_perf_finish(struct cpu_perf *perf, struct str *main_file, unsigned *n_running);

#endif
