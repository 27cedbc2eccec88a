/* analysis_exec: what a goroutine did with its time, as Go's GoroutineExecStats: running,
 * runnable, waiting by reason, in system calls, and how long it was in ranges (mark assist,
 * sweeping, stop-the-world).  The two lists are chains in a pool, since most have few entries.
 * Source of the rules: internal/trace/summary.go.
 * Units: ns.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_EXEC_H
#define SONDE_ANALYSIS_ANALYSIS_EXEC_H

#include "base/vec.h"

/* An entry of a chain: time by reason (a string of the trace) or by range. */
struct analysis_part {
    uint32_t key, next; /* next: place in the pool; 0 ends the chain */
    int64_t ns;
};

struct analysis_parts {
    VEC(struct analysis_part) parts; /* place 0 is not used */
    uint32_t free;                   /* chain of those that were given back */
    bool failed;                     /* memory ran out: something is not counted */
};

/* Entries of a chain: more than there are reasons in any Go.  A trace with more has their time in
 * the one that came first. */
#define ANALYSIS_PARTS_MAX 256

/* Keys of ranges. */
#define ANALYSIS_RANGE_ASSIST 0 /* "GC mark assist" */
#define ANALYSIS_RANGE_SWEEP 1  /* "GC incremental sweep" */
#define ANALYSIS_RANGE_STW 2    /* + string: "stop-the-world (STRING)" */

struct analysis_exec {
    int64_t total_ns;         /* in the trace; the others but ranges are parts of it */
    int64_t exec_ns;          /* running */
    int64_t sched_ns;         /* runnable */
    int64_t syscall_ns;       /* in a system call with a processor */
    int64_t syscall_block_ns; /* in one that lost it */
    uint32_t blocked;         /* chain: waiting by reason */
    uint32_t ranges;          /* chain */
};

/* Add to the entry of `key` of a chain, which may become longer.  O(ANALYSIS_PARTS_MAX). */
void analysis_parts_add(struct analysis_parts *pool, uint32_t *chain, uint32_t key, int64_t ns);
int64_t analysis_parts_get(const struct analysis_parts *pool, uint32_t chain, uint32_t key);
int64_t analysis_parts_sum(const struct analysis_parts *pool, uint32_t chain);
void analysis_parts_drop(struct analysis_parts *pool, uint32_t *chain);
void analysis_parts_release(struct analysis_parts *pool);

/* to += from * sign. */
void analysis_exec_add(struct analysis_parts *pool, struct analysis_exec *to,
                       const struct analysis_exec *from, int sign);
/* Waiting, for whatever reason; what total has over all parts, or 0. */
int64_t analysis_exec_blocked(const struct analysis_parts *pool, const struct analysis_exec *exec);
int64_t analysis_exec_unknown(const struct analysis_parts *pool, const struct analysis_exec *exec);
void analysis_exec_drop(struct analysis_parts *pool, struct analysis_exec *exec);

#endif
