/* proc: one process, as /proc has it, and no other that gets its pid later.
 * In: a pid.  Out: its files under /proc, its identity.
 * Threads: reads may run at once; one at a time for open and release.  Signals: no. */
#ifndef SONDE_OS_PROC_H
#define SONDE_OS_PROC_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc {
    pid_t pid;
    uint64_t start_ticks; /* when it started, in clock ticks since boot: with the pid, who it is */
    int dir_fd;           /* /proc/PID: what is opened below it is this process's or fails */
    char comm[17];        /* its name when it was opened */
};

/* ERR_INPUT when there is no such process (or only a zombie).  On failure there is nothing
 * to release; releasing a zeroed struct is fine. */
bool proc_open(struct proc *proc, pid_t pid, struct err *err);
void proc_release(struct proc *proc);

/* It runs: neither ended nor a zombie, or there are threads left when the main one has ended.
 * One small read. */
bool proc_runs(const struct proc *proc);

/* The CPU time of all its threads, those that have ended too; false: it has ended.  In steps of a
 * clock tick. */
bool proc_cpu(const struct proc *proc, uint64_t *user_ns, uint64_t *system_ns);

/* A descriptor of "/proc/PID/NAME"; the caller closes it.  -1 and *err: ERR_INPUT when the
 * process has ended, ERR_PERM with the capability or sysctl that would do. */
int proc_file(const struct proc *proc, const char *name, int flags, struct err *err);
/* The whole text of that file, added to *out.  As above; ERR_NOMEM. */
bool proc_text(const struct proc *proc, const char *name, struct buf *out, struct err *err);

/* "pid 1234 may not be looked at ...": the message for an EPERM or EACCES of anything that
 * ptrace's rules guard.  Returns false. */
bool proc_not_permitted(pid_t pid, const char *what, struct err *err);

/* The pids whose name (comm, or the last part of argv[0] or of the executable) is `name`, the
 * caller's own left out.  At most `max` are stored; returns how many there are. */
size_t proc_find(const char *name, pid_t *pids, size_t max);
/* The names (comm) of the processes whose executable may be looked at, sorted, a line each, added
 * to *out, which fails for want of memory. */
void proc_names(struct buf *out);

#endif
