#include "os/ptrace.h"

#include "base/vec.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

/* A thread in the kernel that does not stop (a vfork, a slow disk) is not waited for longer. */
#define PATIENCE_NS 20000000u
/* One that waits for a processor, to come to its stop: where there are few and much to do. */
#define PATIENCE_RUNNABLE_NS 1000000000u
#define ROUNDS_MAX 20

struct held {
    struct task task;
    int signal; /* that it was about to get: passed on */
    bool is_stopped;
};

struct tracer {
    const struct proc *proc;
    const pid_t *tids;
    const uint64_t *n_sleeps; /* of each; or NULL */
    size_t n_tids;
    void (*fn)(void *arg, const struct ptrace_stop *stop);
    void *arg;
    VEC(struct held) held;
    VEC(struct ptrace_thread) threads;
    uint64_t begin_ns, end_ns;
    size_t n_refused; /* threads that could not be traced: another process does */
    int error;        /* errno of one of them */
    bool out_of_memory, has_ended;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool is_held(const struct tracer *stop, pid_t tid)
{
    for (size_t i = 0; i < stop->held.n; i++)
        if (stop->held.items[i].task.tid == tid)
            return true;
    return false;
}

/* One that has ended before the others (a main thread, mostly) stays as a zombie. */
static bool has_ended(const struct tracer *stop, pid_t tid)
{
    char state = tasks_state(stop->proc, tid);
    return state == 0 || state == 'Z' || state == 'X';
}

/* Of those that were named: does it wait, or has it done so meanwhile?  Its system call could
 * fail. */
static bool has_waited(const struct tracer *stop, pid_t tid, size_t which)
{
    int64_t call;
    uint64_t pc, sp, n;
    return tasks_waits(stop->proc, tid, &call, &pc, &sp) != TASK_RUNS ||
           (stop->n_sleeps && (!tasks_sleeps(stop->proc, tid, &n) || n != stop->n_sleeps[which]));
}

/* Ask a thread to stop; `which` of those that were named. */
static void seize(struct tracer *stop, struct task task, size_t which)
{
    if (ptrace(PTRACE_SEIZE, task.tid, NULL, NULL) < 0) {
        int error = errno;
        if (error != ESRCH && !has_ended(stop, task.tid)) {
            stop->error = error;
            stop->n_refused++;
        }
        return;
    }
    /* The end of this thread lets it go. */
    if (stop->tids && has_waited(stop, task.tid, which))
        return;
    if (!vec_push(&stop->held, (struct held){.task = task})) {
        stop->out_of_memory = true;
        return;
    }
    ptrace(PTRACE_INTERRUPT, task.tid, NULL, NULL);
}

/* False: it has not stopped yet. */
static bool look_at(struct held *held)
{
    int status;
    pid_t got = waitpid(held->task.tid, &status, __WALL | WNOHANG);
    if (got == 0)
        return false;
    held->is_stopped = got == held->task.tid && WIFSTOPPED(status);
    /* A stop by us (or of a stopped process) is an event; all else is a signal under way. */
    if (held->is_stopped && status >> 16 == 0)
        held->signal = WSTOPSIG(status);
    if (!held->is_stopped)
        held->task.tid = 0; /* gone */
    return true;
}

static void wait_for(struct tracer *stop, size_t first)
{
    uint64_t begin = now_ns();
    for (size_t i = first; i < stop->held.n; i++) {
        struct held *held = &stop->held.items[i];
        for (unsigned n = 0; !look_at(held); n++) {
            uint64_t waited = now_ns() - begin;
            if (waited > PATIENCE_NS &&
                (tasks_state(stop->proc, held->task.tid) != 'R' || waited > PATIENCE_RUNNABLE_NS))
                break;
            if (n < 50)
                sched_yield();
            else
                nanosleep(&(struct timespec){0, 20000}, NULL);
        }
    }
}

static void read_registers(struct tracer *stop)
{
    for (size_t i = 0; i < stop->held.n; i++) {
        const struct held *held = &stop->held.items[i];
        struct ptrace_thread thread = {.task = held->task};
        if (!held->is_stopped)
            continue;
#ifdef __x86_64__
        struct user_regs_struct regs;
        if (ptrace(PTRACE_GETREGS, held->task.tid, NULL, &regs) < 0)
            continue;
        thread.pc = regs.rip;
        thread.sp = regs.rsp;
        thread.bp = regs.rbp;
#endif
        if (!vec_push(&stop->threads, thread))
            stop->out_of_memory = true;
    }
}

static void stop_all(struct tracer *stop)
{
    struct task_list tasks = {0};
    for (unsigned round = 0; round < ROUNDS_MAX && !stop->error; round++) {
        size_t first = stop->held.n;
        if (!tasks_read(stop->proc, &tasks, NULL)) {
            stop->has_ended = true;
            break;
        }
        for (size_t i = 0; i < tasks.n; i++)
            if (!is_held(stop, tasks.items[i].tid))
                seize(stop, tasks.items[i], 0);
        if (stop->held.n == first)
            break;
        wait_for(stop, first);
    }
    vec_release(&tasks);
}

static void stop_some(struct tracer *stop)
{
    struct task_list tasks = {0};
    if (!tasks_read(stop->proc, &tasks, NULL))
        stop->has_ended = true;
    for (size_t i = 0; i < tasks.n; i++)
        for (size_t k = 0; k < stop->n_tids; k++)
            if (tasks.items[i].tid == stop->tids[k] && !is_held(stop, tasks.items[i].tid))
                seize(stop, tasks.items[i], k);
    wait_for(stop, 0);
    vec_release(&tasks);
}

static size_t n_missing(const struct tracer *stop)
{
    size_t n = stop->n_refused;
    for (size_t i = 0; i < stop->held.n; i++)
        n += stop->held.items[i].task.tid && !stop->held.items[i].is_stopped;
    return n;
}

static void *trace(void *arg)
{
    struct tracer *stop = arg;
    stop->begin_ns = now_ns();
    if (stop->tids)
        stop_some(stop);
    else
        stop_all(stop);
    read_registers(stop);
    if (stop->threads.n > 0 && !stop->out_of_memory) {
        struct ptrace_stop now = {stop->threads.items, stop->threads.n, n_missing(stop)};
        stop->fn(stop->arg, &now);
    }
    for (size_t i = 0; i < stop->held.n; i++) {
        struct held *held = &stop->held.items[i];
        if (held->is_stopped)
            ptrace(PTRACE_DETACH, held->task.tid, NULL, (void *)(intptr_t)held->signal);
    }
    stop->end_ns = now_ns();
    return NULL;
}

/* The pid that traces the process; 0: none. */
static int tracer_of(const struct proc *proc)
{
    AUTO_BUF text = {0};
    if (!proc_text(proc, "status", &text, NULL))
        return 0;
    const char *line = strstr(buf_str(&text), "\nTracerPid:");
    return line ? atoi(line + strlen("\nTracerPid:")) : 0;
}

static bool explain(const struct tracer *stop, struct err *err)
{
    int tracer = tracer_of(stop->proc);
    if (stop->out_of_memory)
        return err_nomem(err);
    if (tracer)
        return err_set(err, ERR_PERM, "cannot stop process %d: process %d traces it",
                       (int)stop->proc->pid, tracer);
    if (stop->error == EPERM || stop->error == EACCES)
        return proc_not_permitted(stop->proc->pid, "stop the threads", err);
    if (stop->error)
        return err_sys(err, stop->error, "cannot stop process %d", (int)stop->proc->pid);
    if (stop->has_ended || !proc_runs(stop->proc))
        return err_set(err, ERR_INPUT, "process %d has ended", (int)stop->proc->pid);
    return err_set(err, ERR_IO, "cannot stop process %d: its threads do not leave the kernel",
                   (int)stop->proc->pid);
}

bool ptrace_while_busy(const struct proc *proc, const pid_t *tids, const uint64_t *n_sleeps,
                       size_t n, void (*fn)(void *arg, const struct ptrace_stop *stop), void *arg,
                       uint64_t *pause_ns, struct err *err)
{
#ifndef __x86_64__
    return err_set(err, ERR_UNSUPPORTED, "threads of other programs are stopped on x86-64 only");
#endif
    struct tracer stop = {
        .proc = proc, .tids = tids, .n_sleeps = n_sleeps, .n_tids = n, .fn = fn, .arg = arg};
    pthread_t thread;
    int error = pthread_create(&thread, NULL, trace, &stop);
    if (error)
        return err_sys(err, error, "cannot start a thread");
    pthread_join(thread, NULL);
    bool ok = (stop.threads.n > 0 && !stop.out_of_memory) || explain(&stop, err);
    if (pause_ns)
        *pause_ns = stop.end_ns - stop.begin_ns;
    vec_release(&stop.held);
    vec_release(&stop.threads);
    return ok;
}

bool ptrace_while(const struct proc *proc, const pid_t *tids, size_t n,
                  void (*fn)(void *arg, const struct ptrace_stop *stop), void *arg,
                  uint64_t *pause_ns, struct err *err)
{
    return ptrace_while_busy(proc, tids, NULL, n, fn, arg, pause_ns, err);
}
