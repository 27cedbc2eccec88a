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
#include <sys/wait.h>
#include <unistd.h>

#define N_THREADS 4

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

static void all_stand_still(void **state)
{
    (void)state;
    struct err err = {0};
    struct proc proc;
    struct task_list tasks = {0};
    pid_t pid = start();
    assert_true(proc_open(&proc, pid, &err));
    assert_true(tasks_read(&proc, &tasks, &err));
    assert_int_equal(tasks.n, N_THREADS);
    struct ptrace_stop *stop = ptrace_stop(&proc, NULL, 0, &err);
    if (!stop && !may_trace(&err)) {
        finish(pid);
        skip();
    }
    assert_non_null(stop);
    size_t n;
    const struct ptrace_thread *threads = ptrace_threads(stop, &n);
    assert_int_equal(n, N_THREADS);
    for (size_t i = 0; i < n; i++) {
        assert_true(threads[i].pc != 0 && threads[i].sp != 0);
        assert_int_equal(threads[i].task.tid, threads[i].task.inner);
    }
    kill(pid, SIGUSR1); /* arrives when it goes on */
    unsigned long before[N_THREADS];
    for (int i = 0; i < N_THREADS; i++)
        before[i] = atomic_load(&shared->count[i]);
    usleep(20000);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(before[i], atomic_load(&shared->count[i]));
    assert_int_equal(ptrace_missing(stop), 0);
    assert_true(ptrace_resume(stop) >= 20000000);
    for (int i = 0; i < N_THREADS; i++)
        for (int wait = 0; atomic_load(&shared->count[i]) == before[i]; wait++) {
            assert_true(wait < 5000);
            usleep(1000);
        }
    for (int wait = 0; atomic_load(&shared->n_signals) == 0; wait++) {
        assert_true(wait < 5000);
        usleep(1000);
    }
    vec_release(&tasks);
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
    struct ptrace_stop *stop = ptrace_stop(&proc, &pid, 1, &err);
    if (!stop && !may_trace(&err)) {
        finish(pid);
        skip();
    }
    assert_non_null(stop);
    size_t n;
    const struct ptrace_thread *threads = ptrace_threads(stop, &n);
    assert_int_equal(n, 1);
    assert_int_equal(threads[0].task.tid, pid);
    unsigned long before = atomic_load(&shared->count[0]), other = atomic_load(&shared->count[1]);
    for (int wait = 0; atomic_load(&shared->count[1]) == other; wait++) {
        assert_true(wait < 5000);
        usleep(1000);
    }
    assert_int_equal(before, atomic_load(&shared->count[0]));
    ptrace_resume(stop);
    proc_release(&proc);
    finish(pid);
}

static void ended(void **state)
{
    (void)state;
    struct err err = {0};
    struct proc proc;
    pid_t pid = start();
    assert_true(proc_open(&proc, pid, &err));
    finish(pid);
    assert_null(ptrace_stop(&proc, NULL, 0, &err));
    assert_int_equal(err.code, ERR_INPUT);
    proc_release(&proc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_stand_still),
        cmocka_unit_test(one_stands_still),
        cmocka_unit_test(ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
