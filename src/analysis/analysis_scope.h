/* analysis_scope: goroutines, each at some times: what an analysis is asked about when it is not
 * one goroutine or all: several of them, or what was in regions and tasks.
 * In: spans of time.  Out: how much of a time is in one.
 * Units: ns on the trace's clock.  Threads: lookups any, once it is sealed.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_SCOPE_H
#define SONDE_ANALYSIS_ANALYSIS_SCOPE_H

#include "base/vec.h"

struct analysis_span {
    int64_t g;
    int64_t start_ns, end_ns;
};

struct analysis_scope {
    VEC(struct analysis_span) spans;
};

/* INT64_MIN and INT64_MAX: always.  False: no memory. */
bool analysis_scope_add(struct analysis_scope *scope, int64_t g, int64_t start_ns, int64_t end_ns);
/* All are there: of spans of a goroutine that overlap, only the one that began first stays, as go
 * tool trace has it.  O(n log n). */
void analysis_scope_seal(struct analysis_scope *scope);
void analysis_scope_release(struct analysis_scope *scope); /* also fine on a zeroed one */

/* Is the goroutine in it at any time?  O(log n). */
bool analysis_scope_has(const struct analysis_scope *scope, int64_t g);
/* How much of [start, end) of the goroutine is in it.  O(log n), and the spans that it meets. */
int64_t analysis_scope_clip(const struct analysis_scope *scope, int64_t g, int64_t start_ns,
                            int64_t end_ns);

#endif
