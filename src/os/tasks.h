/* tasks: the threads of a process, as /proc has them.
 * In: a process.  Out: its threads; they come and go meanwhile.
 * Threads: reads may run at once.  Signals: no. */
#ifndef SONDE_OS_TASKS_H
#define SONDE_OS_TASKS_H

#include "base/err.h"
#include "os/proc.h"

#include <stddef.h>

struct task {
    pid_t tid;   /* here */
    pid_t inner; /* in the thread's own pid namespace: as it calls itself */
};

/* Zeroed to begin with; vec_release to end. */
struct task_list {
    struct task *items;
    size_t n, cap;
};

/* The threads of now, in place of what *list held.  False and *err: ERR_INPUT: the process
 * has ended, ERR_NOMEM. */
bool tasks_read(const struct proc *proc, struct task_list *list, struct err *err);

/* 'R', 'S', 'D' ... as proc(5) has it; 0: it is gone. */
char tasks_state(const struct proc *proc, pid_t tid);

enum task_state { TASK_GONE, TASK_RUNS, TASK_WAITS };
/* Whether a thread waits in the kernel, in which system call (-1: in none), and where it goes on.
 */
enum task_state tasks_waits(const struct proc *proc, pid_t tid, int64_t *call, uint64_t *pc,
                            uint64_t *sp);

/* How much a thread has run: the same two times, it has not run in between. */
struct task_clock {
    uint64_t cpu_ns, n_runs;
};
bool tasks_clock(const struct proc *proc, pid_t tid, struct task_clock *clock);

/* How often it has given up its processor by itself, to wait; false: it is gone. */
bool tasks_sleeps(const struct proc *proc, pid_t tid, uint64_t *n_sleeps);

struct task_look {
    char name[65]; /* as long as the kernel's workers have it */
    char state;    /* as ps has it: R, S, D, T ... */
    struct task_clock clock;
};
/* False: it is gone. */
bool tasks_look(const struct proc *proc, pid_t tid, struct task_look *look);

/* Where a thread that waits in the kernel goes on.  False: it runs, or is gone. */
bool tasks_blocked(const struct proc *proc, pid_t tid, uint64_t *pc, uint64_t *sp);

#endif
