/* analysis_user: what programs mark themselves: tasks, with their logs, and regions.
 * A task's time is told apart by what the goroutine did that began it, and what others did in
 * its regions.
 * Source of the rules: internal/trace/summary.go; cmd/trace/tasks.go, regions.go (groups).
 * In: events, rows of analysis_goroutine.h.
 * Units: ns.  Memory: some 50 bytes a task; more for those that go on and for the slowest.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_USER_H
#define SONDE_ANALYSIS_ANALYSIS_USER_H

#include "analysis/analysis_wait.h"

#define ANALYSIS_LOGS_MAX 64 /* of a task; more are counted */

struct analysis_log {
    int64_t time_ns, g;
    uint32_t category, message; /* strings */
    uint32_t next;              /* 0: the last */
};

struct analysis_task_row {
    uint64_t id, parent;
    uint32_t name;
    uint32_t detail; /* 0: none (any more) */
    bool is_wanted;
    int64_t start_ns, end_ns; /* or ANALYSIS_NEVER */
};

struct analysis_task_detail {
    uint32_t task;               /* its row */
    uint32_t next;               /* in the goroutine's chain of its own tasks, or of free ones */
    uint32_t previous;           /* in the chain of its own tasks; 0: it is the first */
    int64_t g;                   /* who began it; TRACE_NONE: has ended since */
    struct analysis_exec before; /* what g had done before */
    struct analysis_exec own, others; /* what g, and others in its regions, did during it */
    uint32_t first_log, last_log, n_logs, n_regions;
    struct analysis_wait longest; /* of g, during it; ns 0: none */
};

/* Tasks of one name, regions of one name that begin at one place. */
struct analysis_kind {
    uint32_t name;
    uint32_t frame; /* outermost one of where a region began, + 1; 0: none */
    uint64_t count, n_unfinished;
    struct analysis_histogram lengths; /* tasks: of finished ones.  Regions: of all */
    struct analysis_exec exec;
};

struct analysis_kinds { /* VEC */
    struct analysis_kind *items;
    size_t n, cap;
};

struct analysis_open_region {
    uint32_t name, next, frame;
    uint64_t task;
    int64_t start_ns; /* ANALYSIS_NEVER: before the trace */
    struct analysis_exec before;
};

struct analysis_slow_task {
    int64_t ns; /* it is judged by */
    uint32_t task, detail;
};

struct analysis_user {
    const struct trace *trace;
    const struct analysis_options *options;
    const struct analysis_window *window;
    struct analysis_goroutines *gs;
    struct analysis_waits *waits;
    struct map task_index;
    VEC(struct analysis_task_row) tasks;
    VEC(struct analysis_task_detail) details; /* place 0 is not used */
    VEC(struct analysis_log) logs;            /* the same */
    VEC(struct analysis_open_region) open;    /* the same */
    uint32_t free_detail, free_log, free_open;
    struct analysis_kinds task_kinds, region_kinds;
    struct map task_kind_index, region_kind_index;
    struct analysis_top slowest; /* analysis_slow_task */
    uint64_t n_logs;
    int64_t first_ns;
    bool failed;
};

void analysis_user_init(struct analysis_user *u, const struct trace *trace,
                        const struct analysis_options *options,
                        const struct analysis_window *window, struct analysis_goroutines *gs,
                        struct analysis_waits *waits);
void analysis_user_release(struct analysis_user *u);

/* An event of a task, a region or a log. */
void analysis_user_event(struct analysis_user *u, const struct trace_event *event);
/* A goroutine was created: it is in the region of who created it. */
void analysis_user_created(struct analysis_user *u, const struct trace_event *event, uint32_t row);
/* A goroutine whose exec is final is about to go; has_ended: with an event of its own. */
void analysis_user_finish(struct analysis_user *u, uint32_t row, int64_t time_ns);
/* A wait of a goroutine that has tasks of its own. */
void analysis_user_wait(struct analysis_user *u, const struct analysis_goroutine *g,
                        const struct analysis_wait *wait);
void analysis_user_end(struct analysis_user *u, int64_t time_ns);

#endif
