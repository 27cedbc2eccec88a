/* analysis_site_pairs: waits added up by where the goroutine was in the program when it was
 * blocked and the reason, and with it by where the one was that ended it, or held the lock.
 * In: the pairs of stacks of analysis_wait.h.  Out: rows.  First are locks and what the collector
 * keeps from running, if that is much; last what is idle: asleep, who waits for requests or for
 * nearly the whole trace.  Within these, the most time first.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_SITE_PAIRS_H
#define SONDE_ANALYSIS_ANALYSIS_SITE_PAIRS_H

#include "analysis/analysis_facts.h"

struct analysis_site_pair {
    uint32_t stack;                     /* of it with the most time */
    uint32_t waker_stack, holder_stack; /* the same; holder: of locks */
    uint32_t waker_name, holder_name;   /* start function of who that was */
    uint32_t reason;
    uint32_t site, waker_site, holder_site; /* numbers of (function, file, line); 0: no stack */
    uint8_t kind;                           /* enum analysis_wait_kind */
    bool is_idle;
    uint64_t count, n_open; /* n_open: of them, of locks that nobody gave up */
    int64_t total_ns, max_ns, most_ns;
    int64_t max_at_ns, max_g; /* of the longest */
    int64_t by_ns; /* analysis_sites_make: of total, that is to be blamed on who is named */
};

struct analysis_site_pairs {
    VEC(struct analysis_site_pair) rows;
};

/* A row for each place that waited with each that ended it and each that held it.
 * False: no memory, and there is nothing to release.  O(n log n). */
bool analysis_site_pairs_make(struct analysis_site_pairs *pairs, const struct analysis_facts *f);

/* A row for each place that waited, with the waker, or of a lock the holder, to which most of it is
 * to be blamed: analysis_by_stack. */
bool analysis_sites_make(struct analysis_site_pairs *pairs, const struct analysis_facts *f);

/* Who that is: of a lock, who held it; else who ended it.  0: not known. */
static inline uint32_t analysis_by_stack(const struct analysis_site_pair *p)
{
    return p->kind == ANALYSIS_WAIT_LOCK ? p->holder_stack : p->waker_stack;
}

static inline uint32_t analysis_by_name(const struct analysis_site_pair *p)
{
    return p->kind == ANALYSIS_WAIT_LOCK ? p->holder_name : p->waker_name;
}

/* Whether waits like this one are of those who have nothing to do. */
bool analysis_is_idle(const struct analysis_facts *f, enum analysis_wait_kind kind, int64_t max_ns);

void analysis_site_pairs_release(struct analysis_site_pairs *pairs);

#endif
