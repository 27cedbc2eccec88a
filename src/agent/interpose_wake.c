/* interpose_wake: as interpose, the functions of libc by which a thread lets others go on, other
 * than by unlocking.  While nobody waits they do nothing but pass on. */
#include "agent/interpose_next.h"
#include "agent/trace_wait.h"

#include <pthread.h>
#include <semaphore.h>
#include <threads.h>

typedef int wake_fn(void *);

static wake_fn *next_signal, *next_broadcast, *next_c11_signal, *next_c11_broadcast, *next_post;

static bool find(void);

SLOW int slow_wake(void *on, wake_fn *next, uint32_t n)
{
    const struct walk_regs regs = BLOCK_CALLED(next);
    trace_wakes(on, n, &regs);
    int rc = next(on);
    return rc;
}

/* What there is while something is recorded. */
#define WAKE(name, to, n)                                                                          \
    static int name(void *on)                                                                      \
    {                                                                                              \
        wake_fn *next = to;                                                                        \
        return mutex_may_wait(on) ? slow_wake(on, next, n) : next(on);                             \
    }

WAKE(signal_one, next_signal, 1)
WAKE(broadcast, next_broadcast, TRACE_WAKES_LAST)
WAKE(c11_signal, next_c11_signal, 1)
WAKE(c11_broadcast, next_c11_broadcast, TRACE_WAKES_LAST)
WAKE(post, next_post, 1)

INTERPOSE(pthread_cond_signal, pthread_cond_t *on, way_signal, 0)
INTERPOSE(pthread_cond_broadcast, pthread_cond_t *on, way_broadcast, 0)
INTERPOSE(cnd_signal, cnd_t *on, way_c11_signal, 0)
INTERPOSE(cnd_broadcast, cnd_t *on, way_c11_broadcast, 0)
INTERPOSE(sem_post, sem_t *on, way_post, 0)

static const struct interpose_next all[] = {
    {&next_signal, "pthread_cond_signal", "GLIBC_2.3.2", &way_signal, signal_one},
    {&next_broadcast, "pthread_cond_broadcast", "GLIBC_2.3.2", &way_broadcast, broadcast},
    {&next_c11_signal, "cnd_signal", NULL, &way_c11_signal, c11_signal},
    {&next_c11_broadcast, "cnd_broadcast", NULL, &way_c11_broadcast, c11_broadcast},
    {&next_post, "sem_post", NULL, &way_post, post},
};

static bool find(void)
{
    return interpose_find(all, sizeof all / sizeof *all);
}

static __attribute__((constructor(101))) void find_at_start(void)
{
    find();
}
