/* analysis_mmu: minimum mutator utilisation: of all windows of a length, the one in which the
 * program had the least of its processors, since the garbage collector had
 * them.  Worked out on the way, so that only the changes of the longest window are kept.
 * Source of the rules: internal/trace/gc.go of Go 1.27 (MutatorUtilizationV2, MMUCurve.MMU).
 *
 * In: events in order.  Out: for each window a share, 0 to 1.
 * Units: ns.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_MMU_H
#define SONDE_ANALYSIS_ANALYSIS_MMU_H

#include "analysis/analysis_curve.h"
#include "analysis/analysis_mud.h"
#include "base/map.h"
#include "base/vec.h"
#include "trace/trace_event.h"

/* What counts as not the program's. */
#define ANALYSIS_MMU_STW 1u        /* stopping the world for it */
#define ANALYSIS_MMU_BACKGROUND 2u /* mark workers */
#define ANALYSIS_MMU_ASSIST 4u
#define ANALYSIS_MMU_SWEEP 8u
#define ANALYSIS_MMU_PER_PROC 16u /* each processor by itself, in place of all together */

/* All processors change at each stop of the world: so many changes are worked out, at most, of
 * processors by themselves. */
#define ANALYSIS_MMU_STEPS_MAX (1u << 24)

/* From a time on, `util` of the processors are the program's; cum: integral up to it. */
struct analysis_util {
    int64_t time_ns;
    double util, cum;
};

struct analysis_mmu_window {
    int64_t ns;
    double mmu;
    int64_t at_ns;   /* where the worst one begins */
    bool is_known;   /* the trace is at least as long */
    double last;     /* of the last window that was looked at, */
    int64_t last_ns; /* which began then */
};

struct analysis_series {
    VEC(struct analysis_util) changes; /* those that a window may need still */
    int64_t first_ns;
    uint64_t dropped;                    /* changes in front of them */
    uint64_t *next;                      /* [n_windows] first change that no window began at yet */
    struct analysis_mmu_window *windows; /* [n_windows] */
    bool is_streaming;                   /* changes are worked off as they come */
};

struct analysis_mmu {
    unsigned flags;
    const int64_t *lengths; /* borrowed */
    size_t n_windows;
    VEC(struct analysis_series) series;
    VEC(struct analysis_mmu_proc {
        int gc;
        uint32_t series;
    })
    procs;
    size_t n_gc; /* of those, with gc > 0 */
    VEC(struct analysis_mmu_count {
        int64_t time_ns;
        int64_t n;
    })
    counts;             /* of processors */
    struct map marking; /* goroutines: 1 in mark assist, 2 mark worker, 3 both, 0 neither */
    int stw;
    unsigned n_mended; /* ranges that were there when the trace began */
    uint64_t n_sync;
    struct analysis_curve *curve; /* NULL; set after init: the share over time, of all processors */
    struct analysis_mud *muds;    /* NULL; set after init: [n_windows], zeroed */
    struct analysis_worst *worst; /* NULL; set after init: of the first window, sorted at the end */
    /* NULL; set after init, with the flags of the normal curve or more: is handed those events that
     * count by any flags, so that a curve by others can be worked out of them alone. */
    void (*keep)(void *arg, const struct trace_event *event);
    void *keep_arg;
    uint64_t n_steps;
    bool failed, is_too_much; /* memory ran out; of that, there were more than STEPS_MAX */
};

/* `lengths` of windows live as long as the mmu. */
void analysis_mmu_init(struct analysis_mmu *mmu, unsigned flags, const int64_t *lengths,
                       size_t n_windows);
void analysis_mmu_release(struct analysis_mmu *mmu);

/* The next event; `t`: its transition, NULL if it is none.  Most cost nothing. */
void analysis_mmu_event(struct analysis_mmu *mmu, const struct trace *trace,
                        const struct trace_event *event, const struct trace_transition *t);
/* The trace ended then. */
void analysis_mmu_end(struct analysis_mmu *mmu, int64_t time_ns);

/* After the end: of all series the worst.  False: memory ran out, or it is too much.  A trace
 * without processors has 1. */
bool analysis_mmu_at(const struct analysis_mmu *mmu, size_t window,
                     struct analysis_mmu_window *out);

#endif
