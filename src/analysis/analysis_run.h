/* analysis_run: one pass over a trace for several analyses.
 * In: a reader at its beginning.  Out: the analyses' states, ended.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_RUN_H
#define SONDE_ANALYSIS_ANALYSIS_RUN_H

#include "analysis/analysis.h"
#include "base/diag.h"
#include "trace/trace_reader.h"

struct analysis_task {
    const struct analysis_ops *ops;
    struct buf *out; /* of an export; else NULL */
    void *state;     /* made by analysis_run */
};

/* Run them all; `options` is borrowed until analysis_release.  A trace that is broken further on
 * is a note in `diag`, and what came before it counts; if nothing came, it is the failure.  That a
 * whole trace has no events is a note, too.
 * False and *err also when an analysis fails.  The states are to be released in any case.
 * O(events x n). */
bool analysis_run(struct trace_reader *reader, const struct analysis_options *options,
                  struct analysis_task *tasks, size_t n, struct diag *diag, struct err *err);

/* The same of events from elsewhere: begin, hand them over, end. */
struct analysis_pass {
    const struct analysis_options *options;
    struct analysis_task *tasks;
    size_t n;
    int64_t end_ns;  /* of the window, on the trace's clock, if no time counts behind it */
    size_t n_behind; /* events there that were handed over */
    size_t n_sync;   /* begins of generations that have been */
    bool any;
};
bool analysis_pass_begin(struct analysis_pass *pass, const struct trace *trace,
                         const struct analysis_options *options, struct analysis_task *tasks,
                         size_t n, struct err *err);
/* Profiles with an end are handed so many events behind it, since the stack that a goroutine runs
 * with is told when it stops; and those of the first generation that tell what goroutines have done
 * since before the trace. */
#define ANALYSIS_BEHIND_EVENTS 4096
/* False: no more are needed. */
bool analysis_pass_events(struct analysis_pass *pass, const struct trace_event *events, size_t n);
bool analysis_pass_end(struct analysis_pass *pass, struct err *err);

void analysis_release(struct analysis_task *tasks, size_t n);

#endif
