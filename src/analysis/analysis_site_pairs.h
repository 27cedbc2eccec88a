/* analysis_site_pairs: waits added up by where the goroutine was in the program when it was
 * blocked, where the one was that ended it, and the reason.
 * In: the pairs of stacks of analysis_wait.h.  Out: rows, the most time first.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_SITE_PAIRS_H
#define SONDE_ANALYSIS_ANALYSIS_SITE_PAIRS_H

#include "analysis/analysis_facts.h"

struct analysis_site_pair {
    uint32_t stack, waker_stack; /* of the pair of stacks with the most time */
    uint32_t reason;
    uint32_t site, waker_site; /* numbers of (function, file, line); 0: no stack */
    uint64_t count;
    int64_t total_ns, max_ns, most_ns;
};

struct analysis_site_pairs {
    VEC(struct analysis_site_pair) rows;
};

/* False: no memory, and there is nothing to release.  O(n log n). */
bool analysis_site_pairs_make(struct analysis_site_pairs *pairs, const struct analysis_facts *f);
void analysis_site_pairs_release(struct analysis_site_pairs *pairs);

#endif
