/* interpose_unlock: as interpose, the functions of libc that unlock.  While nobody waits
 * they do nothing but pass on; nobody touches a lock after it is unlocked, which may then be
 * gone. */
#include "agent/block.h"
#include "agent/interpose_next.h"
#include "agent/mutex.h"
#include "agent/trace_wait.h"

#include <pthread.h>
#include <threads.h>

typedef int unlock_fn(void *);

static unlock_fn *next_mutex, *next_rwlock, *next_c11;

static bool find(void);

/* Of glibc's pthread_mutex_t and mtx_t that is held: 1 says that nobody sleeps in the kernel for
 * it, so an unlock lets nobody go on.  (A writer's rwlock is unlocked here too; its first word is
 * not 1 while others wait.) */
static bool has_sleepers(const void *lock)
{
    return __atomic_load_n((const int *)lock, __ATOMIC_RELAXED) != 1;
}

SLOW int slow_unlock(void *lock, unlock_fn *next)
{
    const struct walk_regs regs = BLOCK_CALLED(next);
    const struct mutex_charge charge = mutex_unlocks(lock);
    if (has_sleepers(lock))
        trace_wakes(lock, TRACE_WAKES_LAST, &regs);
    int rc = next(lock);
    trace_wait_unlocked();
    if (rc == 0)
        mutex_add(&charge, &regs);
    return rc;
}

SLOW int slow_read_unlock(pthread_rwlock_t *lock)
{
    const struct walk_regs regs = BLOCK_CALLED(next_rwlock);
    mutex_unlocks_shared(lock, &regs);
    trace_wakes(lock, TRACE_WAKES_LAST, &regs);
    int rc = next_rwlock(lock);
    return rc;
}

/* What there is while something is recorded. */

static int unlock_mutex(void *mutex)
{
    unlock_fn *next = next_mutex;
    return mutex_may_wait(mutex) ? slow_unlock(mutex, next) : next(mutex);
}

static int unlock_c11(void *mutex)
{
    unlock_fn *next = next_c11;
    return mutex_may_wait(mutex) ? slow_unlock(mutex, next) : next(mutex);
}

static int unlock_rwlock(void *rwlock)
{
    pthread_rwlock_t *lock = rwlock;
    unlock_fn *next = next_rwlock;
    if (!mutex_may_wait(lock))
        return next(lock);
    /* glibc's own way to tell; at worst a contention is charged to another unlock. */
    return lock->__data.__cur_writer ? slow_unlock(lock, next) : slow_read_unlock(lock);
}

INTERPOSE(pthread_mutex_unlock, pthread_mutex_t *on, way_mutex, 0)
INTERPOSE(mtx_unlock, mtx_t *on, way_c11, 0)
INTERPOSE(pthread_rwlock_unlock, pthread_rwlock_t *on, way_rwlock, 0)

static const struct interpose_next all[] = {
    {&next_mutex, "pthread_mutex_unlock", NULL, &way_mutex, unlock_mutex},
    {&next_rwlock, "pthread_rwlock_unlock", NULL, &way_rwlock, unlock_rwlock},
    {&next_c11, "mtx_unlock", NULL, &way_c11, unlock_c11},
};

static bool find(void)
{
    return interpose_find(all, sizeof all / sizeof *all);
}

static __attribute__((constructor(101))) void find_at_start(void)
{
    find();
    mutex_is_hooked = true;
}
