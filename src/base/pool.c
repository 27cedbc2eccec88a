#include "base/pool.h"

#include "base/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
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

size_t pool_share(uint64_t work, uint64_t per_thread, size_t most)
{
    uint64_t n = work / per_thread;
    if (n < 2)
        return 1;
    size_t n_cpus = pool_threads();
    most = most < n_cpus ? most : n_cpus;
    return n < most ? (size_t)n : most;
}

/* How many threads are of use for n pieces. */
static size_t threads_for(size_t n, unsigned max_threads)
{
    size_t want = n < MAX_THREADS ? n : MAX_THREADS;
    if (max_threads && want > max_threads)
        want = max_threads;
    if (!max_threads && want > 1) {
        size_t cpus = pool_threads();
        want = want < cpus ? want : cpus;
    }
    return want;
}

/* Run `fn` on n threads, this one among them. */
static void run_on(size_t n, void *(*fn)(void *), void *arg)
{
    struct thread threads[MAX_THREADS];
    size_t made = 0;
    while (made + 1 < n && thread_start(&threads[made], fn, arg))
        made++;
    fn(arg);
    while (made)
        pthread_join(threads[--made].id, NULL);
}

void pool_run(size_t n, unsigned max_threads, void (*fn)(void *arg, size_t i), void *arg)
{
    struct work w = {.n = n, .fn = fn, .arg = arg};
    run_on(threads_for(n, max_threads), drain, &w);
}

struct line {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    size_t n, ahead;
    size_t next, taken;         /* the first that is not begun, not taken */
    bool made[MAX_THREADS + 1]; /* of i at i % ahead */
    bool is_taking;
    void (*make)(void *, size_t), (*take)(void *, size_t);
    void *arg;
};

/* Take or make one; false when neither can be done now. */
static bool step(struct line *l)
{
    size_t i = l->taken;
    if (!l->is_taking && i < l->n && l->made[i % l->ahead]) {
        l->is_taking = true;
        pthread_mutex_unlock(&l->lock);
        l->take(l->arg, i);
        pthread_mutex_lock(&l->lock);
        l->made[i % l->ahead] = false;
        l->is_taking = false;
        l->taken++;
    } else if (l->next < l->n && l->next - l->taken < l->ahead) {
        i = l->next++;
        pthread_mutex_unlock(&l->lock);
        l->make(l->arg, i);
        pthread_mutex_lock(&l->lock);
        l->made[i % l->ahead] = true;
    } else {
        return false;
    }
    pthread_cond_broadcast(&l->moved);
    return true;
}

static void *follow(void *p)
{
    struct line *l = p;
    pthread_mutex_lock(&l->lock);
    while (l->taken < l->n)
        if (!step(l))
            pthread_cond_wait(&l->moved, &l->lock);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

void pool_run_in_order(size_t n, void (*make)(void *arg, size_t i),
                       void (*take)(void *arg, size_t i), void *arg)
{
    size_t n_threads = threads_for(n, 0);
    struct line line = {.lock = PTHREAD_MUTEX_INITIALIZER,
                        .moved = PTHREAD_COND_INITIALIZER,
                        .n = n,
                        .ahead = n_threads + 1,
                        .make = make,
                        .take = take,
                        .arg = arg};
    run_on(n_threads, follow, &line);
    pthread_cond_destroy(&line.moved);
    pthread_mutex_destroy(&line.lock);
}
