#include "base/thread.h"

#include <sched.h>
#include <stdlib.h>

struct start {
    cpu_set_t allowed; /* its maker's processors */
    void *(*fn)(void *);
    void *arg;
};

static void *run(void *p)
{
    struct start start = *(struct start *)p;
    free(p);
    (void)sched_setaffinity(0, sizeof start.allowed, &start.allowed);
    return start.fn(start.arg);
}

/* False: there is no other processor, or it may not be chosen. */
static bool start_elsewhere(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    struct start *start = malloc(sizeof *start);
    pthread_attr_t attr;
    if (!start)
        return false;
    *start = (struct start){.fn = fn, .arg = arg};
    int cpu = sched_getcpu();
    bool ok = cpu >= 0 && cpu < CPU_SETSIZE &&
              sched_getaffinity(0, sizeof start->allowed, &start->allowed) == 0 &&
              CPU_COUNT(&start->allowed) > 1 && pthread_attr_init(&attr) == 0;
    if (ok) {
        cpu_set_t others = start->allowed;
        CPU_CLR(cpu, &others);
        ok = pthread_attr_setaffinity_np(&attr, sizeof others, &others) == 0 &&
             pthread_create(thread, &attr, run, start) == 0;
        pthread_attr_destroy(&attr);
    }
    if (!ok)
        free(start);
    return ok;
}

bool thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    return start_elsewhere(thread, fn, arg) || pthread_create(thread, NULL, fn, arg) == 0;
}
