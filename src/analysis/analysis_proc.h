/* analysis_proc: what processors did: ran goroutines, mark workers of the garbage collector,
 * system calls that kept them, looked for work, or were idle; and on which threads.
 * In: transitions.  Out: sums a processor and a thread.
 * Units: ns.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_PROC_H
#define SONDE_ANALYSIS_ANALYSIS_PROC_H

#include "analysis/analysis_window.h"
#include "base/map.h"
#include "base/vec.h"

enum analysis_use {
    ANALYSIS_USE_IDLE,
    ANALYSIS_USE_SCHED, /* between goroutines */
    ANALYSIS_USE_GO,
    ANALYSIS_USE_WORKER, /* a mark worker of the garbage collector */
    ANALYSIS_USE_SYSCALL,
    ANALYSIS_N_USES
};
extern const char *const analysis_use_names[ANALYSIS_N_USES]; /* "idle", "running", ... */

struct analysis_proc {
    int32_t id;
    uint8_t use;
    bool is_gap_whole; /* the begin of the idle gap was seen */
    int64_t since_ns, first_ns;
    int64_t use_ns[ANALYSIS_N_USES];
    uint64_t n_gaps; /* whole idle ones */
    int64_t longest_gap_ns, longest_gap_at_ns;
    uint64_t n_runs; /* goroutines that were put on it */
    int64_t m;       /* the thread that has it */
    uint32_t thread;
    int64_t thread_since_ns;
};

struct analysis_thread {
    int64_t id;
    int64_t proc_ns; /* with a processor */
};

struct analysis_procs {
    const struct analysis_window *window;
    VEC(struct analysis_proc) rows; /* as they came */
    struct map ids;
    uint32_t *direct; /* row + 1 of the small ids */
    VEC(struct analysis_thread) threads;
    struct map thread_ids;
    int64_t sync_ns;
    uint64_t max_procs; /* GOMAXPROCS, the largest */
    int64_t last_m;
    bool failed;
};

void analysis_procs_init(struct analysis_procs *ps, const struct analysis_window *window);
void analysis_procs_release(struct analysis_procs *ps);

/* A transition of a processor (from != to), of a goroutine (the same).  `is_worker`: it is a
 * mark worker. */
void analysis_procs_proc(struct analysis_procs *ps, const struct trace_event *event,
                         const struct trace_transition *t);
void analysis_procs_goroutine(struct analysis_procs *ps, const struct trace_event *event,
                              const struct trace_transition *t, bool is_worker);
/* The goroutine that runs on the event's processor turns out to be a mark worker. */
void analysis_procs_worker(struct analysis_procs *ps, const struct trace_event *event);
void analysis_procs_end(struct analysis_procs *ps, int64_t time_ns);

#endif
