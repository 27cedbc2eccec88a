/* interpose_lock: as interpose, the functions of libc that lock.  Each tries first: what it
 * gets at once costs no more than that.  A try and a lock say the same of recursive and
 * robust mutexes; where a try says EBUSY, the lock itself is asked, so that its answer
 * (EDEADLK, ...) is the program's.  A try, and the way back from it, cost a lock more than
 * all the rest: one that nobody has waited for yet is only looked at.
 * Each slow half is jumped to, so that its caller is the program. */
#include "agent/block.h"
#include "agent/interpose_next.h"
#include "agent/mutex.h"

#include <pthread.h>
#include <threads.h>
#include <time.h>

typedef int lock_fn(void *);
typedef int timed_fn(void *, const struct timespec *);
typedef int clock_fn(void *, clockid_t, const struct timespec *);

static lock_fn *try_mutex, *next_mutex, *try_read, *next_read, *try_write, *next_write, *try_c11,
    *next_c11;
static timed_fn *next_mutex_timed, *next_read_timed, *next_write_timed, *next_c11_timed;
static clock_fn *next_mutex_clock, *next_read_clock, *next_write_clock;

static bool find(void);

/* False: there is nothing to pass on to. */
static bool need(const void *next)
{
    return LIKELY(next) || find();
}

/* Of pthread_ and of mtx_ functions: their numbers do not meet. */
static enum block_end end_of(int rc, const void *lock, enum trace_raw_reason reason)
{
    if (rc == 0 && reason == TRACE_RAW_MUTEX && !mutex_has_sleepers(lock))
        return BLOCK_AT_ONCE;
    if (rc == 0 || rc == EOWNERDEAD)
        return BLOCK_DONE;
    return rc == ETIMEDOUT || rc == thrd_timedout ? BLOCK_EXPIRED : BLOCK_NOT;
}

SLOW int slow_lock(void *lock, lock_fn *next, enum trace_raw_reason reason)
{
    block_is_busy(lock);
    const struct walk_regs regs = BLOCK_CALLED(next);
    const struct block_wait wait = block_begin(reason, lock, lock, &regs);
    int rc = next(lock);
    block_end(&wait, &regs, end_of(rc, lock, reason));
    return rc;
}

SLOW int slow_timed(void *lock, const struct timespec *until, timed_fn *next,
                    enum trace_raw_reason reason)
{
    block_is_busy(lock);
    const struct walk_regs regs = BLOCK_CALLED(next);
    const struct block_wait wait = block_begin(reason, lock, lock, &regs);
    int rc = next(lock, until);
    block_end(&wait, &regs, end_of(rc, lock, reason));
    return rc;
}

SLOW int slow_clock(void *lock, clockid_t clock, const struct timespec *until, clock_fn *next,
                    enum trace_raw_reason reason)
{
    block_is_busy(lock);
    const struct walk_regs regs = BLOCK_CALLED(next);
    const struct block_wait wait = block_begin(reason, lock, lock, &regs);
    int rc = next(lock, clock, until);
    block_end(&wait, &regs, end_of(rc, lock, reason));
    return rc;
}

/* Of glibc's pthread_mutex_t and mtx_t, at a glance. */
static bool is_free(const void *mutex)
{
    return __atomic_load_n((const int *)mutex, __ATOMIC_RELAXED) == 0;
}

/* Of glibc's pthread_rwlock_t: bit 1 of the first word is a writer's, from bit 3 on it counts
 * readers, bit 2 says that some wait; bit 0 is left by the last writer. */
static bool is_readable(const pthread_rwlock_t *lock)
{
    return !(__atomic_load_n(&lock->__data.__readers, __ATOMIC_RELAXED) & 2);
}

static bool is_writable(const pthread_rwlock_t *lock)
{
    return !(__atomic_load_n(&lock->__data.__readers, __ATOMIC_RELAXED) & ~1u);
}

/* Whether a call with these waits, if it has to, rather than to be refused. */
static bool is_time(clockid_t clock, const struct timespec *until)
{
    __asm__("" : "+r"(until)); /* libc's header says that it is there; libc does not need it to */
    return (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC) && until && until->tv_nsec >= 0 &&
           until->tv_nsec < 1000000000;
}

static __attribute__((noinline)) int busy_mutex(void *mutex)
{
    if (!need(try_mutex))
        return 0;
    int rc = try_mutex(mutex);
    return LIKELY(rc != EBUSY) ? rc : slow_lock(mutex, next_mutex, TRACE_RAW_MUTEX);
}

static int lock_mutex(void *lock)
{
    lock_fn *next = next_mutex;
    return block_is_calm(lock, is_free(lock)) ? next(lock) : busy_mutex(lock);
}

EXPORT int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *until)
{
    if (!need(next_mutex_timed))
        return 0;
    int rc = is_time(CLOCK_REALTIME, until) ? try_mutex(mutex) : EBUSY;
    return LIKELY(rc != EBUSY) ? rc : slow_timed(mutex, until, next_mutex_timed, TRACE_RAW_MUTEX);
}

