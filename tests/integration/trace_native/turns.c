/* Threads whose turns on one processor are known: two that compute side by side, and some that are
 * woken while the processor is busy: by a post, a timer, data in a pipe, a socket or what epoll
 * watches.  Prints what it measured. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
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

/* Nobody else is made to give way for it. */
static void waits_its_turn(int policy)
{
    const struct sched_param none = {0};
    pthread_setschedparam(pthread_self(), policy, &none);
    prctl(PR_SET_TIMERSLACK, 1);
}

/* Waits for the semaphore; who posts it keeps the processor for a while. */
static __attribute__((noinline)) void *is_woken(void *arg)
{
    waits_its_turn(SCHED_BATCH);
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

/* Since it could have gone on. */
static void is_late(const char *name, uint64_t since_ns)
{
    printf("%s %llu\n", name, (unsigned long long)(now(CLOCK_MONOTONIC) - since_ns) / 1000);
}

#define TIMES 20
static volatile int over;

static __attribute__((noinline)) void *sleeps(void *arg)
{
    waits_its_turn(SCHED_IDLE);
    for (int i = 0; i < TIMES; i++) {
        uint64_t until = now(CLOCK_MONOTONIC) + 3000000;
        const struct timespec t = {(time_t)(until / 1000000000), (long)(until % 1000000000)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
            ;
        is_late("sleeps", until);
    }
    over = 1;
    return arg;
}

static __attribute__((noinline)) void *hogs(void *arg)
{
    while (!over)
        burn(1000000);
    return arg;
}

/* One gets the time from the other, which then keeps the processor. */
static int in, out, epoll = -1;

static void gets(const char *name, ssize_t (*get)(void *to, size_t n))
{
    uint64_t since;
    waits_its_turn(SCHED_BATCH);
    for (int i = 0; i < TIMES; i++) {
        if (get(&since, sizeof since) != sizeof since)
            break;
        is_late(name, since);
        sem_post(&done);
    }
}

static void puts_it(ssize_t (*put)(const void *from, size_t n))
{
    for (int i = 0; i < TIMES; i++) {
        usleep(3000);
        uint64_t since = now(CLOCK_MONOTONIC);
        if (put(&since, sizeof since) != sizeof since)
            break;
        burn(3000000);
        while (sem_wait(&done) != 0)
            ;
    }
}

static ssize_t by_read(void *to, size_t n)
{
    return read(in, to, n);
}

static ssize_t by_write(const void *from, size_t n)
{
    return write(out, from, n);
}

static ssize_t by_epoll(void *to, size_t n)
{
    struct epoll_event event;
    while (epoll_wait(epoll, &event, 1, -1) != 1)
        ;
    return read(in, to, n);
}

static ssize_t by_recv(void *to, size_t n)
{
    return recv(in, to, n, MSG_WAITALL);
}

static ssize_t by_send(const void *from, size_t n)
{
    return send(out, from, n, 0);
}

#define PAIR(gets_name, puts_name, get, put)                                                       \
    static __attribute__((noinline)) void *gets_name(void *arg)                                    \
    {                                                                                              \
        gets(#gets_name, get);                                                                     \
        return arg;                                                                                \
    }                                                                                              \
    static __attribute__((noinline)) void *puts_name(void *arg)                                    \
    {                                                                                              \
        puts_it(put);                                                                              \
        return arg;                                                                                \
    }

PAIR(reads, writes, by_read, by_write)
PAIR(epolls, notifies, by_epoll, by_write)
PAIR(receives, sends, by_recv, by_send)

/* Of the same machine. */
static void connect_both(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    out = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&address, n) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (void *)&address, &n) != 0 || connect(out, (void *)&address, n) != 0)
        return;
    in = accept(listener, NULL, NULL);
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
    run(sleeps, hogs);
    int fds[2];
    if (pipe(fds) != 0)
        return 1;
    in = fds[0];
    out = fds[1];
    run(reads, writes);
    struct epoll_event event = {.events = EPOLLIN};
    epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, in, &event);
    run(epolls, notifies);
    connect_both();
    run(receives, sends);
    return 0;
}
