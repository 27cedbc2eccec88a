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
 * is a note in `diag`, and what came before it counts; if nothing came, it is the failure.
 * Profiles with an end are done there.
 * False and *err also when an analysis fails.  The states are to be released in any case.
 * O(events x n). */
bool analysis_run(struct trace_reader *reader, const struct analysis_options *options,
                  struct analysis_task *tasks, size_t n, struct diag *diag, struct err *err);

void analysis_release(struct analysis_task *tasks, size_t n);

#endif
