/* same: what the functions answer in all the odd cases.  To be the same with and without
 * libsonde: a line each. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define TELL(call)                                                                                 \
    do {                                                                                           \
        errno = 0;                                                                                 \
        int rc_ = (int)(call);                                                                     \
        printf("%s: %d %s\n", #call, rc_, errno ? strerrorname_np(errno) : "-");                   \
    } while (0)

static pthread_mutex_t mutex;
static pthread_rwlock_t rwlock;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t sem;
static mtx_t c11;
static const struct timespec never = {0, -1}, past = {1, 0};

static struct timespec soon(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += 20000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static void make(int type, int robust, int protocol)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, type);
    pthread_mutexattr_setrobust(&attr, robust);
    pthread_mutexattr_setprotocol(&attr, protocol);
    printf("type %d, robust %d, protocol %d\n", type, robust, protocol);
    TELL(pthread_mutex_init(&mutex, &attr));
}

static void *use_held(void *arg)
{
    struct timespec real = soon(CLOCK_REALTIME), mono = soon(CLOCK_MONOTONIC);
    TELL(pthread_mutex_timedlock(&mutex, &real));
    TELL(pthread_mutex_timedlock(&mutex, &never));
    TELL(pthread_mutex_timedlock(&mutex, &past));
    TELL(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &mono));
    TELL(pthread_mutex_clocklock(&mutex, CLOCK_PROCESS_CPUTIME_ID, &mono));
    return arg;
}

static void *unlock_of_another(void *arg)
{
    TELL(pthread_mutex_unlock(&mutex));
    return arg;
}

static void *die_with_it(void *arg)
{
    TELL(pthread_mutex_lock(&mutex));
    return arg;
}

static void in_thread(void *(*run)(void *))
{
    pthread_t thread;
    pthread_create(&thread, NULL, run, NULL);
    pthread_join(thread, NULL);
}

static void *lock_and_unlock(void *arg)
{
    TELL(pthread_mutex_lock(&mutex));
    TELL(pthread_mutex_unlock(&mutex));
    return arg;
}

static void mutexes(void)
{
    static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK,
                                PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ADAPTIVE_NP};
    for (int i = 0; i < 4 * 2 * 2; i++) {
        int type = types[i % 4], robust = i / 4 % 2, protocol = i / 8 ? PTHREAD_PRIO_INHERIT : 0;
        bool owned = type == PTHREAD_MUTEX_ERRORCHECK || type == PTHREAD_MUTEX_RECURSIVE;
        struct timespec mono = soon(CLOCK_MONOTONIC);
        make(type, robust, protocol);
        TELL(pthread_mutex_clocklock(&mutex, CLOCK_PROCESS_CPUTIME_ID, &mono));
        TELL(pthread_mutex_timedlock(&mutex, NULL));
        TELL(pthread_mutex_unlock(&mutex));
        TELL(pthread_mutex_lock(&mutex));
        if (owned) {
            TELL(pthread_mutex_lock(&mutex));
            TELL(pthread_mutex_timedlock(&mutex, &past));
            TELL(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &mono));
            in_thread(unlock_of_another);
        }
        in_thread(use_held);
        TELL(pthread_mutex_unlock(&mutex));
        if (owned)
            for (int j = 0; j < 4; j++)
                TELL(pthread_mutex_unlock(&mutex));
        in_thread(lock_and_unlock);
        if (!robust) {
            TELL(pthread_mutex_destroy(&mutex));
            continue;
        }
        in_thread(die_with_it);
        TELL(pthread_mutex_lock(&mutex));
        TELL(pthread_mutex_consistent(&mutex));
        TELL(pthread_mutex_unlock(&mutex));
        in_thread(die_with_it);
        TELL(pthread_mutex_timedlock(&mutex, &past));
        TELL(pthread_mutex_unlock(&mutex));
        TELL(pthread_mutex_lock(&mutex));
    }
}

/* A waiter whose lock's owner dies. */
static void *wait_for_it(void *arg)
{
    TELL(pthread_mutex_lock(&mutex));
    TELL(pthread_mutex_consistent(&mutex));
    TELL(pthread_mutex_unlock(&mutex));
    return arg;
}

