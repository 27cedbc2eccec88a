/* ptrace: stops threads of another process for a moment, to read where they are.
 *
 * Calls that the threads are in go on afterwards, or fail with EINTR (epoll_wait, waits with a
 * timeout): Go's runtime makes such calls again, foreign code may not.  They go on also when
 * we are killed: the kernel lets go of them.
 * In: a process.  Out: registers.
 * Threads: one at a time a process; a thread of ours is the tracer, and its end releases all
 * that it holds.  Signals: none is lost; none is sent. */
#ifndef SONDE_OS_PTRACE_H
#define SONDE_OS_PTRACE_H

#include "base/err.h"
#include "os/tasks.h"

struct ptrace_thread {
    struct task task;
    uint64_t pc, sp, bp;
};

struct ptrace_stop {
    const struct ptrace_thread *threads; /* that stand still */
    size_t n_threads;
    size_t n_missing; /* that should, and do not */
};

/* Stop those of the threads `tids` that run (all that there are, and those that they begin
 * meanwhile, when NULL), call fn(arg, stop) on a thread of our own, and let them go on.  Threads
 * that end, or do not come out of the kernel within some ms, are left out.  What fn does is what
 * the threads wait for: it should copy and no more. `pause_ns` may be NULL.  False and *err, and fn
 * was not called, when none could be stopped: ERR_PERM with what would do, or the process that
 * traces it already; ERR_UNSUPPORTED on other processors. */
bool ptrace_while(const struct proc *proc, const pid_t *tids, size_t n,
                  void (*fn)(void *arg, const struct ptrace_stop *stop), void *arg,
                  uint64_t *pause_ns, struct err *err);
/* The same, but only those that have not waited since tasks_sleeps told n_sleeps of them: what
 * is busy in user space is stopped, and (but for some microseconds) no system call fails. */
bool ptrace_while_busy(const struct proc *proc, const pid_t *tids, const uint64_t *n_sleeps,
                       size_t n, void (*fn)(void *arg, const struct ptrace_stop *stop), void *arg,
                       uint64_t *pause_ns, struct err *err);

#endif
