/* analysis_facts: what all summaries are written from.  One pass over the events fills it,
 * however many summaries are asked for: their states are this struct, counted by how many have
 * it (analysis_options.facts is where they find it).
 * In: events in order.  Out: the modules below, final after analysis_facts_end.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_FACTS_H
#define SONDE_ANALYSIS_ANALYSIS_FACTS_H

#include "analysis/analysis_gc.h"
#include "analysis/analysis_proc.h"
#include "analysis/analysis_user.h"
#include "analysis/analysis_wait.h"

struct analysis_facts {
    const struct trace *trace;
    const struct analysis_options *options;
    struct analysis_window window;
    unsigned n_users;
    bool has_ended;
    int64_t first_ns, last_ns; /* of the trace */
    uint64_t n_events, n_samples;
    struct analysis_goroutines goroutines; /* empty at the end: all are in groups */
    struct analysis_procs procs;
    struct analysis_gc gc;
    struct analysis_waits waits;
    struct analysis_user user;
};

/* The functions of a summary's struct analysis_ops; `state` is a struct analysis_facts. */
void *analysis_facts_begin(const struct trace *trace, const struct analysis_options *options,
                           struct buf *out, struct err *err);
/* The same for those that can be had for a task. */
void *analysis_facts_begin_user(const struct trace *trace, const struct analysis_options *options,
                                struct buf *out, struct err *err);
void analysis_facts_events(void *state, const struct trace_event *events, size_t n);
bool analysis_facts_end(void *state, struct err *err);
void analysis_facts_free(void *state);

/* The part of the trace that was asked for: its length, and when it begins. */
int64_t analysis_facts_length(const struct analysis_facts *f);
int64_t analysis_facts_start(const struct analysis_facts *f);
/* Time of processors in it; 0: the trace has none. */
int64_t analysis_facts_proc_time(const struct analysis_facts *f);

#endif
