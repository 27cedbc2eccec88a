/* survive: `jump`: a wait left by longjmp; `stress SECONDS`: everything at once. */
#define _GNU_SOURCE
#include "known.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_WORKERS 4

static pthread_mutex_t mutexes[3] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
                                     PTHREAD_MUTEX_INITIALIZER};
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t sem;
static volatile int is_ready;
static _Atomic int is_over;
static __thread void *volatile block;
static __thread sigjmp_buf back;
static __thread volatile sig_atomic_t may_jump;

static void jump(int signo)
{
    int saved_errno = errno;
    sem_post(&sem);
    if (may_jump) {
        may_jump = 0;
        siglongjmp(back, 1);
    }
    errno = saved_errno;
}

/* A thread leaves a wait for mutexes[0], and waits for mutexes[1]. */

OWN static void wait_and_jump(void)
{
    if (sigsetjmp(back, 1) == 0) {
        may_jump = 1;
        is_ready = 1;
        pthread_mutex_lock(&mutexes[0]);
    }
}

OWN static void wait_after_jump(void)
{
    pthread_mutex_lock(&mutexes[1]);
}

OWN static void give_to_nobody(void)
{
    pthread_mutex_unlock(&mutexes[0]);
}

OWN static void give_after_jump(void)
{
    pthread_mutex_unlock(&mutexes[1]);
}

static uint64_t jumped_ns;

static void *jumper(void *arg)
{
    wait_and_jump();
    jumped_ns = now_ns();
    wait_after_jump();
    know("block", "wait_after_jump", 1, now_ns() - jumped_ns);
    pthread_mutex_unlock(&mutexes[1]);
    return arg;
}

static void test_jump(void)
{
    pthread_t thread;
    pthread_mutex_lock(&mutexes[0]);
    pthread_mutex_lock(&mutexes[1]);
    pthread_create(&thread, NULL, jumper, NULL);
    while (!is_ready)
        ;
    pause_ns(PAUSE_NS);
    pthread_kill(thread, SIGUSR1);
    pause_ns(PAUSE_NS);
    give_to_nobody();
    pause_ns(PAUSE_NS);
    uint64_t given_ns = now_ns();
    give_after_jump();
    pthread_join(thread, NULL);
    know("block", "wait_and_jump", 0, 0);
    know("mutex", "give_to_nobody", 0, 0);
    know("mutex", "give_after_jump", 1, given_ns - jumped_ns);
    print_known();
}

/* Everything at once. */

static void *use(void *arg)
{
    for (unsigned i = 0; !is_over; i++) {
        pthread_mutex_t *m = &mutexes[i % 3];
        struct timespec t = after_ns(CLOCK_REALTIME, 100000);
        if (i % 7 == 0) {
            if (pthread_mutex_timedlock(m, &t) == 0)
                pthread_mutex_unlock(m);
        } else if (i % 7 == 1) {
            pthread_rwlock_wrlock(&rwlock);
            pthread_rwlock_unlock(&rwlock);
        } else if (i % 7 == 2) {
            pthread_mutex_lock(m);
            pthread_cond_timedwait(&cond, m, &t);
            pthread_mutex_unlock(m);
        } else if (i % 7 == 3) {
            if (sigsetjmp(back, 1) == 0) {
                may_jump = 1;
                sem_timedwait(&sem, &t);
            }
            may_jump = 0;
        } else if (i % 7 == 4) {
            pthread_rwlock_rdlock(&rwlock);
            block = malloc(100 + i % 1000);
            free(block);
            pthread_rwlock_unlock(&rwlock);
        } else {
            pthread_mutex_lock(m);
            block = malloc(100 + i % 1000);
            free(block);
            pthread_cond_signal(&cond);
            pthread_mutex_unlock(m);
        }
    }
    return arg;
}

static void *contend(void *arg)
{
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(arg);
        pthread_mutex_unlock(arg);
    }
    return NULL;
}

static void child(void)
{
    pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    pthread_t thread;
    alarm(20); /* a child that hangs dies of it */
    pthread_mutex_lock(&own);
    if (pthread_create(&thread, NULL, contend, &own) != 0)
        _exit(1);
    usleep(1000);
    pthread_mutex_unlock(&own);
    contend(&own);
    pthread_join(thread, NULL);
    _exit(0);
}

static int stress(int seconds)
{
    pthread_t workers[N_WORKERS];
    int n_bad = 0, n_children = 0;
    for (int i = 0; i < N_WORKERS; i++)
        pthread_create(&workers[i], NULL, use, NULL);
    uint64_t end = now_ns() + (uint64_t)seconds * 1000000000u;
    for (int i = 0; now_ns() < end; i++) {
        pthread_kill(workers[i % N_WORKERS], SIGUSR1);
        pause_ns(200000);
        if (i % 20)
            continue;
        pid_t pid = fork();
        if (pid == 0)
            child();
        int status = 0;
        waitpid(pid, &status, 0);
        n_children++;
        n_bad += status != 0;
    }
    is_over = 1;
    for (int i = 0; i < N_WORKERS; i++)
        pthread_join(workers[i], NULL);
    printf("%s, %d bad\n", n_children ? "children" : "no children", n_bad);
    return n_bad != 0;
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = jump, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &act, NULL);
    sem_init(&sem, 0, 0);
    if (argc == 3 && strcmp(argv[1], "stress") == 0)
        return stress(atoi(argv[2]));
    test_jump();
    return 0;
}
