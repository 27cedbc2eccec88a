/* burn_hot SECONDS: CPU time with known shares.  Two threads: one spends 70 : 20 : 10
 * of its time in hot_70, hot_20 and hot_10; the other runs in ticking for the first
 * quarter of each 4 ms, the length of a kernel's tick.  Prints the CPU seconds of
 *   total 70 20 10 ticking   */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TICK_NS 4000000u

static volatile double sink;
static double seconds, ticking_s;
static double spent[3];

static double now_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The factor tells the functions apart: compilers fold identical ones into one. */
#define HOT(name, factor)                                                                          \
    __attribute__((noipa)) static void name(int n)                                                 \
    {                                                                                              \
        double x = 1;                                                                              \
        for (int i = 0; i < n; i++)                                                                \
            x = x * factor + 1e-9;                                                                 \
        sink = x;                                                                                  \
    }

HOT(hot_70, 1.0000001)
HOT(hot_20, 1.0000002)
HOT(hot_10, 1.0000003)
HOT(ticking, 1.0000004)

static void *shares(void *arg)
{
    static void (*const run[])(int) = {hot_70, hot_20, hot_10};
    static const int weight[] = {7, 2, 1};
    double end = now_s(CLOCK_MONOTONIC) + seconds;
    for (unsigned r = 1; now_s(CLOCK_MONOTONIC) < end;) {
        /* Rounds of all lengths: equal ones could run in step with the kernel's tick. */
        r = r * 1664525 + 1013904223;
        int n = 5000 + (int)((r >> 16) % 30000);
        for (int i = 0; i < 3; i++) {
            double before = now_s(CLOCK_THREAD_CPUTIME_ID);
            run[i](n * weight[i]);
            spent[i] += now_s(CLOCK_THREAD_CPUTIME_ID) - before;
        }
    }
    return NULL;
}

static void *ticks(void *arg)
{
    double end = now_s(CLOCK_MONOTONIC) + seconds;
    while (now_s(CLOCK_MONOTONIC) < end) {
        double stop = now_s(CLOCK_MONOTONIC) + TICK_NS / 4 * 1e-9;
        while (now_s(CLOCK_MONOTONIC) < stop)
            ticking(2000);
        struct timespec rest = {0, TICK_NS - TICK_NS / 4};
        nanosleep(&rest, NULL);
    }
    ticking_s = now_s(CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t a, b;
    seconds = argc > 1 ? atof(argv[1]) : 2;
    pthread_create(&a, NULL, shares, NULL);
    pthread_create(&b, NULL, ticks, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    printf("%.6f %.6f %.6f %.6f %.6f\n", now_s(CLOCK_PROCESS_CPUTIME_ID), spent[0], spent[1],
           spent[2], ticking_s);
    return 0;
}
