/* interpose_wait: as interpose, the functions of libc that wait, other than for locks.
 * They are cancellation points as before: nothing of ours is lost with a frame of these. */
#include "agent/block.h"
#include "agent/interpose_next.h"
#include "agent/mutex.h"
#include "agent/trace_wait.h"

#include <pthread.h>
#include <semaphore.h>
#include <threads.h>
#include <time.h>

typedef int cond_fn(void *, void *);
typedef int cond_timed_fn(void *, void *, const struct timespec *);
typedef int cond_clock_fn(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
typedef int sem_fn(sem_t *);
typedef int sem_timed_fn(sem_t *, const struct timespec *);
typedef int sem_clock_fn(sem_t *, clockid_t, const struct timespec *);
typedef int barrier_fn(pthread_barrier_t *);
typedef int join_fn(pthread_t, void **);
typedef int join_timed_fn(pthread_t, void **, const struct timespec *);
typedef int join_clock_fn(pthread_t, void **, clockid_t, const struct timespec *);
typedef int c11_join_fn(thrd_t, int *);
typedef int once_fn(int *, void (*)(void));

/* Of glibc's pthread_once_t and once_flag. */
#define ONCE_BEGUN 1 /* somebody runs the function */
#define ONCE_OVER 2

static cond_fn *next_cond, *next_c11_cond;
static cond_timed_fn *next_cond_timed, *next_c11_cond_timed;
static cond_clock_fn *next_cond_clock;
static sem_fn *try_sem, *next_sem;
static sem_timed_fn *next_sem_timed;
static sem_clock_fn *next_sem_clock;
static barrier_fn *next_barrier;
static join_fn *try_join, *next_join;
static join_timed_fn *next_join_timed;
static join_clock_fn *next_join_clock;
static c11_join_fn *next_c11_join;
static once_fn *next_once, *next_c11_once;

static bool find(void);

/* False: there is nothing to pass on to. */
static bool need(const void *next)
{
    return LIKELY(next) || find();
}

static enum block_end end_of(int rc)
{
    if (rc == 0 || rc == EOWNERDEAD)
        return BLOCK_DONE;
    return rc == ETIMEDOUT || rc == thrd_timedout ? BLOCK_EXPIRED : BLOCK_NOT;
}

/* Condition variables.  Their mutex is unlocked first. */

static void unlocks(const void *lock, bool has_sleepers, const struct walk_regs *regs)
{
    if (!mutex_is_of_note(lock, has_sleepers))
        return;
    const struct mutex_charge charge = mutex_unlocks(lock);
    mutex_add(&charge, regs);
    if (has_sleepers)
        trace_wakes(lock, TRACE_WAKES_LAST, regs);
}

SLOW int wait_cond(void *cond, void *mutex, cond_fn *next)
{
    const struct walk_regs regs = BLOCK_CALLED(next);
    unlocks(mutex, mutex_has_sleepers(mutex), &regs);
    const struct block_wait wait = block_begin(TRACE_RAW_COND, cond, NULL, &regs);
    int rc = next(cond, mutex);
    block_end(&wait, &regs, end_of(rc));
    return rc;
}

SLOW int wait_cond_timed(void *cond, void *mutex, const struct timespec *until, cond_timed_fn *next)
{
    const struct walk_regs regs = BLOCK_CALLED(next);
    unlocks(mutex, mutex_has_sleepers(mutex), &regs);
    const struct block_wait wait = block_begin(TRACE_RAW_COND, cond, NULL, &regs);
    int rc = next(cond, mutex, until);
    block_end(&wait, &regs, end_of(rc));
    return rc;
}

EXPORT int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    return need(next_cond) ? wait_cond(cond, mutex, next_cond) : 0;
}

EXPORT int cnd_wait(cnd_t *cond, mtx_t *mutex)
{
    return need(next_c11_cond) ? wait_cond(cond, mutex, next_c11_cond) : thrd_success;
}

EXPORT int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
    return need(next_cond_timed) ? wait_cond_timed(cond, mutex, until, next_cond_timed) : 0;
}

EXPORT int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex,
                         const struct timespec *restrict until)
{
    return need(next_c11_cond_timed) ? wait_cond_timed(cond, mutex, until, next_c11_cond_timed)
                                     : thrd_success;
}

