/* trace_wakes: who lets whom go on, as both have noted it: whoever unlocks, signals or posts where
 * somebody may wait, and the one who has what it waited for.  A lock's waiter goes on by the last
 * one who unlocked it while it waited; that of a condition or a semaphore by the first who has let
 * nobody else go.
 *
 * In: words, in any order (each thread tells its own).  Out: pairs, by the time of the end.
 * Units: ns.  Threads: one at a time.  Signals: no.  Memory: that of gotrace_write.h. */
#ifndef SONDE_WIRE_TRACE_WAKES_H
#define SONDE_WIRE_TRACE_WAKES_H

#include "wire/gotrace_write.h"

#define TRACE_WAKES_LAST UINT32_MAX /* whoever goes on next, this one has let it go */

struct trace_word {
    uint64_t ns, on;   /* when, and the address of what is waited for */
    uint64_t since_ns; /* of an end: when the wait began */
    uint32_t source;   /* the process, for addresses */
    uint32_t thread;   /* whose word it is */
    uint32_t stack, n; /* of a wake-up; n: how many it can let go */
    bool is_end;       /* of a wait; else it is a wake-up */
};

struct trace_awaited;

struct trace_wakes {
    struct trace_word *words; /* not settled yet */
    size_t n, max;
    struct trace_awaited *awaited; /* a hash table */
    size_t n_slots, n_awaited;
};

void trace_wakes_release(struct trace_wakes *wakes, const struct gotrace_memory *memory);

/* False: no memory. */
bool trace_wakes_add(struct trace_wakes *wakes, const struct gotrace_memory *memory,
                     const struct trace_word *word);

/* Of waits that ended until then: calls `found` with those whose waker is known.  All words until
 * then have been added.  False: no memory. */
typedef void trace_wakes_found(void *arg, const struct trace_word *end,
                               const struct trace_word *wake);
bool trace_wakes_settle(struct trace_wakes *wakes, const struct gotrace_memory *memory,
                        uint64_t until_ns, trace_wakes_found *found, void *arg);

#endif
