/* waits: waits of known lengths: a thread holds a lock for 20 ms, ten times a second or so; another
 * one wants it; a third only computes.  Prints "ready"; ends after 60 s. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define OWN __attribute__((noipa)) static void

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile int count;

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

static void *computes(void *arg)
{
    for (;;)
        count++;
    return arg;
}

int main(void)
{
    void *(*const all[])(void *) = {holder, waiter, computes};
    pthread_t thread;
    for (int i = 0; i < 3; i++)
        if (pthread_create(&thread, NULL, all[i], NULL) != 0)
            return 3;
    puts("ready");
    fflush(stdout);
    alarm(60);
    for (;;)
        pause();
}
