/* go_trace_model: an execution trace out of what the scheduler of a Go program was seen to do: who
 * runs where, waits for what, is woken by whom, as events that Go's own parser accepts.
 *
 * Goroutines, threads and processors are followed from hit to hit.  What the hits do not tell (they
 * were lost, or the runtime did it another way) is put in between: a goroutine that runs elsewhere
 * all of a sudden was stopped and started.  Each such repair is counted.
 *
 *   go_trace_model_begin(model, all goroutines, time)      // a generation
 *   go_trace_model_hit(model, hit) ...                     // in the order of their times
 *   go_trace_model_off(model, gap) ...                     // among them, by their ends
 *   go_trace_model_gap(model, time)                        // nobody looks from now on; or not
 *   go_trace_model_end(model, time)
 *
 * In: hits (os/uprobe.h), goroutines as they were found.  Out: events of the writer.
 * Units: CLOCK_MONOTONIC ns.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_GO_TRACE_MODEL_H
#define SONDE_COLLECT_GO_TRACE_MODEL_H

#include "base/err.h"
#include "collect/go_trace_stacks.h"
#include "os/bpf_gaps.h"
#include "os/uprobe.h"
#include "trace/trace_write.h"

struct go_trace_model;

/* All is borrowed.  NULL and *err: no memory. */
struct go_trace_model *go_trace_model_new(unsigned minor, struct trace_writer *writer,
                                          struct go_trace_stacks *stacks, struct err *err);
void go_trace_model_free(struct go_trace_model *model);         /* NULL is fine */
bool go_trace_model_failed(const struct go_trace_model *model); /* memory ran out */

/* A goroutine as it was found. */
struct go_trace_found {
    uint64_t goid, thread; /* thread: of one that runs or is in a system call */
    uint32_t p;            /* the same of one that runs; UPROBE_NO_NUMBER */
    unsigned status;       /* enum go_status */
    uint32_t stack;        /* of one that waits; 0: not known */
};

/* The first generation, or one after a gap, with all goroutines that there are; without a gap
 * `found` is not needed (n 0, whole false). */
void go_trace_model_begin(struct go_trace_model *model, const struct go_trace_found *found,
                          size_t n, bool whole, uint64_t time_ns);
/* What was found out about a hit since. */
struct go_trace_details {
    uint64_t start;                   /* the function that a new goroutine begins with */
    uint32_t texts[UPROBE_TEXTS_MAX]; /* of the hit, as strings of the writer */
};
void go_trace_model_hit(struct go_trace_model *model, const struct uprobe_hit *hit,
                        const struct go_trace_details *details);
/* The thread was off its processor, or is (to_ns 0: until something else is told of it): a region
 * on the goroutine that runs there, GOTRACE_OFF_READY or GOTRACE_OFF_WAITS. */
void go_trace_model_off(struct go_trace_model *model, const struct bpf_gap *gap);
/* Nothing is seen from now on. */
void go_trace_model_gap(struct go_trace_model *model, uint64_t time_ns);
/* The generation's end: what was not told of yet. */
void go_trace_model_end(struct go_trace_model *model, uint64_t time_ns);

struct go_trace_counts {
    uint64_t n_events, n_repairs, n_dropped;
    uint64_t n_long_regions; /* they may have ended, and begun again, while nobody looked */
};
struct go_trace_counts go_trace_model_counts(const struct go_trace_model *model);

#endif
