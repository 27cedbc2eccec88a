/* analysis_tracks: a trace as what timelines show: slices on tracks, points, arrows from who
 * woke or created a goroutine to where it ran then, counters.  Formats of other tools are
 * written from it.
 * Source of the rules: cmd/trace/gstate.go, procgen.go, gen.go (slices of processors, arrows).
 *
 * In: events in order.  Out: calls, each when what it tells is over; so slices come in the
 * order of their ends, and one that lies within another before it.
 * Units: ns on the trace's clock.  Memory: bounded by goroutines, tasks and open regions.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_TRACKS_H
#define SONDE_ANALYSIS_ANALYSIS_TRACKS_H

#include "analysis/analysis_goroutine.h"

enum analysis_track {
    ANALYSIS_TRACK_PROC,      /* id: processor */
    ANALYSIS_TRACK_GOROUTINE, /* id: goroutine; its states */
    ANALYSIS_TRACK_REGIONS,   /* id: goroutine */
    ANALYSIS_TRACK_TASK,      /* id: task */
    ANALYSIS_TRACK_GC,        /* these have no id (0) */
    ANALYSIS_TRACK_STW,
    ANALYSIS_TRACK_RUNTIME, /* timers, and what else wakes goroutines without a processor */
    ANALYSIS_TRACK_NETWORK,
    ANALYSIS_TRACK_SYSCALLS,
    ANALYSIS_N_TRACKS
};

enum analysis_what {
    ANALYSIS_RUNNING,
    ANALYSIS_RUNNABLE,
    ANALYSIS_WAITING, /* text: reason */
    ANALYSIS_SYSCALL,
    ANALYSIS_ASSIST,
    ANALYSIS_SWEEP,
    ANALYSIS_STOPPED, /* text: why the world is */
    ANALYSIS_CYCLE,
    ANALYSIS_REGION, /* text: name */
    ANALYSIS_TASK,   /* text: name */
    /* points */
    ANALYSIS_WAKE, /* who wakes, text: the reason that is over */
    ANALYSIS_CREATE,
    ANALYSIS_SYSCALL_EXIT,
    ANALYSIS_PROC_START, /* id: thread */
    ANALYSIS_PROC_STOP,
    ANALYSIS_LOG, /* text: message */
    ANALYSIS_SAMPLE,
    ANALYSIS_N_WHATS
};

struct analysis_slice {
    enum analysis_track track;
    enum analysis_what what;
    int64_t id, g; /* g: whom it is of; TRACE_NONE: of none */
    int64_t start_ns, end_ns;
    uint32_t text, stack, end_stack;
    uint32_t name;    /* start function of g */
    uint32_t label;   /* that the runtime gave g, as \"GC (idle)\"; 0: none */
    uint64_t flow;    /* it began because of the point with this one; 0: none */
    uint64_t task;    /* of regions and tasks */
    uint64_t parent;  /* of tasks; TRACE_NO_TASK: none */
    bool has_blocked; /* a system call that lost its processor */
    bool is_inner;    /* on a processor: it begins together with the goroutine's, and is within */
};

struct analysis_point {
    enum analysis_track track;
    enum analysis_what what;
    int64_t id, g, m;
    int64_t time_ns;
    uint32_t text, category, stack;
    uint64_t flow;
    int64_t target; /* goroutine that is woken or created */
};

struct analysis_arrow {
    enum analysis_what what; /* WAKE, CREATE, SYSCALL_EXIT */
    uint32_t text, stack;
    enum analysis_track from;
    int64_t from_id, from_ns, to_p, to_ns;
};

enum analysis_counters { ANALYSIS_COUNT_HEAP, ANALYSIS_COUNT_GOROUTINES, ANALYSIS_COUNT_THREADS };
struct analysis_counts {
    uint64_t heap, goal;                   /* bytes */
    int64_t running, runnable, gc_waiting; /* goroutines */
    int64_t threads;                       /* that run a processor */
};

struct analysis_track_ops {
    void (*slice)(void *arg, const struct analysis_slice *slice);
    void (*point)(void *arg, const struct analysis_point *point);
    void (*arrow)(void *arg, const struct analysis_arrow *arrow);
    void (*counts)(void *arg, enum analysis_counters which, int64_t time_ns,
                   const struct analysis_counts *counts);
};

/* A goroutine on its processor, and what let it go there. */
struct analysis_track_go {
    int64_t run_ns; /* ANALYSIS_NEVER: it has none */
    int64_t run_p;
    uint32_t stop_stack; /* of its last stop */
    bool has_cause;
    struct analysis_arrow cause;
    uint64_t flow, run_flow;
    int64_t syscall_ns; /* or never */
    uint32_t syscall_stack;
    bool is_assisting, is_stopping;
    int64_t assist_ns, stop_ns;         /* since when on the processor, or never */
    uint32_t assist_stack, world_stack; /* where they began, if that was there */
    uint32_t stop_kind;
    uint32_t label;
    uint32_t regions; /* open ones; 0: none */
};

struct analysis_track_sweep {
    int64_t since_ns; /* or never */
    uint32_t stack;
};

struct analysis_track_region {
    int64_t since_ns;
    uint32_t name, stack, next;
    uint64_t task;
};

struct analysis_track_task {
    uint64_t id, parent;
    int64_t since_ns, g;
    uint32_t name, stack;
    bool is_open;
};

struct analysis_tracks {
    const struct trace *trace;
    const struct analysis_options *options;
    const struct analysis_track_ops *ops;
    void *arg;
    struct analysis_window window, all; /* all: without bounds, for the goroutines' sums */
    struct analysis_goroutines goroutines;
    VEC(struct analysis_track_go) go; /* by their rows */
    VEC(struct analysis_track_region) regions;
    uint32_t free_region;
    VEC(struct analysis_track_task) tasks;
    struct map task_index;
    VEC(uint32_t) in_syscall;                /* of processors: row of the goroutine */
    VEC(struct analysis_track_sweep) sweeps; /* of processors */
    struct analysis_counts counts, told;
    int64_t gc_since_ns, stop_since_ns;
    uint32_t stop_kind, stop_stack, gc_stack;
    int64_t first_ns, last_ns;
    uint64_t n_sync, n_flows;
    bool any, failed;
};

void analysis_tracks_init(struct analysis_tracks *ts, const struct trace *trace,
                          const struct analysis_options *options,
                          const struct analysis_track_ops *ops, void *arg);
void analysis_tracks_release(struct analysis_tracks *ts);
void analysis_tracks_events(struct analysis_tracks *ts, const struct trace_event *events, size_t n);
/* What is open is over now.  False: memory ran out. */
bool analysis_tracks_end(struct analysis_tracks *ts);

#endif
