/* mutex: the mutex profile of this process: who made others wait for a lock.  As in Go
 * (sema.go semrelease), each unlock is charged the time that all who wait for the lock
 * have waited since the unlock before it; it counts as a contention when it lets one go.
 *
 * Waiters are known by the address of what they wait for; a filter tells most unlocks, by
 * one look, that nobody waits.  Of the waiters one in `fraction` is known, and counts for
 * as many.
 *
 * The callers are the functions that stand in for those that lock and unlock.
 * Threads: any.  Signals: as block.h; what a handler of a waiting thread waits for is not
 * known here. */
#ifndef SONDE_AGENT_MUTEX_H
#define SONDE_AGENT_MUTEX_H

#include "agent/block.h"
#include "unwind/walk.h"

#define MUTEX_FRACTION_DEFAULT 1
#define MUTEX_FRACTION_MAX (1ull << 31)

/* Whether the functions that unlock are ours. */
extern bool mutex_is_hooked;

/* How many known waiters wait for something with this hash. */
extern uint32_t mutex_filter[BLOCK_BUSY_SIZE];

/* Whether somebody may wait for it. */
static inline bool mutex_may_wait(const void *lock)
{
    return __builtin_expect(__atomic_load_n(&mutex_filter[block_hash(lock)], __ATOMIC_RELAXED) != 0,
                            0);
}

/* Of glibc's pthread_mutex_t and mtx_t that the calling thread has: 1 says that nobody sleeps in
 * the kernel for it, so that an unlock lets nobody go on; and that this thread has not slept for it
 * either, for whoever has makes it 2. */
static inline bool mutex_has_sleepers(const void *mutex)
{
    return __atomic_load_n((const int *)mutex, __ATOMIC_RELAXED) != 1;
}

/* One more waits for it, or (-1) less. */
static inline void mutex_count_waiter(const void *lock, uint32_t n)
{
    __atomic_fetch_add(&mutex_filter[block_hash(lock)], n, __ATOMIC_RELAXED);
}

void mutex_start(uint64_t fraction);
void mutex_stop(void);
bool mutex_is_on(void);

/* Whether an unlock is to be noted of a lock for which, as its own words say, somebody sleeps or
 * not. Those words are looked at first: what waiters count themselves in is slow to read for who
 * has the lock.  This profile charges unlocks that let nobody go, too. */
static inline bool mutex_is_of_note(const void *lock, bool has_sleepers)
{
    return (has_sleepers || mutex_is_on()) && mutex_may_wait(lock);
}

/* In a forked child: nobody waits. */
void mutex_reset(void);
/* The calling thread ends, perhaps in the middle of a wait. */
void mutex_thread_end(void);

/* The calling thread waits for `lock` from `begin_ns` on.  Does nothing when it is in a
 * handler that interrupted another wait. */
void mutex_wait_begins(const void *lock, uint64_t begin_ns);
/* That wait, if it is known, is over. */
void mutex_wait_ends(uint64_t begin_ns, bool has_it);

/* What an unlock is to be charged. */
struct mutex_charge {
    uint64_t ns;
    uint64_t n; /* contentions */
};

/* The calling thread is about to unlock what mutex_may_wait. */
struct mutex_charge mutex_unlocks(const void *lock);
/* Charges it to the stack of `regs`: best after the unlock, when others can go on. */
void mutex_add(const struct mutex_charge *charge, const struct walk_regs *regs);

/* The same of a lock that others may hold besides: the last to unlock it before a waiter has
 * it is charged. */
void mutex_unlocks_shared(const void *lock, const struct walk_regs *regs);

#endif
