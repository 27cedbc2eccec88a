/* trace_agent: for bench_trace_agent.py: prints nanoseconds, as `NAME NS` lines.
 *   events FILE|off  what the calling thread needs for events, ten frames deep, while FILE is
 *                    traced; `burst`: so many at once that each is in memory not used before
 *   alone            a thread that locks and unlocks; CPU time of both
 *   locks            two threads that lock and unlock, with work between; CPU time a round
 *   turns            two threads that wait for each other in turn; CPU time a turn
 * By CPU time and by the clock, a round:
 *   fight WORK       four threads that want the same mutex, with WORK inside and outside of it, on
 *                    a word that all write to: those that run side by side slow each other down
 *   apart WORK       the same, but the work outside is on a word of the thread's own
 *   readers WORK     the same, with a reader-writer lock: nine times to read, then to write
 *   queue WORK       two threads that put things into a queue, two that take them out, with
 *                    condition variables; WORK for each */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef API
#include <sonde/sonde.h>
#endif

#define N_EVENTS 4000
#define N_EVENT_ROUNDS 15
#define N_BURST 100000
#define N_ALONE 20000000
#define N_LOCKS 300000
#define N_TURNS 20000
#define N_ROUNDS 2000000
#define N_THREADS_MAX 4
#define QUEUE_MAX 16

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#ifdef API
static int null;
static char byte;

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of some rounds; between them is time for the reader to catch up. */
#define EVENTS(name, n, what)                                                                      \
    do {                                                                                           \
        double ns[N_EVENT_ROUNDS];                                                                 \
        for (int round = 0; round < N_EVENT_ROUNDS; round++) {                                     \
            double begin = now(CLOCK_THREAD_CPUTIME_ID);                                           \
            for (int i = 0; i < N_EVENTS; i++)                                                     \
                what;                                                                              \
            ns[round] = (now(CLOCK_THREAD_CPUTIME_ID) - begin) / N_EVENTS / (n);                   \
            usleep(30000);                                                                         \
        }                                                                                          \
        qsort(ns, N_EVENT_ROUNDS, sizeof *ns, compare);                                            \
        printf(name " %.2f\n", ns[N_EVENT_ROUNDS / 2]);                                            \
    } while (0)

static __attribute__((noinline)) void events(int depth)
{
    if (depth) {
        events(depth - 1);
        __asm__ volatile("");
        return;
    }
    double begin = now(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < N_BURST; i++)
        sonde_trace_task_end(1);
    printf("burst %.2f\n", (now(CLOCK_THREAD_CPUTIME_ID) - begin) / N_BURST);
    usleep(200000);
    EVENTS("task_end", 1, sonde_trace_task_end(1));
    EVENTS("region", 2, (sonde_trace_region_begin(1, "part"), sonde_trace_region_end(1, "part")));
    EVENTS("log", 1, sonde_trace_log(1, "key", "a message"));
    EVENTS("read", 2, read(null, &byte, 1));
}

/* The kernel's part of a call takes longer in a process with threads, as one that is traced is. */
static void *idle(void *arg)
{
    pause();
    return arg;
}

static void run_events(const char *file)
{
    int fd = strcmp(file, "off") == 0 ? -1 : open(file, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    pthread_t other;
    null = open("/dev/null", O_RDONLY);
    pthread_create(&other, NULL, idle, NULL);
    if (fd >= 0 && sonde_trace_start(fd) != 0)
        exit(1);
    events(10);
    if (fd >= 0 && sonde_trace_stop() != 0)
        exit(1);
}
#endif

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static int turn;
static volatile unsigned sink;

static void work(int n)
{
    for (int i = 0; i < n; i++)
        sink += (unsigned)i;
}

static void *lock_only(void *arg)
{
    for (int i = 0; i < N_ALONE; i++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

static void *lock_much(void *arg)
{
    for (int i = 0; i < N_LOCKS; i++) {
        pthread_mutex_lock(&mutex);
        work(100);
        pthread_mutex_unlock(&mutex);
        work(700);
    }
    return arg;
}

static void *take_turns(void *arg)
{
    int own = (int)(long)arg;
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < N_TURNS; i++) {
        while (turn != own)
            pthread_cond_wait(&turned, &mutex);
        turn = !own;
        pthread_cond_signal(&turned);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static int fight_work, n_rounds;
static __thread volatile unsigned own_sink;

static void own_work(int n)
{
    for (int i = 0; i < n; i++)
        own_sink += (unsigned)i;
}

static void *fight(void *arg)
{
    for (int i = 0; i < n_rounds; i++) {
        pthread_mutex_lock(&mutex);
        work(fight_work);
        pthread_mutex_unlock(&mutex);
        work(fight_work);
    }
    return arg;
}

static void *apart(void *arg)
{
    for (int i = 0; i < n_rounds; i++) {
        pthread_mutex_lock(&mutex);
        work(fight_work);
        pthread_mutex_unlock(&mutex);
        own_work(fight_work);
    }
    return arg;
}

static void *readers(void *arg)
{
    static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    for (int i = 0; i < n_rounds; i++) {
        if (i % 10)
            pthread_rwlock_rdlock(&lock);
        else
            pthread_rwlock_wrlock(&lock);
        own_work(fight_work);
        pthread_rwlock_unlock(&lock);
        own_work(fight_work);
    }
    return arg;
}

static void *queue(void *arg)
{
    static pthread_cond_t changed[2] = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER};
    static int n_queued;
    int puts = (int)(long)arg % 2;
    for (int i = 0; i < n_rounds; i++) {
        own_work(fight_work);
        pthread_mutex_lock(&mutex);
        while (n_queued == (puts ? QUEUE_MAX : 0))
            pthread_cond_wait(&changed[puts], &mutex);
        n_queued += puts ? 1 : -1;
        pthread_cond_signal(&changed[!puts]);
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

static void run_threads(const char *name, int n_threads, void *(*run)(void *), double n)
{
    pthread_t threads[N_THREADS_MAX];
    double begin = now(CLOCK_PROCESS_CPUTIME_ID), clock = now(CLOCK_MONOTONIC);
    for (long i = 0; i < n_threads; i++)
        pthread_create(&threads[i], NULL, run, (void *)i);
    for (int i = 0; i < n_threads; i++)
        pthread_join(threads[i], NULL);
    printf("%s %.2f\n", name, (now(CLOCK_PROCESS_CPUTIME_ID) - begin) / n);
    if (n_rounds)
        printf("clock %.2f\n", (now(CLOCK_MONOTONIC) - clock) / n);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
#ifdef API
    if (argc > 2 && strcmp(what, "events") == 0)
        run_events(argv[2]);
#endif
    if (strcmp(what, "alone") == 0)
        run_threads("CPU", 1, lock_only, N_ALONE);
    if (strcmp(what, "locks") == 0)
        run_threads("CPU", 2, lock_much, N_LOCKS);
    if (strcmp(what, "turns") == 0)
        run_threads("CPU", 2, take_turns, 2 * N_TURNS);
    static const struct {
        const char *name;
        void *(*run)(void *);
    } contended[] = {{"fight", fight}, {"apart", apart}, {"readers", readers}, {"queue", queue}};
    for (unsigned i = 0; argc > 2 && i < sizeof contended / sizeof *contended; i++)
        if (strcmp(what, contended[i].name) == 0) {
            fight_work = atoi(argv[2]);
            n_rounds = N_ROUNDS / (1 + fight_work / 20);
            run_threads("CPU", 4, contended[i].run, 4.0 * n_rounds);
        }
    return 0;
}
