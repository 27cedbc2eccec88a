/* analysis_profile: sums over stacks of a trace, made into a profile like those of go tool
 * trace: a location for each pc, a function for each file and name, no mappings.
 * Source: internal/trace/traceviewer/pprof.go.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_PROFILE_H
#define SONDE_ANALYSIS_ANALYSIS_PROFILE_H

#include "base/err.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/profile.h"
#include "trace/trace.h"

struct analysis_row {
    uint32_t stack;
    uint32_t label; /* of analysis_profile_label; 0: none */
    int64_t values[2];
};

struct analysis_profile {
    const struct trace *trace;
    struct map index;   /* label << 32 | stack */
    struct map by_pcs;  /* hash of a stack's pcs -> the first stack that has them */
    VEC(uint32_t) same; /* by stack: the first with the same pcs, + 1; 0: not looked at */
    VEC(struct analysis_row) rows;
    struct arena arena;
    struct intern labels;
    bool failed;
};

void analysis_profile_init(struct analysis_profile *profile, const struct trace *trace);

/* The number of a label's text, which is copied. */
uint32_t analysis_profile_label(struct analysis_profile *profile, const char *text);

/* Add to the row of (stack, label); stacks with the same pcs are one, zeros at the outer end
 * aside, as go tool trace has it.  Out of memory is kept in `failed`.  O(1). */
void analysis_profile_add(struct analysis_profile *profile, uint32_t stack, uint32_t label,
                          int64_t value0, int64_t value1);

/* What the two values are, as "contentions", "count", "delay", "nanoseconds". */
struct analysis_types {
    const char *type[2], *unit[2];
    const char *period_type, *period_unit;
    int64_t period;
    const char *label; /* the key of labels; NULL: there are none */
};
extern const struct analysis_types analysis_delays; /* contentions and delay, as go tool trace */

/* The profile, sealed and the caller's; rows in the order in which they first came.
 * NULL and *err when memory runs (or ran) out. */
struct profile *analysis_profile_seal(const struct analysis_profile *profile,
                                      const struct analysis_types *types, struct err *err);

void analysis_profile_release(struct analysis_profile *profile); /* also fine on a zeroed one */

#endif
