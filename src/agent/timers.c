#include "agent/timers.h"

#include "agent/own.h"
#include "agent/raw.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>

/* A thread's slot is one of WINDOW from the hash of its tid on, so that a look-up
 * is bounded and an emptied slot needs no mark. */
#define N_SLOTS 32768u
#define WINDOW 64u
#define RESCAN_NS 100000000u
#define FULL_SCAN_EVERY 8 /* rescans: a birth and a death leave the count of threads as it is */
#define LOCK_TRIES 100000

struct slot {
    int tid; /* 0 = free */
    int timer;
};

char timers_mark, timers_rescan_mark;

static struct slot slots[N_SLOTS + WINDOW];
static uint32_t n_armed;
static int lock; /* for slots; held with all signals blocked */
static bool running;
static bool frozen;
static uint64_t period;
static uint64_t *n_failures;
static uint64_t random_state;
static uint64_t last_rescan_ns;
static uint32_t n_rescans;
static int process_timer = -1;

static bool lock_take(void)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (!__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
            return true;
        raw_yield();
    }
    return false;
}

static void lock_release(void)
{
    __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

/* Blocks all signals, so that no handler of this thread can find the lock taken,
 * or leave with longjmp while it is. */
static bool lock_blocked(uint64_t *mask)
{
    const uint64_t all = ~0ull;
    raw_sigmask(SIG_BLOCK, &all, mask);
    if (lock_take())
        return true;
    raw_sigmask(SIG_SETMASK, mask, NULL);
    return false;
}

static void unlock_blocked(const uint64_t *mask)
{
    lock_release();
    raw_sigmask(SIG_SETMASK, mask, NULL);
}

static uint64_t random_below(uint64_t n)
{
    uint64_t x = __atomic_add_fetch(&random_state, 0x9e3779b97f4a7c15u, __ATOMIC_RELAXED);
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (x ^ x >> 31) % n;
}

static void fail(void)
{
    if (n_failures)
        __atomic_fetch_add(n_failures, 1, __ATOMIC_RELAXED);
}

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
}

/* A running timer on `clock`, or -errno. */
static int make_timer(clockid_t clock, int notify, int tid, char *mark, uint64_t first_ns,
                      uint64_t interval_ns)
{
    struct sigevent event = {.sigev_signo = SIGURG, .sigev_notify = notify};
    struct itimerspec when = {timespec_of(interval_ns), timespec_of(first_ns)};
    int timer;
    event.sigev_value.sival_ptr = mark;
    event._sigev_un._tid = tid;
    long rc = raw4(SYS_timer_create, clock, (long)&event, (long)&timer, 0);
    if (rc != 0)
        return (int)rc;
    rc = raw4(SYS_timer_settime, timer, 0, (long)&when, 0);
    if (rc == 0)
        return timer;
    raw4(SYS_timer_delete, timer, 0, 0, 0);
    return (int)rc;
}

/* Below: under the lock. */

static struct slot *window_of(int tid)
{
    return &slots[(uint32_t)tid * 0x9e3779b1u % N_SLOTS];
}

static struct slot *find(int tid)
{
    struct slot *w = window_of(tid);
    for (uint32_t i = 0; i < WINDOW; i++)
        if (w[i].tid == tid)
            return &w[i];
    return NULL;
}

static void drop(struct slot *slot)
{
    raw4(SYS_timer_delete, slot->timer, 0, 0, 0);
    slot->tid = 0;
    n_armed--;
}

static void arm(int tid, bool replace)
{
    struct slot *slot = find(tid);
    if (slot && !replace)
        return;
    if (slot)
        drop(slot);
    struct slot *w = window_of(tid);
    slot = NULL;
    for (uint32_t i = 0; i < WINDOW && !slot; i++)
        if (w[i].tid == 0)
            slot = &w[i];
    /* The thread's CPU clock, as the kernel numbers clocks (CPUCLOCK_PERTHREAD | SCHED). */
    int timer = slot ? make_timer((clockid_t)(~(uint32_t)tid << 3 | 6), SIGEV_THREAD_ID, tid,
                                  &timers_mark, 1 + random_below(period), period)
                     : -ENOSPC;
    if (timer < 0) {
        if (timer != -EINVAL) /* that is: the thread has ended */
            fail();
        return;
    }
    *slot = (struct slot){tid, timer};
    n_armed++;
}

/* The timer of a thread that is gone shows no time to go. */
static void drop_dead(void)
{
    for (uint32_t i = 0; i < N_SLOTS + WINDOW; i++) {
        struct itimerspec left = {{0, 0}, {0, 1}};
        if (slots[i].tid == 0)
            continue;
        raw4(SYS_timer_gettime, slots[i].timer, (long)&left, 0, 0);
        if (left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0)
            drop(&slots[i]);
    }
}