static void *die_later(void *arg)
{
    pthread_mutex_lock(&mutex);
    *(volatile int *)arg = 1;
    usleep(30000);
    return NULL;
}

static void owner_dies(void)
{
    for (int i = 0; i < 2; i++) {
        pthread_t one, two;
        volatile int held = 0;
        make(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, i ? PTHREAD_PRIO_INHERIT : 0);
        pthread_create(&one, NULL, die_later, (void *)&held);
        while (!held)
            ;
        pthread_create(&two, NULL, wait_for_it, NULL);
        pthread_join(one, NULL);
        pthread_join(two, NULL);
    }
}

static void *use_rwlock(void *arg)
{
    struct timespec real = soon(CLOCK_REALTIME), mono = soon(CLOCK_MONOTONIC);
    TELL(pthread_rwlock_timedrdlock(&rwlock, &real));
    TELL(pthread_rwlock_timedwrlock(&rwlock, &past));
    TELL(pthread_rwlock_timedwrlock(&rwlock, &never));
    TELL(pthread_rwlock_clockrdlock(&rwlock, CLOCK_MONOTONIC, &mono));
    TELL(pthread_rwlock_clockwrlock(&rwlock, CLOCK_PROCESS_CPUTIME_ID, &mono));
    return arg;
}

static void rwlocks(void)
{
    struct timespec mono = soon(CLOCK_MONOTONIC);
    for (int kind = 0; kind < 3; kind++) {
        pthread_rwlockattr_t attr;
        pthread_rwlockattr_init(&attr);
        pthread_rwlockattr_setkind_np(&attr, kind);
        TELL(pthread_rwlock_init(&rwlock, &attr));
        TELL(pthread_rwlock_timedrdlock(&rwlock, &never));
        TELL(pthread_rwlock_clockrdlock(&rwlock, CLOCK_PROCESS_CPUTIME_ID, &mono));
        TELL(pthread_rwlock_wrlock(&rwlock));
        TELL(pthread_rwlock_wrlock(&rwlock));
        TELL(pthread_rwlock_rdlock(&rwlock));
        TELL(pthread_rwlock_timedrdlock(&rwlock, &past));
        in_thread(use_rwlock);
        TELL(pthread_rwlock_unlock(&rwlock));
        TELL(pthread_rwlock_rdlock(&rwlock));
        TELL(pthread_rwlock_rdlock(&rwlock));
        TELL(pthread_rwlock_timedwrlock(&rwlock, &past));
        TELL(pthread_rwlock_unlock(&rwlock));
        TELL(pthread_rwlock_unlock(&rwlock));
        TELL(pthread_rwlock_destroy(&rwlock));
    }
}

static void others(void)
{
    struct timespec mono = soon(CLOCK_MONOTONIC);
    make(PTHREAD_MUTEX_ERRORCHECK, 0, 0);
    TELL(pthread_cond_wait(&cond, &mutex));
    TELL(pthread_mutex_lock(&mutex));
    TELL(pthread_cond_timedwait(&cond, &mutex, &past));
    TELL(pthread_cond_timedwait(&cond, &mutex, &never));
    TELL(pthread_cond_clockwait(&cond, &mutex, CLOCK_PROCESS_CPUTIME_ID, &mono));
    TELL(pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &mono));
    TELL(pthread_mutex_unlock(&mutex));

    sem_init(&sem, 0, 1);
    TELL(sem_timedwait(&sem, &never));
    TELL(sem_clockwait(&sem, CLOCK_PROCESS_CPUTIME_ID, &mono));
    TELL(sem_wait(&sem));
    TELL(sem_timedwait(&sem, &past));
    TELL(sem_timedwait(&sem, &never));
    TELL(sem_clockwait(&sem, CLOCK_MONOTONIC, &mono));
    TELL(sem_post(&sem));
    TELL(sem_timedwait(&sem, &past));

    TELL(pthread_join(pthread_self(), NULL));
    TELL(mtx_init(&c11, mtx_timed | mtx_recursive));
    TELL(mtx_lock(&c11));
    TELL(mtx_timedlock(&c11, &past));
    TELL(mtx_timedlock(&c11, &never));
    TELL(mtx_unlock(&c11));
    TELL(mtx_unlock(&c11));
    TELL(mtx_unlock(&c11));

    int word = 5;
    TELL(syscall(SYS_futex, &word, FUTEX_WAIT, 6, NULL, NULL, 0));
    TELL(syscall(SYS_futex, &word, FUTEX_WAIT, 5, &(struct timespec){0, 1000}, NULL, 0));
    TELL(syscall(SYS_futex, NULL, FUTEX_WAIT, 5, NULL, NULL, 0));
    TELL(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 5, NULL, NULL, 0));
    TELL(syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0));
    TELL(syscall(SYS_futex, &word, 99, 1, NULL, NULL, 0));
    TELL(syscall(-1L));
    TELL(syscall(SYS_getpid) == getpid());
}

