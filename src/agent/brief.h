/* brief: a lock that is held for some ten instructions, and not asked for by the holder's handlers
 * (block_enter).  It is never waited for without end: the holder may have been killed, as a
 * thread can be; the others do not wait again then, until it is given after all.
 * Threads: any.  Signals: see above. */
#ifndef SONDE_AGENT_BRIEF_H
#define SONDE_AGENT_BRIEF_H

#include "agent/raw.h"
#include "agent/timers.h"

#define BRIEF_SPINS 100
#define BRIEF_TRIES 500

enum brief_state { BRIEF_FREE, BRIEF_HELD, BRIEF_LEFT };

struct brief {
    int state; /* enum brief_state */
};

/* False: it could not be had. */
static inline bool brief_take(struct brief *b)
{
    for (int i = 0; i < BRIEF_TRIES; i++) {
        int state = __atomic_load_n(&b->state, __ATOMIC_RELAXED);
        if (state == BRIEF_FREE && __atomic_compare_exchange_n(&b->state, &state, BRIEF_HELD, false,
                                                               __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return true;
        if (state == BRIEF_LEFT)
            return false;
        if (i < BRIEF_SPINS || timers_frozen())
            __builtin_ia32_pause();
        else
            raw_yield();
    }
    int state = BRIEF_HELD;
    __atomic_compare_exchange_n(&b->state, &state, BRIEF_LEFT, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
    return false;
}

static inline void brief_give(struct brief *b)
{
    __atomic_store_n(&b->state, BRIEF_FREE, __ATOMIC_RELEASE);
}

#endif
