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

SLOW int slow_unlock(void *lock, unlock_fn *next, bool has_sleepers)
{
    const struct walk_regs regs = BLOCK_CALLED(next);
    const struct mutex_charge charge = mutex_unlocks(lock);
    if (has_sleepers)
        trace_wakes(lock, TRACE_WAKES_LAST, &regs);
    int rc = next(lock);
    trace_wait_unlocked();
    if (rc == 0)
        mutex_add(&charge, &regs);
    return rc;
}

SLOW int slow_read_unlock(pthread_rwlock_t *lock, bool has_sleepers)
{
    const struct walk_regs regs = BLOCK_CALLED(next_rwlock);
    mutex_unlocks_shared(lock, &regs);
    if (has_sleepers)
        trace_wakes(lock, TRACE_WAKES_LAST, &regs);
    int rc = next_rwlock(lock);
    return rc;
}

/* Of glibc's pthread_rwlock_t that is held: bit 2 of the first word says that readers sleep who let
 * writers go first, bit 1 of two others that somebody does.  A reader lets them go if it is the
 * last one: from bit 3 on they are counted. */
static bool rwlock_has_sleepers(const pthread_rwlock_t *lock, bool is_write)
{
    uint32_t readers = __atomic_load_n(&lock->__data.__readers, __ATOMIC_RELAXED),
             sleepers = __atomic_load_n(&lock->__data.__wrphase_futex, __ATOMIC_RELAXED) |
                        __atomic_load_n(&lock->__data.__writers_futex, __ATOMIC_RELAXED);
    return (is_write || readers >> 3 == 1) && (readers & 4 || sleepers & 2);
}

/* What there is while something is recorded. */

static int unlock_mutex(void *mutex)
{
    unlock_fn *next = next_mutex;
    bool has_sleepers = mutex_has_sleepers(mutex);
    return mutex_is_of_note(mutex, has_sleepers) ? slow_unlock(mutex, next, has_sleepers)
                                                 : next(mutex);
}

static int unlock_c11(void *mutex)
{
    unlock_fn *next = next_c11;
    bool has_sleepers = mutex_has_sleepers(mutex);
    return mutex_is_of_note(mutex, has_sleepers) ? slow_unlock(mutex, next, has_sleepers)
                                                 : next(mutex);
}

static int unlock_rwlock(void *rwlock)
{
    pthread_rwlock_t *lock = rwlock;
    unlock_fn *next = next_rwlock;
    /* glibc's own way to tell; at worst a contention is charged to another unlock. */
    bool is_write = lock->__data.__cur_writer, has_sleepers = rwlock_has_sleepers(lock, is_write);
    if (!mutex_is_of_note(lock, has_sleepers))
        return next(lock);
    return is_write ? slow_unlock(lock, next, has_sleepers) : slow_read_unlock(lock, has_sleepers);
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
