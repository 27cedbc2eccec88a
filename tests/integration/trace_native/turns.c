/* Threads whose turns on one processor are known: two that compute side by side, and one that is
 * woken while the processor is busy.  Prints what it measured. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void burn(uint64_t ns)
{
    for (uint64_t end = now(CLOCK_MONOTONIC) + ns; now(CLOCK_MONOTONIC) < end;)
        ;
}

static pthread_barrier_t both;
static sem_t wake, done;
static uint64_t woken_ns;

static __attribute__((noinline)) void *side_by_side(void *arg)
{
    struct rusage before, after;
    pthread_barrier_wait(&both);
    uint64_t cpu = now(CLOCK_THREAD_CPUTIME_ID);
    getrusage(RUSAGE_THREAD, &before);
    burn(400000000);
    getrusage(RUSAGE_THREAD, &after);
    printf("side_by_side %llu %ld\n",
           (unsigned long long)(now(CLOCK_THREAD_CPUTIME_ID) - cpu) / 1000,
           after.ru_nivcsw - before.ru_nivcsw);
    return arg;
}

/* Waits for the semaphore; who posts it keeps the processor for a while. */
static __attribute__((noinline)) void *is_woken(void *arg)
{
    /* Who wakes it is not made to give way. */
    const struct sched_param none = {0};
    pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
    for (int i = 0; i < 20; i++) {
        while (sem_wait(&wake) != 0)
            ;
        uint64_t late = now(CLOCK_MONOTONIC) - woken_ns;
        printf("is_woken %llu\n", (unsigned long long)late / 1000);
        sem_post(&done);
    }
    return arg;
}

static __attribute__((noinline)) void *wakes(void *arg)
{
    for (int i = 0; i < 20; i++) {
        usleep(3000);
        woken_ns = now(CLOCK_MONOTONIC);
        sem_post(&wake);
        burn(3000000);
        while (sem_wait(&done) != 0)
            ;
    }
    return arg;
}

/* In system calls that take time, and in some that need the processor. */
static __attribute__((noinline)) void *calls(void *arg)
{
    int fds[2];
    char byte[8192];
    if (pipe(fds) != 0)
        return NULL;
    memset(byte, 0, sizeof byte);
    for (int i = 0; i < 200; i++) {
        (void)!write(fds[1], byte, sizeof byte);
        (void)!read(fds[0], byte, sizeof byte);
        if (i % 20 == 0)
            usleep(500);
    }
    return arg;
}

static void run(void *(*one)(void *), void *(*other)(void *))
{
    pthread_t a, b;
    pthread_create(&a, NULL, one, NULL);
    pthread_create(&b, NULL, other, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
}

int main(void)
{
    cpu_set_t set;
    int cpu = 0;
    sched_getaffinity(0, sizeof set, &set);
    while (!CPU_ISSET(cpu, &set))
        cpu++;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
    printf("cpu %d\n", cpu);
    pthread_barrier_init(&both, NULL, 2);
    sem_init(&wake, 0, 0);
    sem_init(&done, 0, 0);
    run(side_by_side, side_by_side);
    run(is_woken, wakes);
    run(calls, calls);
    return 0;
}
