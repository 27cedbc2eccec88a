/* ptrace: a child with some threads is stopped and goes on. */
#include "unit.h"

#include "os/ptrace.h"
#include "os/tasks.h"

#include "base/vec.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_THREADS 4
#define TRIES 50

struct shared {
    _Atomic unsigned long count[N_THREADS];
    _Atomic int n_signals;
};
static struct shared *shared;

static void *run(void *arg)
{
    for (;;)
        atomic_fetch_add((_Atomic unsigned long *)arg, 1);
    return NULL;
}

static void on_signal(int signal)
{
    (void)signal;
    atomic_fetch_add(&shared->n_signals, 1);
}

static pid_t start(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        pthread_t thread;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGUSR1, on_signal);
        for (size_t i = 1; i < N_THREADS; i++)
            pthread_create(&thread, NULL, run, (void *)&shared->count[i]);
        run((void *)&shared->count[0]);
    }
    for (int i = 0; i < N_THREADS; i++)
        while (!atomic_load(&shared->count[i]))
            usleep(1000);
    return pid;
}

static void finish(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    munmap(shared, sizeof *shared);
}

static bool may_trace(const struct err *err)
{
    if (err->code == ERR_PERM)
        print_message("not permitted here: %s\n", err->msg);
    return err->code != ERR_PERM;
}

/* What was seen meanwhile: on another thread, where nothing can be asserted. */
struct seen {
    pid_t pid;
    size_t n_threads, n_missing;
    bool has_places, all_stood, others_ran;
    pid_t first;
};

static void look(void *arg, const struct ptrace_stop *stop)
{
    struct seen *seen = arg;
    unsigned long before[N_THREADS];
    seen->n_threads = stop->n_threads;
    seen->n_missing = stop->n_missing;
    seen->first = stop->threads[0].task.tid;
    seen->has_places = true;
    for (size_t i = 0; i < stop->n_threads; i++)
        if (!stop->threads[i].pc || !stop->threads[i].sp ||
            stop->threads[i].task.tid != stop->threads[i].task.inner)
            seen->has_places = false;
    kill(seen->pid, SIGUSR1); /* arrives when it goes on */
    for (int i = 0; i < N_THREADS; i++)
        before[i] = atomic_load(&shared->count[i]);
    usleep(20000);
    /* Those of one that is not stopped may have to wait for a processor. */
    for (int wait = 0; stop->n_threads == 1 && wait < 5000; wait++) {
        if (atomic_load(&shared->count[1]) != before[1])
            break;
        usleep(1000);
    }
    seen->all_stood = atomic_load(&shared->count[0]) == before[0];
    for (int i = 1; i < N_THREADS; i++)
        if (atomic_load(&shared->count[i]) != before[i])
            seen->others_ran = true;
}

static void all_stand_still(void **state)
{
    (void)state;
    struct err err = {0};
    struct proc proc;
    struct task_list tasks = {0};
    uint64_t pause_ns = 0;
    pid_t pid = start();
    assert_true(proc_open(&proc, pid, &err));
    assert_true(tasks_read(&proc, &tasks, &err));
    size_t n_tasks = tasks.n; /* a sanitizer may have one of its own */
    assert_true(n_tasks >= N_THREADS);
    vec_release(&tasks);
    struct seen seen = {.pid = pid};
    bool ok = ptrace_while(&proc, NULL, 0, look, &seen, &pause_ns, &err);
    if (!ok && !may_trace(&err)) {
        finish(pid);
        skip();
    }
    /* On a busy machine one may not get a processor to stop on in time. */
    for (int i = 0; ok && seen.n_missing > 0 && i < TRIES; i++)
        ok = ptrace_while(&proc, NULL, 0, look, &seen, &pause_ns, &err);
    assert_true(ok);
    assert_int_equal(seen.n_threads, n_tasks);
    assert_int_equal(seen.n_missing, 0);
    assert_true(seen.has_places && seen.all_stood && !seen.others_ran);
    assert_true(pause_ns >= 20000000);
    for (int i = 0; i < N_THREADS; i++) {
        unsigned long before = atomic_load(&shared->count[i]);
        for (int wait = 0; atomic_load(&shared->count[i]) == before; wait++) {
            assert_true(wait < 5000);
            usleep(1000);
        }
    }
    for (int wait = 0; atomic_load(&shared->n_signals) == 0; wait++) {
        assert_true(wait < 5000);
        usleep(1000);
    }
    proc_release(&proc);
    finish(pid);
}

