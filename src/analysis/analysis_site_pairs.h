/* analysis_site_pairs: waits added up by where the goroutine was in the program when it was
 * blocked, where the one was that ended it, and the reason.
 * In: the pairs of stacks of analysis_wait.h.  Out: rows, the most time first; after all others
 * those that are idle.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_SITE_PAIRS_H
#define SONDE_ANALYSIS_ANALYSIS_SITE_PAIRS_H

#include "analysis/analysis_facts.h"

#define ANALYSIS_IDLE_SHARE 0.9 /* of the trace: who waits longer has nothing to do */

struct analysis_site_pair {
    uint32_t stack, waker_stack; /* of the pair of stacks with the most time */
    uint32_t reason;
    uint32_t site, waker_site; /* numbers of (function, file, line); 0: no stack */
    uint64_t count;
    int64_t total_ns, max_ns, most_ns;
    bool is_idle;
};

struct analysis_site_pairs {
    VEC(struct analysis_site_pair) rows;
};

/* Whether waits are of those who have nothing to do: asleep, what the runtime does between its
 * work, and who waits for most of the trace. */
bool analysis_is_idle(const struct analysis_facts *f, uint32_t reason, int64_t total_ns,
                      uint64_t count);

/* False: no memory, and there is nothing to release.  O(n log n). */
bool analysis_site_pairs_make(struct analysis_site_pairs *pairs, const struct analysis_facts *f);
void analysis_site_pairs_release(struct analysis_site_pairs *pairs);

#endif
