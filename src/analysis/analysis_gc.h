/* analysis_gc: what the garbage collector did: cycles, stops of the world by kind, the time
 * of processors that mark workers, mark assists and sweeping took, and the heap.
 * In: events.  Out: sums, and the longest of each.
 * Units: ns, bytes.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_GC_H
#define SONDE_ANALYSIS_ANALYSIS_GC_H

#include "analysis/analysis_goroutine.h"
#include "analysis/analysis_histogram.h"
#include "analysis/analysis_mmu.h"
#include "analysis/analysis_top.h"

enum analysis_worker {
    ANALYSIS_WORKER_NONE,
    ANALYSIS_WORKER_DEDICATED,
    ANALYSIS_WORKER_FRACTIONAL,
    ANALYSIS_WORKER_IDLE,
    ANALYSIS_N_WORKERS
};

struct analysis_pause {
    int64_t ns; /* it is judged by */
    int64_t at_ns;
    uint32_t kind; /* string; 0: a cycle */
};

struct analysis_pause_kind {
    uint32_t kind;
    struct analysis_histogram lengths;
};

/* Bytes, over the trace. */
struct analysis_level {
    bool is_known;
    uint64_t first, least, most, last;
};

#define ANALYSIS_GC_N_WINDOWS 3
extern const int64_t analysis_gc_windows[ANALYSIS_GC_N_WINDOWS]; /* 1, 10, 100 ms */

struct analysis_gc {
    const struct trace *trace;
    const struct analysis_window *window;
    uint64_t n_sync;
    int64_t first_ns, last_ns;

    struct analysis_histogram cycles; /* lengths of those that were seen to end */
    bool is_marking;
    int64_t cycle_since_ns;
    struct analysis_top longest_cycles;
    int64_t active_ns; /* in a cycle */

    int64_t stop_since_ns; /* ANALYSIS_NEVER: the world runs */
    uint32_t stop_kind;
    struct analysis_histogram pauses;
    VEC(struct analysis_pause_kind) kinds;
    struct map kind_of; /* string -> place in kinds */
    struct analysis_top longest_pauses;

    int64_t worker_ns[ANALYSIS_N_WORKERS]; /* of processors */
    int64_t assist_ns;                     /* while the goroutine ran */
    uint64_t n_assists;
    int64_t sweep_ns;
    uint64_t n_sweeps;
    VEC(int64_t) sweeping; /* of processors: since when, or never */
    struct analysis_level heap, goal;
    struct analysis_mmu mmu;        /* as Go's page begins: all but per processor */
    struct analysis_mmu *other_mmu; /* the caller's, or NULL */
    bool failed;
};

void analysis_gc_init(struct analysis_gc *gc, const struct trace *trace,
                      const struct analysis_window *window, unsigned n_rows);
void analysis_gc_release(struct analysis_gc *gc);

/* The next event that is no transition; `g`: the row of its goroutine, or NULL. */
void analysis_gc_event(struct analysis_gc *gc, const struct trace_event *event,
                       struct analysis_goroutine *g);
/* A transition of the goroutine `g`, which is in its new state already. */
void analysis_gc_transition(struct analysis_gc *gc, const struct trace_event *event,
                            const struct trace_transition *t, struct analysis_goroutine *g);
/* A goroutine that is there when the trace ends; then the trace itself. */
void analysis_gc_end_goroutine(struct analysis_gc *gc, struct analysis_goroutine *g,
                               int64_t time_ns);
void analysis_gc_end(struct analysis_gc *gc, int64_t time_ns);

/* Time of processors that went into it. */
int64_t analysis_gc_work(const struct analysis_gc *gc);

#endif
