/* Threads that pass a lock around, which is often taken by another one before who was woken for it
 * comes to run. */
#include <pthread.h>
#include <stdint.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void burn(uint64_t ns)
{
    struct timespec from, now;
    clock_gettime(CLOCK_MONOTONIC, &from);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((uint64_t)(now.tv_sec - from.tv_sec) * 1000000000u + (uint64_t)now.tv_nsec <
           (uint64_t)from.tv_nsec + ns);
}

static __attribute__((noinline)) void hold(void)
{
    pthread_mutex_lock(&mutex);
    burn(200000);
    pthread_mutex_unlock(&mutex);
}

static void *work(void *arg)
{
    for (int i = 0; i < 300; i++) {
        hold();
        burn(100000);
    }
    return arg;
}

int main(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
