/* ptrace: stops threads of another process for a moment, to read where they are.
 *
 * Calls that the threads are in go on afterwards, or fail with EINTR (epoll_wait, waits with a
 * timeout): Go's runtime makes such calls again, foreign code may not.  They go on also when
 * we are killed: the kernel lets go of them.
 * In: a process.  Out: registers.
 * Threads: one stop at a time a process; a thread of ours is the tracer, and its end releases
 * all that it holds.  Signals: none is lost; none is sent. */
#ifndef SONDE_OS_PTRACE_H
#define SONDE_OS_PTRACE_H

#include "base/err.h"
#include "os/tasks.h"

struct ptrace_thread {
    struct task task;
    uint64_t pc, sp, bp;
};

struct ptrace_stop;

/* Stop the threads `tids` (all, and those that they begin meanwhile, when NULL).  Threads that
 * end, or do not come out of the kernel within some ms, are left out.  NULL and *err when none
 * could be stopped: ERR_PERM with what would do, or the process that traces it already;
 * ERR_UNSUPPORTED on other processors. */
struct ptrace_stop *ptrace_stop(const struct proc *proc, const pid_t *tids, size_t n,
                                struct err *err);
/* Those that stand still; borrowed until ptrace_resume. */
const struct ptrace_thread *ptrace_threads(const struct ptrace_stop *stop, size_t *n);
/* How many should have been stopped, and were not. */
size_t ptrace_missing(const struct ptrace_stop *stop);
/* Let all go on.  Returns for how long the first of them stood still, in ns. */
uint64_t ptrace_resume(struct ptrace_stop *stop);

#endif
