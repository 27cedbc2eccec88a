/* analysis_goroutine: follows goroutines through their states and adds up what they did with
 * their time, by the rules of Go's own summary, so that the numbers are those of go tool trace.
 * Source of the rules: internal/trace/summary.go of Go 1.27.
 *
 * In: the events of a trace, in order.  Out: a row for each goroutine that there is at a
 * time; who has ended is told to the caller, and the row is used again.
 * Units: ns.  Memory: bounded by the goroutines that exist at the same time.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_GOROUTINE_H
#define SONDE_ANALYSIS_ANALYSIS_GOROUTINE_H

#include "analysis/analysis_exec.h"
#include "analysis/analysis_window.h"
#include "base/map.h"
#include "trace/trace_event.h"

#define ANALYSIS_NEVER INT64_MIN
#define ANALYSIS_NO_ROW UINT32_MAX

struct analysis_goroutine {
    int64_t id;
    uint32_t name;                          /* start function: a string; 0: not known */
    uint8_t state;                          /* enum trace_go_state */
    uint8_t worker;                         /* enum analysis_worker (analysis_gc.h) */
    bool is_assisting;                      /* in a mark assist, for analysis_gc */
    int64_t created_ns, started_ns, end_ns; /* seen first, ran first, ended; or ANALYSIS_NEVER */
    struct analysis_exec exec;

    /* The state it is in. */
    int64_t since_ns;         /* ANALYSIS_NEVER: its time does not count (a wait "forever") */
    int64_t syscall_block_ns; /* when it lost its processor in the system call; or never */
    uint32_t reason, stack;   /* with which it came into it */
    bool is_whole;            /* its begin was seen */

    uint32_t open_ranges; /* chain: when they began */
    int32_t syscall_p;    /* with which it went into the system call */
    uint32_t group;       /* of its start function, for the caller; ANALYSIS_NO_ROW */
    uint32_t regions;     /* open regions and own tasks, for analysis_task; 0: none */
    uint32_t own_tasks;
    int64_t assist_since_ns, worker_since_ns; /* for analysis_gc; or never */

    int64_t busy_since_ns; /* for analysis_wait: it has not waited since; or never */

    /* For analysis_wait: the last time it waited for a lock, and who had it. */
    struct analysis_held {
        int64_t until_ns; /* ANALYSIS_NEVER: it has not */
        int64_t g;
        uint32_t name, stack;
    } held;
};

/* A time that a goroutine spent in one state, which is over. */
struct analysis_stay {
    uint8_t state;
    bool is_whole; /* both ends were seen */
    uint32_t reason, stack;
    int64_t since_ns, until_ns;
};

/* Where ids are looked up: open addressing by rows, from which ids can be taken out. */
struct analysis_ids {
    uint32_t *slots; /* row; ANALYSIS_NO_ROW: empty */
    size_t n_slots, n;
};

struct analysis_goroutines {
    const struct trace *trace;
    const struct analysis_window *window;
    VEC(struct analysis_goroutine) rows;
    struct analysis_ids ids;
    uint32_t free; /* chain of free rows, by `group` */
    struct analysis_parts parts;
    VEC(uint32_t) syscalls; /* of processors: row of who is in a system call with it */
    struct map sweeps;      /* of processors: row of who began to sweep on it */
    int64_t last_id;
    uint32_t last_row;
    uint32_t last_reason; /* of a wait, and whether it is "forever" */
    bool is_last_forever;
    int64_t sync_ns; /* of the last TRACE_SYNC */
    uint64_t n;      /* goroutines, ended ones too */
    bool failed;     /* memory ran out */
};

void analysis_goroutines_init(struct analysis_goroutines *gs, const struct trace *trace,
                              const struct analysis_window *window);
void analysis_goroutines_release(struct analysis_goroutines *gs);

/* ANALYSIS_NO_ROW: there is none of that id (now).  O(1). */
uint32_t analysis_goroutines_find(struct analysis_goroutines *gs, int64_t id);

/* A transition of a goroutine with from != to: its row (ANALYSIS_NO_ROW: no memory), and in
 * *stay the state that is over (since_ns is ANALYSIS_NEVER: none).  When it has ended (`to` is
 * NOT_EXIST), its exec is final, and analysis_goroutines_remove is the caller's. */
uint32_t analysis_goroutines_transition(struct analysis_goroutines *gs,
                                        const struct trace_event *event,
                                        const struct trace_transition *t,
                                        struct analysis_stay *stay);
void analysis_goroutines_remove(struct analysis_goroutines *gs, uint32_t row);

/* A transition of a processor with from != to. */
void analysis_goroutines_proc(struct analysis_goroutines *gs, const struct trace_event *event,
                              const struct trace_transition *t);
/* An event whose kind is RANGE_BEGIN, _ACTIVE or _END. */
void analysis_goroutines_range(struct analysis_goroutines *gs, const struct trace_event *event);

/* What it has done up to `now`, the state it is in included: a copy, to be dropped. */
struct analysis_exec analysis_goroutines_snapshot(struct analysis_goroutines *gs, uint32_t row,
                                                  int64_t now_ns);
/* The trace ends: make the row's exec final. */
void analysis_goroutines_finish(struct analysis_goroutines *gs, uint32_t row, int64_t now_ns);

/* A goroutine of the runtime, by its start function, as Go sees it. */
bool analysis_is_system(const char *name);

#endif
