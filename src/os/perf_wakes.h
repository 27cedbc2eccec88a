/* perf_wakes: who wakes the threads of a process: a sample, with the stack of the waker, whenever
 * one of them that waits is set going (the kernel's sched_waking), wherever the waker is.  At most
 * some 5000 a second and processor, taken at random of more.
 *
 * A BPF program in the kernel chooses them; neither compiler nor tracefs is needed.
 * In: pids.  Out: perf events; also the records of what all processes map, fork and execute.
 * Threads: one at a time a struct.  Signals: no. */
#ifndef SONDE_OS_PERF_WAKES_H
#define SONDE_OS_PERF_WAKES_H

#include "os/perf.h"

struct perf_wakes;

/* NULL and *err: ERR_PERM (CAP_BPF and CAP_PERFMON would do), ERR_UNSUPPORTED: no BPF, no type
 * information, or a pid namespace with numbers of its own; ERR_IO, ERR_NOMEM.  Some ms. */
struct perf_wakes *perf_wakes_new(pid_t pid, struct err *err);
void perf_wakes_free(struct perf_wakes *wakes); /* NULL is fine */
/* One more process; there is room for 1024, of further ones nothing is told. */
void perf_wakes_add(struct perf_wakes *wakes, pid_t pid);

struct perf *perf_wakes_events(struct perf_wakes *wakes);

struct perf_wake {
    pid_t pid, tid;      /* of the thread that is woken; the record's are the waker's */
    char waker_name[16]; /* NUL-terminated */
};
/* False: it is no such sample. */
bool perf_wakes_of(const struct perf_record *record, struct perf_wake *wake);

#endif