static void one_stands_still(void **state)
{
    (void)state;
    struct err err = {0};
    struct proc proc;
    pid_t pid = start();
    assert_true(proc_open(&proc, pid, &err));
    struct seen seen = {.pid = pid};
    bool ok = ptrace_while(&proc, &pid, 1, look, &seen, NULL, &err);
    if (!ok && !may_trace(&err)) {
        finish(pid);
        skip();
    }
    assert_true(ok);
    assert_int_equal(seen.n_threads, 1);
    assert_int_equal(seen.first, pid);
    assert_true(seen.all_stood && seen.others_ran);
    proc_release(&proc);
    finish(pid);
}

static void *sleeper(void *arg)
{
    for (;;)
        pause();
    return arg;
}

static void called(void *arg, const struct ptrace_stop *stop)
{
    (void)stop;
    *(bool *)arg = true;
}

static void ended(void **state)
{
    (void)state;
    struct err err = {0};
    struct proc proc;
    pid_t pid = start();
    assert_true(proc_open(&proc, pid, &err));
    finish(pid);
    bool was_called = false;
    assert_false(ptrace_while(&proc, NULL, 0, called, &was_called, NULL, &err));
    assert_false(was_called);
    assert_int_equal(err.code, ERR_INPUT);
    proc_release(&proc);
}

/* A main thread that has ended before the others stays as a zombie: no thread to stop, and no
 * reason to leave out the others. */
static void main_thread_ended(void **state)
{
    (void)state;
    struct err err = {0};
    struct proc proc;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        pthread_t thread;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pthread_create(&thread, NULL, sleeper, NULL);
        pthread_exit(NULL);
    }
    assert_true(proc_open(&proc, pid, &err));
    for (int wait = 0; tasks_state(&proc, pid) != 'Z'; wait++) {
        assert_true(wait < 5000);
        usleep(1000);
    }
    assert_true(proc_runs(&proc));
    bool was_called = false;
    bool ok = ptrace_while(&proc, NULL, 0, called, &was_called, NULL, &err);
    if (ok || may_trace(&err)) {
        assert_true(ok && was_called);
        assert_false(ptrace_while(&proc, &pid, 1, called, &was_called, NULL, &err));
        assert_int_not_equal(err.code, ERR_PERM);
    }
    kill(pid, SIGKILL);
    for (int wait = 0; proc_runs(&proc); wait++) {
        assert_true(wait < 5000);
        usleep(1000);
    }
    waitpid(pid, NULL, 0);
    assert_false(proc_runs(&proc));
    proc_release(&proc);
}

static void count_missing(void *arg, const struct ptrace_stop *stop)
{
    *(size_t *)arg = stop->n_missing;
}

/* One that another process traces is missing, not forgotten. */
static void one_is_traced(void **state)
{
    (void)state;
    struct err err = {0};
    struct proc proc;
    int fds[2];
    char byte;
    pid_t pid = start();
    assert_int_equal(pipe(fds), 0);
    pid_t other = fork();
    assert_true(other >= 0);
    if (other == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        byte = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 ? 'y' : 'n';
        ssize_t n = write(fds[1], &byte, 1);
        (void)n;
        for (;;)
            pause();
    }
    assert_int_equal(read(fds[0], &byte, 1), 1);
    assert_true(proc_open(&proc, pid, &err));
    size_t n_missing = 0;
    bool ok = ptrace_while(&proc, NULL, 0, count_missing, &n_missing, NULL, &err);
    if (byte == 'y' && (ok || may_trace(&err))) {
        assert_true(ok);
        assert_int_equal(n_missing, 1);
        assert_false(ptrace_while(&proc, &pid, 1, count_missing, &n_missing, NULL, &err));
        assert_non_null(strstr(err.msg, "traces it"));
    }
    proc_release(&proc);
    close(fds[0]);
    close(fds[1]);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    finish(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_stand_still), cmocka_unit_test(one_stands_still),
        cmocka_unit_test(ended),           cmocka_unit_test(main_thread_ended),
        cmocka_unit_test(one_is_traced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
