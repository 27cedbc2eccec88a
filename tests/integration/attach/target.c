/* target MODE: a program that is looked at from outside while it runs; prints "ready" when it is as
 * its mode says, and ends after ten minutes.  The modes: burn, a thread that spends 70 : 20 : 10 in
 * hot_70, hot_20 and hot_10; many N, N threads that do the same; short, threads that burn for a
 * millisecond or two each; threads, threads whose names and states are known; crash, the same, and
 * after a line on stdin it ends by SIGSEGV in crashes(); moments, threads that wait for some
 * milliseconds at a time, and after a line it tells how many calls failed with EINTR; exec FILE,
 * burns, and after a line executes FILE; children, after a line a child burns. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OWN __attribute__((noipa)) static

static volatile double sink;
static volatile int count;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t never;
static int pipes[2];
static int n_there;

#define HOT(name, factor)                                                                          \
    OWN void name(int n)                                                                           \
    {                                                                                              \
        double x = 1;                                                                              \
        for (int i = 0; i < n; i++)                                                                \
            x = x * factor + 1e-9;                                                                 \
        sink = x;                                                                                  \
    }

HOT(hot_70, 1.0000001)
HOT(hot_20, 1.0000002)
HOT(hot_10, 1.0000003)

OWN void burns(unsigned r)
{
    for (;;) {
        /* Rounds of all lengths: equal ones could run in step with a clock. */
        r = r * 1664525 + 1013904223;
        int n = 2000 + (int)((r >> 16) % 10000);
        hot_70(n * 7);
        hot_20(n * 2);
        hot_10(n);
    }
}

static void *burn_shortly(void *arg)
{
    hot_70(1000000);
    return arg;
}

static void *begin_threads(void *arg)
{
    for (;;) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, burn_shortly, NULL) == 0)
            pthread_join(thread, NULL);
    }
    return arg;
}

static void *burn(void *arg)
{
    burns((unsigned)(size_t)arg);
    return NULL;
}

OWN void locks(void)
{
    pthread_mutex_lock(&mutex);
    count++;
}

OWN void sleeps(void)
{
    nanosleep(&(struct timespec){1000, 0}, NULL);
    count++;
}

OWN void polls(void)
{
    poll(&(struct pollfd){.fd = pipes[0], .events = POLLIN}, 1, -1);
    count++;
}

OWN void epolls(void)
{
    struct epoll_event event;
    int fd = epoll_create1(0);
    /* An EINTR would end it: nobody may break the wait off. */
    if (epoll_wait(fd, &event, 1, -1) < 0 && errno == EINTR)
        abort();
    count++;
}

OWN void reads(void)
{
    char byte;
    if (read(pipes[0], &byte, 1) < 0)
        perror("read");
    count++;
}

OWN void takes(void)
{
    sem_wait(&never);
    count++;
}

OWN void spins(void)
{
    for (;;)
        count++;
}

static void (*const doings[])(void) = {locks, sleeps, polls, epolls, reads, takes, spins};
static const char *const names[] = {"locks", "sleeps", "polls", "epolls",
                                    "reads", "takes",  "spins"};
enum { N_DOINGS = sizeof names / sizeof *names };

/* Frames to follow, of different sizes. */
OWN int deep(unsigned depth, int which)
{
    volatile char room[64];
    room[depth] = (char)depth;
    if (depth == 0)
        doings[which]();
    else
        deep(depth - 1, which);
    return room[depth];
}

static void *run(void *arg)
{
    int which = (int)(long)arg;
    pthread_setname_np(pthread_self(), names[which]);
    __atomic_fetch_add(&n_there, 1, __ATOMIC_SEQ_CST);
    count += deep(5, which);
    return NULL;
}

static void start(void *(*fn)(void *), size_t arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, fn, (void *)arg) != 0) {
        perror("pthread_create");
        exit(3);
    }
}

static int n_eintr;

static void *waits_for_moments(void *arg)
{
    int fds[2], epoll = epoll_create1(0);
    bool receives = (size_t)arg % 2;
    struct epoll_event event;
    struct timeval limit = {.tv_usec = 4000};
    char byte;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0 ||
        setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
        exit(3);
    for (;;) {
        if ((receives ? recv(fds[0], &byte, 1, 0) : epoll_wait(epoll, &event, 1, 2)) < 0 &&
            errno == EINTR)
            __atomic_fetch_add(&n_eintr, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

OWN void crashes(volatile int *at)
{
    *at = 1;
}

OWN void waits_for_a_line(void)
{
    char line[16];
    if (!fgets(line, sizeof line, stdin))
        pause();
    count++;
}

static void end(int signo)
{
    _exit(0);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    bool crash = strcmp(mode, "crash") == 0;
    if (pipe(pipes) != 0 || sem_init(&never, 0, 0) != 0)
        return 3;
    signal(SIGALRM, end);
    alarm(600);
    if (strcmp(mode, "burn") == 0 || strcmp(mode, "exec") == 0) {
        start(burn, 1);
    } else if (strcmp(mode, "short") == 0) {
        start(begin_threads, 0);
    } else if (strcmp(mode, "many") == 0) {
        for (int i = 0, n = argc > 2 ? atoi(argv[2]) : 100; i < n; i++)
            start(burn, (size_t)i);
    } else if (crash || strcmp(mode, "threads") == 0) {
        pthread_mutex_lock(&mutex);
        for (size_t i = 0; i < N_DOINGS; i++)
            start(run, i);
        while (__atomic_load_n(&n_there, __ATOMIC_SEQ_CST) < N_DOINGS)
            usleep(1000);
        usleep(200000);
    } else if (strcmp(mode, "moments") == 0) {
        for (size_t i = 0; i < 12; i++)
            start(waits_for_moments, i);
    } else if (strcmp(mode, "children") != 0) {
        return 2;
    }
    puts("ready");
    fflush(stdout);
    waits_for_a_line();
    if (crash)
        crashes(NULL);
    if (strcmp(mode, "moments") == 0) {
        printf("%d\n", __atomic_load_n(&n_eintr, __ATOMIC_SEQ_CST));
        fflush(stdout);
    }
    if (strcmp(mode, "exec") == 0) {
        execv(argv[2], argv + 2);
        perror("execv");
    }
    if (strcmp(mode, "children") == 0 && fork() == 0)
        burns(1);
    for (;;)
        pause();
}
