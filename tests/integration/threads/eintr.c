/* eintr N: threads that wait in system calls, for ever or for moments, while N profiles of
 * all threads are taken; prints how often a call failed with EINTR, and what else is odd. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sonde/sonde.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int n_eintr, n_short, n_calls, n_there;
static sem_t never;
static int silent[2];

static void count(long rc)
{
    if (rc < 0 && errno == EINTR)
        __atomic_fetch_add(&n_eintr, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&n_calls, 1, __ATOMIC_RELAXED);
}

static struct timespec soon(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += 200000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

/* Those that come back all the time: they are found running, too. */

static void *sleeper(void *arg)
{
    for (;;) {
        struct timespec before, after, t = {0, 100000};
        clock_gettime(CLOCK_MONOTONIC, &before);
        count(nanosleep(&t, NULL));
        clock_gettime(CLOCK_MONOTONIC, &after);
        long ns = (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec;
        if (ns < 100000)
            __atomic_fetch_add(&n_short, 1, __ATOMIC_RELAXED);
    }
    return arg;
}

static void *poller(void *arg)
{
    for (;;)
        count(poll(&(struct pollfd){.fd = silent[0], .events = POLLIN}, 1, 1));
    return arg;
}

static void *selecter(void *arg)
{
    for (;;) {
        struct timeval t = {0, 200};
        count(select(0, NULL, NULL, NULL, &t));
    }
    return arg;
}

static void *epoller(void *arg)
{
    int fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(fd, EPOLL_CTL_ADD, silent[0], &event);
    for (;;)
        count(epoll_wait(fd, &event, 1, 1));
    return arg;
}

static void *timedwaiter(void *arg)
{
    for (;;) {
        struct timespec t = soon();
        count(sem_timedwait(&never, &t));
    }
    return arg;
}

static void *sigwaiter(void *arg)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    for (;;)
        count(sigtimedwait(&set, NULL, &(struct timespec){0, 200000}));
    return arg;
}

static void *receiver(void *arg)
{
    int pair[2];
    char byte;
    struct timeval t = {0, 1000};
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    for (;;)
        count(recv(pair[0], &byte, 1, 0));
    return arg;
}

static int ping[2], pong[2];

static void *pinger(void *arg)
{
    char byte = 0;
    for (;;) {
        count(write(ping[1], &byte, 1));
        count(poll(&(struct pollfd){.fd = pong[0], .events = POLLIN}, 1, -1));
        count(read(pong[0], &byte, 1));
    }
    return arg;
}

static void *ponger(void *arg)
{
    char byte;
    for (;;) {
        count(read(ping[0], &byte, 1));
        count(write(pong[1], &byte, 1));
    }
    return arg;
}

/* Those that wait for ever. */

static void *waits_sem(void *arg)
{
    __atomic_fetch_add(&n_there, 1, __ATOMIC_RELAXED);
    for (;;)
        count(sem_wait(&never));
    return arg;
}

static void *waits_poll(void *arg)
{
    __atomic_fetch_add(&n_there, 1, __ATOMIC_RELAXED);
    for (;;)
        count(poll(&(struct pollfd){.fd = silent[0], .events = POLLIN}, 1, -1));
    return arg;
}

static void *waits_sleep(void *arg)
{
    __atomic_fetch_add(&n_there, 1, __ATOMIC_RELAXED);
    for (;;)
        count(nanosleep(&(struct timespec){1000, 0}, NULL));
    return arg;
}

static void *waits_read(void *arg)
{
    char byte;
    __atomic_fetch_add(&n_there, 1, __ATOMIC_RELAXED);
    for (;;)
        count(read(silent[0], &byte, 1));
    return arg;
}

static void *waits_epoll(void *arg)
{
    int fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(fd, EPOLL_CTL_ADD, silent[0], &event);
    __atomic_fetch_add(&n_there, 1, __ATOMIC_RELAXED);
    for (;;)
        count(epoll_wait(fd, &event, 1, -1));
    return arg;
}

static void *waits_accept(void *arg)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (void *)&any, sizeof any) != 0 || listen(fd, 1) != 0)
        exit(3);
    __atomic_fetch_add(&n_there, 1, __ATOMIC_RELAXED);
    for (;;)
        count(accept(fd, NULL, NULL));
    return arg;
}

static void *waits_message(void *arg)
{
    struct {
        long type;
        char text[8];
    } message;
    int queue = msgget(IPC_PRIVATE, 0600);
    __atomic_fetch_add(&n_there, 1, __ATOMIC_RELAXED);
    *(int *)arg = queue;
    for (;;)
        count(msgrcv(queue, &message, sizeof message.text, 0, 0));
    return arg;
}

int main(int argc, char **argv)
{
    static void *(*const runs[])(void *) = {sleeper,     poller,   selecter, epoller, timedwaiter,
                                            sigwaiter,   receiver, pinger,   ponger,  sleeper};
    static void *(*const waits[])(void *) = {waits_sem,   waits_poll,  waits_sleep, waits_read,
                                             waits_epoll, waits_accept, waits_message};
    enum { N_RUNS = sizeof runs / sizeof *runs, N_WAITS = sizeof waits / sizeof *waits };
    int n = argc > 1 ? atoi(argv[1]) : 1, queue = -1, failed = 0;
    pthread_t thread;
    sigset_t usr2;
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &usr2, NULL);
    sem_init(&never, 0, 0);
    if (pipe(silent) != 0 || pipe(ping) != 0 || pipe(pong) != 0)
        return 3;
    for (int i = 0; i < N_WAITS; i++)
        pthread_create(&thread, NULL, waits[i], &queue);
    while (__atomic_load_n(&n_there, __ATOMIC_RELAXED) < N_WAITS)
        usleep(1000);
    for (int i = 0; i < N_RUNS; i++)
        pthread_create(&thread, NULL, runs[i], NULL);
    struct sonde_profile *profile = sonde_lookup("goroutine");
    int fd = open("/dev/null", O_WRONLY);
    for (int i = 0; i < n; i++) {
        if (sonde_profile_write(profile, fd, 0) != 0)
            failed++;
        usleep(500);
    }
    long there = sonde_profile_count(profile);
    printf("eintr %d short %d failed %d threads %ld\n", n_eintr, n_short, failed, there);
    fprintf(stderr, "%d calls\n", n_calls);
    fflush(stdout);
    msgctl(queue, IPC_RMID, NULL);
    _exit(0);
}
