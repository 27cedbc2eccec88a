/* waits: waits of known lengths: a thread holds a lock for 20 ms, ten times a second or so; another
 * one wants it; a third only computes.  "taker" reads what "giver" writes into a pipe, and "eater"
 * what another process, "feeder", writes into another.  Prints "ready"; ends after ten minutes. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#define OWN __attribute__((noipa)) static void

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile int count;
static int given[2], fed[2];

OWN naps(void)
{
    usleep(20000);
    count++;
}

OWN rests(void)
{
    usleep(80000);
    count++;
}

OWN wants(void)
{
    pthread_mutex_lock(&mutex);
    count++;
    pthread_mutex_unlock(&mutex);
    count++;
}

static void *holder(void *arg)
{
    for (;;) {
        pthread_mutex_lock(&mutex);
        naps();
        pthread_mutex_unlock(&mutex);
        rests();
    }
    return arg;
}

static void *waiter(void *arg)
{
    for (;;) {
        wants();
        usleep(1000);
    }
    return arg;
}

OWN gives(int fd)
{
    if (write(fd, "x", 1) != 1)
        _exit(3);
    count++;
}

OWN takes(int fd)
{
    char byte;
    if (read(fd, &byte, 1) != 1)
        _exit(3);
    count++;
}

static void *giver(void *arg)
{
    prctl(PR_SET_NAME, "giver");
    for (;;) {
        usleep(30000);
        gives(given[1]);
    }
    return arg;
}

static void *taker(void *arg)
{
    for (;;)
        takes(given[0]);
    return arg;
}

static void *eater(void *arg)
{
    for (;;)
        takes(fed[0]);
    return arg;
}

static void feed(void)
{
    prctl(PR_SET_NAME, "feeder");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        usleep(30000);
        gives(fed[1]);
    }
}

static void *computes(void *arg)
{
    for (;;)
        count++;
    return arg;
}

int main(void)
{
    void *(*const all[])(void *) = {holder, waiter, computes, giver, taker, eater};
    pthread_t thread;
    if (pipe(given) != 0 || pipe(fed) != 0)
        return 3;
    if (fork() == 0)
        feed();
    for (int i = 0; i < 6; i++)
        if (pthread_create(&thread, NULL, all[i], NULL) != 0)
            return 3;
    puts("ready");
    fflush(stdout);
    alarm(600);
    for (;;)
        pause();
}
