/* states MODE: threads whose states and names are known when the program ends; what
 * they do is told by functions that are named for it. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OWN __attribute__((noinline, noclone)) static void

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static int pipes[2], listener;
static int n_there;
static volatile int sink;

OWN locks(void)
{
    pthread_mutex_lock(&mutex);
    sink++;
}

OWN waits(void)
{
    pthread_mutex_lock(&other);
    for (;;)
        pthread_cond_wait(&never, &other);
}

OWN takes(void)
{
    while (sem_wait(&semaphore) == 0)
        ;
    sink++;
}

OWN sleeps(void)
{
    nanosleep(&(struct timespec){1000, 0}, NULL);
    sink++;
}

OWN polls(void)
{
    poll(&(struct pollfd){.fd = pipes[0], .events = POLLIN}, 1, -1);
    sink++;
}

OWN selects(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    select(pipes[0] + 1, &set, NULL, NULL, NULL);
    sink++;
}

OWN epolls(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int fd = epoll_create1(0);
    epoll_ctl(fd, EPOLL_CTL_ADD, pipes[0], &event);
    epoll_wait(fd, &event, 1, -1);
    sink++;
}

OWN reads(void)
{
    char byte;
    sink += (int)read(pipes[0], &byte, 1);
}

OWN accepts(void)
{
    sink += accept(listener, NULL, NULL);
}

OWN sigwaits(void)
{
    sigset_t set;
    int signo;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigwait(&set, &signo);
    sink++;
}

OWN pauses(void)
{
    pause();
    sink++;
}

OWN spins(void)
{
    for (;;)
        sink++;
}

static void (*const doings[])(void) = {locks, waits,  takes,   sleeps,   polls,  selects,
                                       epolls, reads, accepts, sigwaits, pauses, spins};
static const char *const names[] = {"locks",  "waits", "takes",   "sleeps",   "polls",  "selects",
                                    "epolls", "reads", "accepts", "sigwaits", "pauses", "spins"};
enum { N_DOINGS = sizeof names / sizeof *names, N_MANY = 1000 };

/* Frames to follow, of different sizes. */
__attribute__((noinline, noclone)) static int deep(unsigned depth, int which)
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
    sink += deep(5, which);
    return NULL;
}

static void start(int which, pthread_attr_t *attr)
{
    pthread_t thread;
    if (pthread_create(&thread, attr, run, (void *)(long)which) != 0) {
        perror("pthread_create");
        exit(3);
    }
}

static void settle(int n)
{
    while (__atomic_load_n(&n_there, __ATOMIC_SEQ_CST) < n)
        usleep(1000);
    usleep(200000);
}

static void *named_by_others(void *arg)
{
    sem_wait(&semaphore);
    return arg;
}

static void *renames(void *arg)
{
    pthread_setname_np(pthread_self(), "first");
    usleep(50000);
    prctl(PR_SET_NAME, "second");
    sem_wait(&semaphore);
    return arg;
}

static void *blocks_all(void *arg)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (;;)
        sink++;
    return arg;
}

static void on_usr1(int signo)
{
    sem_wait(&semaphore);
    sink++;
}

/* Waits in a handler, on an alternate stack. */
static void *on_other_stack(void *arg)
{
    static char stack[65536];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_usr1, .sa_flags = SA_ONSTACK}, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
    return arg;
}

static void *ends_soon(void *arg)
{
    return arg;
}

static void *makes(void *arg)
{
    pthread_t thread;
    for (;;)
        if (pthread_create(&thread, NULL, ends_soon, NULL) == 0)
            pthread_join(thread, NULL);
    return arg;
}

#ifdef LINKED
#include <sonde/sonde.h>

/* The texts, and what labels become of. */
static void write_texts(void)
{
    sonde_set_label("of", "main");
    if (sonde_profile_write(sonde_lookup("threads"), 1, 1) != 0 ||
        sonde_profile_write(sonde_lookup("goroutine"), 1, 2) != 0 ||
        sonde_profile_count(sonde_lookup("goroutine")) != N_DOINGS + 1)
        _exit(4);
}
#else
static void write_texts(void)
{
}
#endif

__attribute__((noinline, noclone)) static void finish(int how)
{
    if (how == 1)
        _exit(0);
    else if (how == 2)
        quick_exit(0);
    exit(0);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    pthread_t thread;
    struct sockaddr_in any = {.sin_family = AF_INET};
    sem_init(&semaphore, 0, 0);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (pipe(pipes) != 0 || bind(listener, (void *)&any, sizeof any) != 0 || listen(listener, 1) != 0)
        return 3;
    sigset_t usr2;
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &usr2, NULL);
    pthread_mutex_lock(&mutex);
    if (strcmp(mode, "states") == 0) {
        for (int i = 0; i < N_DOINGS; i++)
            start(i, NULL);
        settle(N_DOINGS);
        write_texts();
    } else if (strcmp(mode, "many") == 0) {
        pthread_attr_t attr;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, 128 << 10);
        for (int i = 0; i < N_MANY; i++)
            start(i % (N_DOINGS - 1), &attr);
        settle(N_MANY);
    } else if (strcmp(mode, "runnable") == 0) {
        for (int i = 0; i < 8; i++)
            start(N_DOINGS - 1, NULL);
        settle(8);
    } else if (strcmp(mode, "names") == 0) {
        pthread_create(&thread, NULL, renames, NULL);
        pthread_create(&thread, NULL, named_by_others, NULL);
        usleep(200000);
        pthread_setname_np(thread, "by another");
        prctl(PR_SET_NAME, "a main thread's");
    } else if (strcmp(mode, "blocked") == 0) {
        pthread_create(&thread, NULL, blocks_all, NULL);
        usleep(200000);
    } else if (strcmp(mode, "altstack") == 0) {
        pthread_create(&thread, NULL, on_other_stack, NULL);
        usleep(200000);
    } else if (strcmp(mode, "churn") == 0) {
        for (int i = 0; i < 4; i++)
            pthread_create(&thread, NULL, makes, NULL);
        start(0, NULL);
        settle(1);
    } else if (strcmp(mode, "fork") == 0) {
        for (int i = 0; i < 3; i++)
            start(0, NULL);
        settle(3);
        pid_t child = fork();
        if (child == 0) {
            start(3, NULL);
            settle(4);
            finish(1);
        }
        waitpid(child, NULL, 0);
    } else if (strcmp(mode, "quick") == 0) {
        finish(2);
    } else if (strcmp(mode, "abort") == 0) {
        abort();
    } else {
        return 2;
    }
    finish(0);
}
