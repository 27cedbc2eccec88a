/* known: a program with a known schedule, which its trace has to have: who waits for what, for
 * whom, and how long at least.  It says so: "WAITER REASON WAKER MS", or of a thread that nobody
 * wakes
 * "-".  Built with -DAPI it traces itself, to the file it is given. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>
#ifdef API
#include <sonde/sonde.h>
#endif

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, cond_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static mtx_t c11;
static sem_t sem;
static int ready, fds[2];

static void ms(int n)
{
    const struct timespec t = {0, n * 1000000L};
    nanosleep(&t, NULL);
}

static void *wait_mutex(void *arg)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

/* Each waits for another one. */
#define WAIT_WRITE(name)                                                                           \
    static void *name(void *arg)                                                                   \
    {                                                                                              \
        pthread_rwlock_wrlock(&rwlock);                                                            \
        pthread_rwlock_unlock(&rwlock);                                                            \
        return NULL;                                                                               \
    }

WAIT_WRITE(wait_reader)
WAIT_WRITE(wait_writer)
WAIT_WRITE(wait_last_reader)

static void *reads_after(void *arg)
{
    pthread_rwlock_rdlock(&rwlock);
    pthread_rwlock_unlock(&rwlock);
    return NULL;
}

static void *reads_longer(void *arg)
{
    pthread_rwlock_rdlock(&rwlock);
    ms(50);
    pthread_rwlock_unlock(&rwlock);
    return NULL;
}

static void *wait_c11(void *arg)
{
    mtx_lock(&c11);
    mtx_unlock(&c11);
    return NULL;
}

static void *wait_cond(void *arg)
{
    pthread_mutex_lock(&cond_mutex);
    while (!ready)
        pthread_cond_wait(&cond, &cond_mutex);
    pthread_mutex_unlock(&cond_mutex);
    return NULL;
}

static void *waits_twice(void *arg)
{
    pthread_mutex_lock(&cond_mutex);
    while (ready < 2)
        pthread_cond_wait(&cond, &cond_mutex);
    while (ready < 3)
        pthread_cond_wait(&cond, &cond_mutex);
    pthread_mutex_unlock(&cond_mutex);
    return NULL;
}

static void make_ready(int n)
{
    pthread_mutex_lock(&cond_mutex);
    ready = n;
    for (int i = 0; i < 10; i++) /* the first lets it go, the others nobody */
        pthread_cond_signal(&cond);
    pthread_mutex_unlock(&cond_mutex);
}

static void *signals_later(void *arg)
{
    ms(20);
    make_ready(3);
    return NULL;
}

static void *wait_timed(void *arg)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&cond_mutex);
    pthread_cond_timedwait(&cond, &cond_mutex, &until);
    pthread_mutex_unlock(&cond_mutex);
    return NULL;
}

static void *wait_sem(void *arg)
{
    sem_wait(&sem);
    return NULL;
}

