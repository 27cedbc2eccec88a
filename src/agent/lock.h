/* lock: a lock that is held for microseconds, by one thread of one process.
 * A child by fork finds it free: what it guards has to be made good there.
 * Threads: any.  Signals: no. */
#ifndef SONDE_AGENT_LOCK_H
#define SONDE_AGENT_LOCK_H

#include "agent/raw.h"

#define LOCK_SPINS 100
#define LOCK_SLEEP_NS 100000

struct lock {
    int pid; /* of the process of the holder; 0: free */
};

static inline bool lock_try(struct lock *lock, int pid)
{
    int seen = __atomic_load_n(&lock->pid, __ATOMIC_RELAXED);
    return seen != pid && __atomic_compare_exchange_n(&lock->pid, &seen, pid, false,
                                                      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void lock_take(struct lock *lock)
{
    int pid = raw_getpid();
    for (int tries = 0;; tries++) {
        if (lock_try(lock, pid))
            return;
        const struct timespec pause = {0, LOCK_SLEEP_NS};
        if (tries < LOCK_SPINS)
            raw_yield();
        else
            raw4(SYS_nanosleep, (long)&pause, 0, 0, 0);
    }
}

static inline void lock_give(struct lock *lock)
{
    __atomic_store_n(&lock->pid, 0, __ATOMIC_RELEASE);
}

#endif