EXPORT int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
                                  const struct timespec *until)
{
    if (!need(next_cond_clock))
        return 0;
    const struct walk_regs regs = BLOCK_CALLED(next_cond_clock);
    unlocks(mutex, mutex_has_sleepers(mutex), &regs);
    const struct block_wait wait = block_begin(TRACE_RAW_COND, cond, NULL, &regs);
    int rc = next_cond_clock(cond, mutex, clock, until);
    block_end(&wait, &regs, end_of(rc));
    return rc;
}

/* Semaphores. */

static enum block_end end_of_sem(int rc)
{
    if (rc == 0)
        return BLOCK_DONE;
    return errno == ETIMEDOUT || errno == EINTR ? BLOCK_EXPIRED : BLOCK_NOT;
}

/* True: it is taken, without a wait.  The try is not a cancellation point. */
static bool take_sem(sem_t *sem)
{
    int saved_errno = errno;
    pthread_testcancel();
    if (LIKELY(try_sem(sem) == 0))
        return true;
    errno = saved_errno;
    return false;
}

static bool is_time(const struct timespec *until)
{
    __asm__("" : "+r"(until)); /* as in interpose_lock.c */
    return until && until->tv_nsec >= 0 && until->tv_nsec < 1000000000;
}

static __attribute__((noinline)) int busy_sem(sem_t *sem)
{
    if (!need(next_sem) || take_sem(sem))
        return 0;
    block_is_busy(sem);
    const struct walk_regs regs = BLOCK_CALLED(next_sem);
    const struct block_wait wait = block_begin(TRACE_RAW_SEMAPHORE, sem, NULL, &regs);
    int rc = next_sem(sem);
    block_end(&wait, &regs, end_of_sem(rc));
    return rc;
}

static int wait_sem(void *sem)
{
    sem_fn *next = next_sem;
    bool is_free = __atomic_load_n((const uint32_t *)sem, __ATOMIC_RELAXED) != 0;
    return block_is_calm(sem, is_free) ? next(sem) : busy_sem(sem);
}

INTERPOSE(sem_wait, sem_t *on, way_sem, 0)

EXPORT int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict until)
{
    if (!need(next_sem_timed) || (is_time(until) && take_sem(sem)))
        return 0;
    const struct walk_regs regs = BLOCK_CALLED(next_sem_timed);
    const struct block_wait wait = block_begin(TRACE_RAW_SEMAPHORE, sem, NULL, &regs);
    int rc = next_sem_timed(sem, until);
    block_end(&wait, &regs, end_of_sem(rc));
    return rc;
}

EXPORT int sem_clockwait(sem_t *restrict sem, clockid_t clock,
                         const struct timespec *restrict until)
{
    if (!need(next_sem_clock) ||
        ((clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC) && is_time(until) && take_sem(sem)))
        return 0;
    const struct walk_regs regs = BLOCK_CALLED(next_sem_clock);
    const struct block_wait wait = block_begin(TRACE_RAW_SEMAPHORE, sem, NULL, &regs);
    int rc = next_sem_clock(sem, clock, until);
    block_end(&wait, &regs, end_of_sem(rc));
    return rc;
}

/* Others.  The last to come to a barrier does not wait: it is glibc's serial thread. */

EXPORT int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    if (!need(next_barrier))
        return 0;
    const struct walk_regs regs = BLOCK_CALLED(next_barrier);
    if (mutex_may_wait(barrier))
        trace_wakes(barrier, TRACE_WAKES_LAST, &regs);
    const struct block_wait wait = block_begin(TRACE_RAW_BARRIER, barrier, NULL, &regs);
    int rc = next_barrier(barrier);
    block_end(&wait, &regs, end_of(rc));
    return rc;
}

EXPORT int pthread_join(pthread_t thread, void **result)
{
    if (!need(next_join))
        return ESRCH;
    int tried = try_join(thread, result);
    if (tried != EBUSY)
        return tried;
    const struct walk_regs regs = BLOCK_CALLED(next_join);
    const struct block_wait wait = block_begin(TRACE_RAW_JOIN, (const void *)thread, NULL, &regs);
    int rc = next_join(thread, result);
    block_end(&wait, &regs, end_of(rc));
    return rc;
}