EXPORT int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
                                   const struct timespec *until)
{
    if (!need(next_mutex_clock))
        return 0;
    int rc = is_time(clock, until) ? try_mutex(mutex) : EBUSY;
    return LIKELY(rc != EBUSY) ? rc
                               : slow_clock(mutex, clock, until, next_mutex_clock, TRACE_RAW_MUTEX);
}

static __attribute__((noinline)) int busy_read(void *lock)
{
    if (!need(try_read))
        return 0;
    int rc = try_read(lock);
    return LIKELY(rc != EBUSY) ? rc : slow_lock(lock, next_read, TRACE_RAW_RWLOCK);
}

static int lock_read(void *lock)
{
    lock_fn *next = next_read;
    return block_is_calm(lock, is_readable(lock)) ? next(lock) : busy_read(lock);
}

EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t *lock, const struct timespec *until)
{
    if (!need(next_read_timed))
        return 0;
    int rc = is_time(CLOCK_REALTIME, until) ? try_read(lock) : EBUSY;
    return LIKELY(rc != EBUSY) ? rc : slow_timed(lock, until, next_read_timed, TRACE_RAW_RWLOCK);
}

EXPORT int pthread_rwlock_clockrdlock(pthread_rwlock_t *lock, clockid_t clock,
                                      const struct timespec *until)
{
    if (!need(next_read_clock))
        return 0;
    int rc = is_time(clock, until) ? try_read(lock) : EBUSY;
    return LIKELY(rc != EBUSY) ? rc
                               : slow_clock(lock, clock, until, next_read_clock, TRACE_RAW_RWLOCK);
}

static __attribute__((noinline)) int busy_write(void *lock)
{
    if (!need(try_write))
        return 0;
    int rc = try_write(lock);
    return LIKELY(rc != EBUSY) ? rc : slow_lock(lock, next_write, TRACE_RAW_RWLOCK);
}

static int lock_write(void *lock)
{
    lock_fn *next = next_write;
    return block_is_calm(lock, is_writable(lock)) ? next(lock) : busy_write(lock);
}

EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t *lock, const struct timespec *until)
{
    if (!need(next_write_timed))
        return 0;
    int rc = is_time(CLOCK_REALTIME, until) ? try_write(lock) : EBUSY;
    return LIKELY(rc != EBUSY) ? rc : slow_timed(lock, until, next_write_timed, TRACE_RAW_RWLOCK);
}

EXPORT int pthread_rwlock_clockwrlock(pthread_rwlock_t *lock, clockid_t clock,
                                      const struct timespec *until)
{
    if (!need(next_write_clock))
        return 0;
    int rc = is_time(clock, until) ? try_write(lock) : EBUSY;
    return LIKELY(rc != EBUSY) ? rc
                               : slow_clock(lock, clock, until, next_write_clock, TRACE_RAW_RWLOCK);
}

static __attribute__((noinline)) int busy_c11(void *mutex)
{
    if (!need(try_c11))
        return thrd_success;
    int rc = try_c11(mutex);
    return LIKELY(rc != thrd_busy) ? rc : slow_lock(mutex, next_c11, TRACE_RAW_MUTEX);
}

static int lock_c11(void *lock)
{
    lock_fn *next = next_c11;
    return block_is_calm(lock, is_free(lock)) ? next(lock) : busy_c11(lock);
}

EXPORT int mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict until)
{
    if (!need(next_c11_timed))
        return thrd_success;
    int rc = is_time(CLOCK_REALTIME, until) ? try_c11(mutex) : thrd_busy;
    return LIKELY(rc != thrd_busy) ? rc : slow_timed(mutex, until, next_c11_timed, TRACE_RAW_MUTEX);
}

INTERPOSE(pthread_mutex_lock, pthread_mutex_t *on, way_mutex, 0)
INTERPOSE(pthread_rwlock_rdlock, pthread_rwlock_t *on, way_read, 0)
INTERPOSE(pthread_rwlock_wrlock, pthread_rwlock_t *on, way_write, 0)
INTERPOSE(mtx_lock, mtx_t *on, way_c11, thrd_success)

static const struct interpose_next all[] = {
    {&try_mutex, "pthread_mutex_trylock"},
    {&next_mutex, "pthread_mutex_lock", NULL, &way_mutex, lock_mutex},
    {&next_mutex_timed, "pthread_mutex_timedlock"},
    {&next_mutex_clock, "pthread_mutex_clocklock"},
    {&try_read, "pthread_rwlock_tryrdlock"},
    {&next_read, "pthread_rwlock_rdlock", NULL, &way_read, lock_read},
    {&next_read_timed, "pthread_rwlock_timedrdlock"},
    {&next_read_clock, "pthread_rwlock_clockrdlock"},
    {&try_write, "pthread_rwlock_trywrlock"},
    {&next_write, "pthread_rwlock_wrlock", NULL, &way_write, lock_write},
    {&next_write_timed, "pthread_rwlock_timedwrlock"},
    {&next_write_clock, "pthread_rwlock_clockwrlock"},
    {&try_c11, "mtx_trylock"},
    {&next_c11, "mtx_lock", NULL, &way_c11, lock_c11},
    {&next_c11_timed, "mtx_timedlock"},
};

static bool find(void)
{
    return interpose_find(all, sizeof all / sizeof *all);
}

static __attribute__((constructor(101))) void find_at_start(void)
{
    find();
}
