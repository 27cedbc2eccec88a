/* interpose_wake: as interpose, the functions of libc by which a thread lets others go on, other
 * than by unlocking.  While nobody waits they do nothing but pass on. */
#include "agent/interpose_next.h"
#include "agent/trace_wait.h"

#include <pthread.h>
#include <semaphore.h>
#include <threads.h>

typedef int wake_fn(void *);

static wake_fn *next_signal, *next_broadcast, *next_c11_signal, *next_c11_broadcast, *next_post;

static const struct interpose_next all[] = {
    {&next_signal, "pthread_cond_signal", "GLIBC_2.3.2"},
    {&next_broadcast, "pthread_cond_broadcast", "GLIBC_2.3.2"},
    {&next_c11_signal, "cnd_signal"},
    {&next_c11_broadcast, "cnd_broadcast"},
    {&next_post, "sem_post"},
};

static __attribute__((constructor(101))) void find_at_start(void)
{
    interpose_find(all, sizeof all / sizeof *all);
}

SLOW int slow_wake(void *on, wake_fn *next, uint32_t n)
{
    const struct walk_regs regs = BLOCK_CALLED(next);
    trace_wakes(on, n, &regs);
    int rc = next(on);
    return rc;
}

/* The first call may come before any constructor. */
SLOW int first_wake(void *on, wake_fn **next)
{
    int rc = interpose_find(all, sizeof all / sizeof *all) ? (*next)(on) : 0;
    return rc;
}

#define WAKE(on, next, n)                                                                          \
    wake_fn *to = next;                                                                            \
    if (!LIKELY(to))                                                                               \
        return first_wake(on, &next);                                                              \
    return mutex_may_wait(on) ? slow_wake(on, to, n) : to(on)

EXPORT int pthread_cond_signal(pthread_cond_t *cond)
{
    WAKE(cond, next_signal, 1);
}

EXPORT int pthread_cond_broadcast(pthread_cond_t *cond)
{
    WAKE(cond, next_broadcast, TRACE_WAKES_LAST);
}

EXPORT int cnd_signal(cnd_t *cond)
{
    WAKE(cond, next_c11_signal, 1);
}

EXPORT int cnd_broadcast(cnd_t *cond)
{
    WAKE(cond, next_c11_broadcast, TRACE_WAKES_LAST);
}

EXPORT int sem_post(sem_t *sem)
{
    WAKE(sem, next_post, 1);
}
