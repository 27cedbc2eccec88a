#include "base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define MAX_THREADS 16u

struct work {
    atomic_size_t next;
    size_t n;
    void (*fn)(void *, size_t);
    void *arg;
};

static void *drain(void *p)
{
    struct work *w = p;
    for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->n;)
        w->fn(w->arg, i);
    return NULL;
}

unsigned pool_threads(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN); /* reads a file */
    return cpus < 1 ? 1 : cpus > (long)MAX_THREADS ? MAX_THREADS : (unsigned)cpus;
}

void pool_run(size_t n, unsigned max_threads, void (*fn)(void *arg, size_t i), void *arg)
{
    struct work w = {.n = n, .fn = fn, .arg = arg};
    size_t want = n < MAX_THREADS ? n : MAX_THREADS;
    if (max_threads && want > max_threads)
        want = max_threads;
    if (!max_threads && want > 1) {
        size_t cpus = pool_threads();
        want = want < cpus ? want : cpus;
    }
    pthread_t threads[MAX_THREADS];
    size_t made = 0;
    while (made + 1 < want && pthread_create(&threads[made], NULL, drain, &w) == 0)
        made++;
    drain(&w);
    while (made)
        pthread_join(threads[--made], NULL);
}