static void arm_all(void)
{
    static char entries[2048] __attribute__((aligned(8)));
    long fd = raw4(SYS_openat, AT_FDCWD, (long)"/proc/self/task",
                   O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0),
         n;
    if (fd < 0) { /* a folder without /proc is the root: others tell of themselves */
        arm(raw_gettid(), false);
        return;
    }
    while ((n = raw4(SYS_getdents64, fd, (long)entries, sizeof entries, 0)) > 0) {
        for (long at = 0; at < n;) {
            const struct dirent64 *d = (const void *)(entries + at);
            int tid = 0;
            for (const char *p = d->d_name; *p >= '0' && *p <= '9'; p++)
                tid = tid * 10 + (*p - '0');
            if (tid && !own_is(tid))
                arm(tid, false);
            at += d->d_reclen;
        }
    }
    raw4(SYS_close, fd, 0, 0, 0);
}

/* Above: under the lock. */

void timers_start(uint64_t period_ns, uint64_t *failures)
{
    period = period_ns;
    n_failures = failures;
    random_state = raw_clock_ns(CLOCK_MONOTONIC) ^ (uint64_t)raw_getpid() << 40;
    last_rescan_ns = raw_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    __atomic_store_n(&running, true, __ATOMIC_RELEASE);
}

bool timers_start_process_timer(void)
{
    process_timer = make_timer(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, 0, &timers_rescan_mark,
                               RESCAN_NS, RESCAN_NS);
    return process_timer >= 0;
}

void timers_arm(int tid, bool replace)
{
    uint64_t mask;
    if (!__atomic_load_n(&running, __ATOMIC_ACQUIRE))
        return;
    if (timers_frozen() || !lock_blocked(&mask)) {
        fail();
        return;
    }
    if (running)
        arm(tid, replace);
    unlock_blocked(&mask);
}

void timers_disarm(int tid)
{
    uint64_t mask;
    if (!__atomic_load_n(&running, __ATOMIC_ACQUIRE) || !lock_blocked(&mask))
        return;
    struct slot *slot = find(tid);
    if (slot)
        drop(slot);
    unlock_blocked(&mask);
}

void timers_scan(void)
{
    uint64_t mask;
    if (timers_frozen() || !lock_blocked(&mask))
        return;
    if (running) {
        if (n_armed)
            drop_dead();
        arm_all();
    }
    unlock_blocked(&mask);
}

uint32_t timers_count(void)
{
    return __atomic_load_n(&n_armed, __ATOMIC_RELAXED);
}

void timers_rescan(void)
{
    if (timers_frozen())
        return;
    uint64_t now = raw_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t last = __atomic_load_n(&last_rescan_ns, __ATOMIC_RELAXED);
    struct stat st;
    if (now - last < RESCAN_NS || !__atomic_compare_exchange_n(&last_rescan_ns, &last, now, false,
                                                               __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    /* A folder's link count is 2 and one for each folder in it. */
    if (++n_rescans % FULL_SCAN_EVERY == 0 ||
        raw4(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/task", (long)&st, 0) != 0 ||
        st.st_nlink != n_armed + own_count() + 2)
        timers_scan();
}

void timers_freeze(void)
{
    uint64_t mask;
    __atomic_store_n(&frozen, true, __ATOMIC_SEQ_CST);
    if (lock_blocked(&mask))
        unlock_blocked(&mask);
}

void timers_thaw(void)
{
    __atomic_store_n(&frozen, false, __ATOMIC_SEQ_CST);
}

bool timers_frozen(void)
{
    return __atomic_load_n(&frozen, __ATOMIC_RELAXED);
}

void timers_stop(void)
{
    uint64_t mask;
    __atomic_store_n(&running, false, __ATOMIC_RELEASE);
    while (!lock_blocked(&mask))
        ;
    for (uint32_t i = 0; i < N_SLOTS + WINDOW; i++)
        if (slots[i].tid)
            drop(&slots[i]);
    if (process_timer >= 0)
        raw4(SYS_timer_delete, process_timer, 0, 0, 0);
    process_timer = -1;
    n_failures = NULL;
    unlock_blocked(&mask);
}

void timers_reset(void)
{
    running = false;
    lock = 0;
    n_armed = 0;
    process_timer = -1;
    n_failures = NULL;
    for (uint32_t i = 0; i < N_SLOTS + WINDOW; i++)
        if (slots[i].tid) /* the child's pages stay shared */
            slots[i].tid = 0;
}
