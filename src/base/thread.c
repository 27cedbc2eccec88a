#include "base/thread.h"

static void *run(void *p)
{
    const struct thread *thread = p;
    (void)sched_setaffinity(0, sizeof thread->allowed, &thread->allowed);
    return thread->fn(thread->arg);
}

/* False: there is no other processor, or it may not be chosen. */
static bool start_elsewhere(struct thread *thread)
{
    cpu_set_t *allowed = &thread->allowed;
    int cpu = sched_getcpu();
    pthread_attr_t attr;
    if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof *allowed, allowed) != 0 ||
        CPU_COUNT(allowed) < 2 || pthread_attr_init(&attr) != 0)
        return false;
    cpu_set_t others = *allowed;
    CPU_CLR(cpu, &others);
    bool ok = pthread_attr_setaffinity_np(&attr, sizeof others, &others) == 0 &&
              pthread_create(&thread->id, &attr, run, thread) == 0;
    pthread_attr_destroy(&attr);
    return ok;
}

bool thread_start(struct thread *thread, void *(*fn)(void *), void *arg)
{
    thread->fn = fn;
    thread->arg = arg;
    return start_elsewhere(thread) || pthread_create(&thread->id, NULL, fn, arg) == 0;
}
