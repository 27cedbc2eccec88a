/* analysis_ledger: one row for each goroutine, region, task and log of a trace, where summaries
 * have sums of them: what tables of the page are made from.
 * It is handed to analysis_facts (options.ledger), which tells it of each once it is over.
 *
 * In: rows that are final.  Out: rows, in the order in which they ended.
 * Units: ns on the trace's clock; ANALYSIS_NEVER: before the trace, or after it.
 * Memory: some 100 bytes a row, at most ANALYSIS_LEDGER_ROWS_MAX of a kind; more are counted.
 * Threads: one at a time, while it is filled.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_LEDGER_H
#define SONDE_ANALYSIS_ANALYSIS_LEDGER_H

#include "analysis/analysis_gc.h"
#include "analysis/analysis_user.h"

#define ANALYSIS_LEDGER_ROWS_MAX (4u << 20)

/* Times of a row; the chains are in the pool of analysis_facts.goroutines. */
struct analysis_ledger_goroutine {
    int64_t id;
    uint32_t name;                          /* start function: a string; 0: not known */
    int64_t created_ns, started_ns, end_ns; /* seen first, ran first, ended */
    struct analysis_exec exec;
};

struct analysis_ledger_region {
    int64_t g;
    uint64_t task;
    uint32_t name, frame; /* a string; outermost frame of where it began, + 1; 0: not known */
    int64_t start_ns, end_ns;
    struct analysis_exec exec;
};

struct analysis_ledger_task {
    uint64_t id, parent; /* TRACE_NO_TASK, TRACE_BACKGROUND_TASK: none */
    uint32_t name, n_regions, n_logs;
    int64_t start_ns, end_ns;
    struct analysis_exec exec; /* of who began it, and of others in its regions */
};

struct analysis_ledger_log {
    int64_t time_ns, g;
    uint64_t task;
    uint32_t category, message; /* strings */
};

/* A cycle of the garbage collector. */
struct analysis_ledger_cycle {
    int64_t start_ns, end_ns;
    int64_t worker_ns, assist_ns, sweep_ns; /* of processors, until the next one */
    uint64_t heap_before, heap_after, goal; /* bytes; 0: not known */
    uint32_t stack;                         /* of who began it; 0: not known */
};

struct analysis_ledger {
    VEC(struct analysis_ledger_goroutine) goroutines;
    VEC(struct analysis_ledger_region) regions;
    VEC(struct analysis_ledger_task) tasks;
    VEC(struct analysis_ledger_log) logs; /* in time */
    VEC(struct analysis_ledger_cycle) cycles;
    struct analysis_ledger_cycle before; /* sums up to the last cycle's begin */
    uint64_t n_dropped;                  /* rows of whatever kind, for there are too many */
    bool failed;                         /* memory ran out */
};

void analysis_ledger_release(struct analysis_ledger *ledger); /* also fine on a zeroed one */

/* Of analysis_facts: the goroutine's exec is final, the region is over, ...; copied. */
void analysis_ledger_goroutine(struct analysis_ledger *ledger, struct analysis_parts *parts,
                               const struct analysis_goroutine *g);
void analysis_ledger_region(struct analysis_ledger *ledger, struct analysis_parts *parts,
                            const struct analysis_ledger_region *region);
/* `others`: added to task->exec. */
void analysis_ledger_task(struct analysis_ledger *ledger, struct analysis_parts *parts,
                          const struct analysis_ledger_task *task,
                          const struct analysis_exec *others);
/* An event that is no transition, which `gc` has seen; and the end of the trace. */
void analysis_ledger_gc(struct analysis_ledger *ledger, const struct analysis_gc *gc,
                        const struct trace_event *event);
void analysis_ledger_gc_end(struct analysis_ledger *ledger, const struct analysis_gc *gc);
void analysis_ledger_log(struct analysis_ledger *ledger, const struct analysis_ledger_log *log);

#endif