static void *wait_barrier(void *arg)
{
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void *last_at_barrier(void *arg)
{
    ms(30);
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void run_once(void)
{
    ms(30);
}

static void *first_once(void *arg)
{
    pthread_once(&once, run_once);
    return NULL;
}

static void *wait_once(void *arg)
{
    pthread_once(&once, run_once);
    return NULL;
}

static void *wait_read(void *arg)
{
    char c;
    if (read(fds[0], &c, 1) != 1)
        abort();
    return NULL;
}

static void *wait_poll(void *arg)
{
    struct pollfd fd = {.fd = fds[0], .events = POLLIN};
    poll(&fd, 1, 20);
    return NULL;
}

static void *short_life(void *arg)
{
    ms(30);
    return NULL;
}

static void *leaves(void *arg)
{
    ms(10);
    pthread_exit(NULL);
}

static void *is_cancelled(void *arg)
{
    pause();
    return NULL;
}

static pthread_t go(void *(*run)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        abort();
    return thread;
}

static void end(pthread_t thread, const char *says)
{
    pthread_join(thread, NULL);
    puts(says);
}

static void run(void)
{
    pthread_t t, other;
    pthread_mutex_lock(&mutex);
    t = go(wait_mutex);
    ms(30);
    pthread_mutex_unlock(&mutex);
    end(t, "wait_mutex 'sync mutex lock' main 25");

    pthread_rwlock_rdlock(&rwlock);
    t = go(wait_reader);
    ms(25);
    pthread_rwlock_unlock(&rwlock);
    end(t, "wait_reader 'sync rwlock lock' main 20");

    pthread_rwlock_wrlock(&rwlock);
    t = go(reads_after);
    ms(25);
    pthread_rwlock_unlock(&rwlock);
    end(t, "reads_after 'sync rwlock lock' main 20");

    pthread_rwlock_wrlock(&rwlock);
    t = go(wait_writer);
    ms(25);
    pthread_rwlock_unlock(&rwlock);
    end(t, "wait_writer 'sync rwlock lock' main 20");

    pthread_rwlock_rdlock(&rwlock);
    other = go(reads_longer);
    ms(10);
    t = go(wait_last_reader);
    ms(10);
    pthread_rwlock_unlock(&rwlock); /* lets nobody go */
    end(t, "wait_last_reader 'sync rwlock lock' reads_longer 20");
    pthread_join(other, NULL);

    mtx_init(&c11, mtx_plain);
    mtx_lock(&c11);
    t = go(wait_c11);
    ms(25);
    mtx_unlock(&c11);
    end(t, "wait_c11 'sync mutex lock' main 20");

    t = go(wait_cond);
    ms(20);
    pthread_mutex_lock(&cond_mutex);
    ready = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&cond_mutex);
    end(t, "wait_cond 'sync cond wait' main 15");
    t = go(waits_twice);
    ms(20);
    make_ready(2);
    other = go(signals_later);
    end(t, "waits_twice 'sync cond wait' main 15");
    end(other, "waits_twice 'sync cond wait' signals_later 15");
    end(go(wait_timed), "wait_timed 'sync cond wait' - 15");

    sem_init(&sem, 0, 0);
    t = go(wait_sem);
    ms(20);
    sem_post(&sem);
    end(t, "wait_sem 'sync semaphore' main 15");

    pthread_barrier_init(&barrier, NULL, 3);
    t = go(wait_barrier);
    other = go(last_at_barrier);
    pthread_barrier_wait(&barrier);
    end(t, "wait_barrier 'sync barrier' last_at_barrier 20");
    end(other, "main 'sync barrier' last_at_barrier 20");

    t = go(first_once);
    ms(10);
    other = go(wait_once);
    end(other, "wait_once 'sync once' first_once 10");
    pthread_join(t, NULL);

    if (pipe(fds) != 0)
        abort();
    end(go(wait_poll), "wait_poll 'network' - 15");
    t = go(wait_read);
    ms(20);
    if (write(fds[1], "x", 1) != 1)
        abort();
    end(t, "wait_read syscall - 15");

    end(go(short_life), "main 'sync thread join' short_life 20");
    end(go(leaves), "leaves 'sleep' - 5");
    t = go(is_cancelled);
    ms(10);
    pthread_cancel(t);
    pthread_join(t, NULL);

    pid_t pid = fork();
    if (pid == 0) {
        ms(20);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    puts("main 'wait for a child process' - 15");
}

int main(int argc, char **argv)
{
#ifdef API
    int fd = open(argv[1], O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (fd < 0 || sonde_trace_is_enabled() || sonde_trace_start(fd) != 0 ||
        !sonde_trace_is_enabled())
        return 1;
    run();
    if (sonde_trace_start(fd) == 0 || sonde_flight_recorder_start(1, 0) == 0)
        return 2;
    return sonde_trace_stop() != 0 || sonde_trace_is_enabled() || sonde_trace_stop() != 0 ? 3 : 0;
#else
    run();
    return 0;
#endif
}