EXPORT int pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *until)
{
    if (!need(next_join_timed))
        return ESRCH;
    const struct walk_regs regs = BLOCK_CALLED(next_join_timed);
    const struct block_wait wait = block_begin(TRACE_RAW_JOIN, (const void *)thread, NULL, &regs);
    int rc = next_join_timed(thread, result, until);
    block_end(&wait, &regs, end_of(rc));
    return rc;
}

EXPORT int pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock,
                                const struct timespec *until)
{
    if (!need(next_join_clock))
        return ESRCH;
    const struct walk_regs regs = BLOCK_CALLED(next_join_clock);
    const struct block_wait wait = block_begin(TRACE_RAW_JOIN, (const void *)thread, NULL, &regs);
    int rc = next_join_clock(thread, result, clock, until);
    block_end(&wait, &regs, end_of(rc));
    return rc;
}

EXPORT int thrd_join(thrd_t thread, int *result)
{
    if (!need(next_c11_join))
        return thrd_error;
    const struct walk_regs regs = BLOCK_CALLED(next_c11_join);
    const struct block_wait wait = block_begin(TRACE_RAW_JOIN, (const void *)thread, NULL, &regs);
    int rc = next_c11_join(thread, result);
    block_end(&wait, &regs, end_of(rc));
    return rc;
}

/* Who runs the function holds a lock that the others wait for: until the function's end,
 * after which they may be seen no more. */
struct once_call {
    const int *once;
    void (*run)(void);
    struct walk_regs regs;
};

static __thread const struct once_call *once_call;

static void run_once(void)
{
    const struct once_call *call = once_call; /* the function may call another once */
    call->run();
    unlocks(call->once, true, &call->regs);
}

SLOW int slow_once(int *once, void (*run)(void), once_fn *next)
{
    const struct walk_regs regs = BLOCK_CALLED(next);
    if (__atomic_load_n(once, __ATOMIC_ACQUIRE) & ONCE_BEGUN) {
        const struct block_wait wait = block_begin(TRACE_RAW_ONCE, once, once, &regs);
        int rc = next(once, run);
        block_end(&wait, &regs, BLOCK_DONE);
        return rc;
    }
    const struct once_call call = {once, run, regs}, *before = once_call;
    once_call = &call;
    int rc = next(once, run_once);
    once_call = before; /* of what a handler that called us may have interrupted */
    return rc;
}

static bool is_over(const int *once)
{
    return LIKELY(__atomic_load_n(once, __ATOMIC_ACQUIRE) == ONCE_OVER);
}

EXPORT int pthread_once(pthread_once_t *once, void (*run)(void))
{
    return is_over(once) || !need(next_once) ? 0 : slow_once(once, run, next_once);
}

EXPORT void call_once(once_flag *flag, void (*run)(void))
{
    int *once = &flag->__data;
    if (!is_over(once) && need(next_c11_once))
        slow_once(once, run, next_c11_once);
}

static const struct interpose_next all[] = {
    /* There are two kinds of condition variables in glibc. */
    {&next_cond, "pthread_cond_wait", "GLIBC_2.3.2"},
    {&next_cond_timed, "pthread_cond_timedwait", "GLIBC_2.3.2"},
    {&next_cond_clock, "pthread_cond_clockwait"},
    {&next_c11_cond, "cnd_wait"},
    {&next_c11_cond_timed, "cnd_timedwait"},
    {&try_sem, "sem_trywait"},
    {&next_sem, "sem_wait", NULL, &way_sem, wait_sem},
    {&next_sem_timed, "sem_timedwait"},
    {&next_sem_clock, "sem_clockwait"},
    {&next_barrier, "pthread_barrier_wait"},
    {&try_join, "pthread_tryjoin_np"},
    {&next_join, "pthread_join"},
    {&next_join_timed, "pthread_timedjoin_np"},
    {&next_join_clock, "pthread_clockjoin_np"},
    {&next_c11_join, "thrd_join"},
    {&next_once, "pthread_once"},
    {&next_c11_once, "call_once"},
};

static bool find(void)
{
    return interpose_find(all, sizeof all / sizeof *all);
}

static __attribute__((constructor(101))) void find_at_start(void)
{
    find();
    block_is_hooked = true;
}