/* Cancelled threads: where, with what, and what is held then. */

static volatile int at;
static sem_t empty;
static pthread_t endless;

static void tell_cleanup(void *arg)
{
    printf("cleanup of %s\n", (const char *)arg);
}

static void unlock_cleanup(void *arg)
{
    printf("cleanup with the mutex: ");
    TELL(pthread_mutex_unlock(&mutex));
}

static void *cancel_cond(void *arg)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock_cleanup, NULL);
    at = 1;
    for (;;)
        pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(0);
}

static void *cancel_sem(void *arg)
{
    pthread_cleanup_push(tell_cleanup, "sem_wait");
    at = 1;
    for (;;)
        sem_wait(&empty);
    pthread_cleanup_pop(0);
}

static void *cancel_join(void *arg)
{
    pthread_cleanup_push(tell_cleanup, "pthread_join");
    at = 1;
    pthread_join(endless, NULL);
    pthread_cleanup_pop(0);
    return NULL;
}

/* The request is there before a call that need not wait. */
static void *cancel_pending(void *arg)
{
    sem_post(&empty);
    pthread_cancel(pthread_self());
    pthread_cleanup_push(tell_cleanup, "sem_wait that need not wait");
    sem_wait(&empty);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *cancel_mutex(void *arg)
{
    at = 1;
    pthread_mutex_lock(&mutex); /* is none: goes on */
    TELL(pthread_mutex_unlock(&mutex));
    pthread_testcancel();
    printf("not cancelled\n");
    return NULL;
}

static void *sleep_on(void *arg)
{
    while (pause() < 0)
        ;
    return arg;
}

static void cancel(void *(*run)(void *), bool by_itself)
{
    pthread_t thread;
    void *result;
    at = 0;
    pthread_create(&thread, NULL, run, NULL);
    if (!by_itself) {
        while (!at)
            ;
        usleep(20000);
        pthread_cancel(thread);
        if (run == cancel_mutex)
            pthread_mutex_unlock(&mutex);
    }
    pthread_join(thread, &result);
    printf("cancelled: %d\n", result == PTHREAD_CANCELED);
}

static void cancellation(void)
{
    make(PTHREAD_MUTEX_NORMAL, 0, 0);
    sem_init(&empty, 0, 0);
    pthread_create(&endless, NULL, sleep_on, NULL);
    cancel(cancel_cond, false);
    cancel(cancel_sem, false);
    cancel(cancel_join, false);
    cancel(cancel_pending, true);
    pthread_mutex_lock(&mutex);
    cancel(cancel_mutex, false);
    TELL(pthread_mutex_trylock(&mutex));
}

static void processes(void)
{
    pthread_mutex_t *shared = &mutex;
    make(PTHREAD_MUTEX_NORMAL, 0, 0);
    fflush(stdout);
    pthread_mutex_lock(shared);
    pid_t pid = fork();
    if (pid == 0) {
        TELL(pthread_mutex_trylock(shared));
        TELL(pthread_mutex_unlock(shared));
        in_thread(lock_and_unlock);
        fflush(stdout);
        _exit(7);
    }
    int status;
    waitpid(pid, &status, 0);
    TELL(WEXITSTATUS(status));
    TELL(pthread_mutex_unlock(shared));
}

int main(void)
{
    mutexes();
    owner_dies();
    rwlocks();
    others();
    cancellation();
    processes();
    return 0;
}
