/* bench_threads: what a profile of all threads takes, of 1,000 that wait.  Beside it: a
 * signal to each, in whose handler backtrace() walks the stack (which breaks waits off
 * that cannot be restarted: so these all wait in sem_wait).
 * Prints medians of 21 turns each, taken in turn. */
#include <execinfo.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sonde/sonde.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { N_THREADS = 1000, N_TURNS = 21, DEPTH = 10 };

static sem_t never, there;
static pthread_t threads[N_THREADS];
static int n_answers;
static volatile int sink;

static void on_signal(int signo)
{
    void *frames[64];
    sink += backtrace(frames, 64);
    __atomic_fetch_add(&n_answers, 1, __ATOMIC_RELEASE);
}

__attribute__((noinline, noclone)) static int deep(int n)
{
    if (n == 0)
        while (sem_wait(&never) != 0)
            ;
    else
        sink += deep(n - 1);
    return sink;
}

static void *run(void *arg)
{
    sem_post(&there);
    deep(DEPTH);
    return arg;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double by_profile(void)
{
    double start = now_ms();
    if (sonde_profile_count(sonde_lookup("goroutine")) != N_THREADS + 1)
        exit(1);
    return now_ms() - start;
}

static double by_signals(void)
{
    double start = now_ms();
    n_answers = 0;
    for (int i = 0; i < N_THREADS; i++)
        pthread_kill(threads[i], SIGUSR1);
    while (__atomic_load_n(&n_answers, __ATOMIC_ACQUIRE) < N_THREADS)
        sched_yield();
    return now_ms() - start;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void tell(const char *what, double *ms)
{
    qsort(ms, N_TURNS, sizeof *ms, compare);
    printf("%-28s %6.2f ms [%.2f, %.2f], %.1f us a thread\n", what, ms[N_TURNS / 2],
           ms[N_TURNS / 4], ms[3 * N_TURNS / 4], ms[N_TURNS / 2] * 1e3 / N_THREADS);
}

int main(void)
{
    double profile[N_TURNS], signals[N_TURNS];
    pthread_attr_t attr;
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &act, NULL);
    sem_init(&never, 0, 0);
    sem_init(&there, 0, 0);
    sonde_lookup("goroutine");
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 128 << 10);
    for (int i = 0; i < N_THREADS; i++) {
        if (pthread_create(&threads[i], &attr, run, NULL) != 0)
            return 1;
        sem_wait(&there);
    }
    usleep(100000);
    for (int i = -2; i < N_TURNS; i++) { /* two to warm up */
        profile[i < 0 ? 0 : i] = by_profile();
        signals[i < 0 ? 0 : i] = by_signals();
    }
    tell("goroutine profile, no signal", profile);
    tell("a signal each, backtrace()", signals);
    printf("ratio %.2f\n", signals[N_TURNS / 2] / profile[N_TURNS / 2]);
    _exit(fflush(stdout) != 0);
}
