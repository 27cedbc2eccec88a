/* way: allocates, and makes threads, at known times: 10 MB at the start, 10 MB after a
 * second, a thread then and one after two seconds.  With an argument, ends with its last
 * thread instead of by exit. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((noinline, noclone)) static void keep(void)
{
    for (int i = 0; i < 10; i++) {
        void *volatile p = malloc(1000000);
        (void)p;
    }
}

static void *waits(void *arg)
{
    pause();
    return arg;
}

static void *ends(void *arg)
{
    usleep(300000);
    puts("done");
    fflush(stdout);
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    keep();
    if (argc > 1) {
        usleep(600000);
        pthread_create(&thread, NULL, ends, NULL);
        pthread_exit(NULL);
    }
    usleep(1000000);
    keep();
    pthread_create(&thread, NULL, waits, NULL);
    usleep(1000000);
    pthread_create(&thread, NULL, waits, NULL);
    usleep(500000);
    puts("done");
    return 3;
}
