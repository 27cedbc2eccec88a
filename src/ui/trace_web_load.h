/* trace_web_load: the trace of the page: read once, on a thread of its own, while the page is
 * there already; then what all answers are made from.
 * Threads: load_progress any; the model any, once it is there.  Signals: blocked in its thread. */
#ifndef SONDE_UI_TRACE_WEB_LOAD_H
#define SONDE_UI_TRACE_WEB_LOAD_H

#include "analysis/analysis_facts.h"
#include "analysis/analysis_ledger.h"
#include "analysis/analysis_run.h"
#include "base/diag.h"
#include "timeline/timeline.h"
#include "trace/trace_reader.h"
#include "ui/trace_web_mmu.h"

#define TRACE_WEB_PROFILES_MAX 16

/* What was read; nothing in it changes. */
struct trace_web_model {
    const struct trace *trace;
    struct trace *kept; /* the same, once its reader is gone */
    struct timeline *timeline;
    struct timeline_stats stats;
    struct analysis_facts *facts;
    struct analysis_ledger ledger;
    struct trace_web_mmu mmu;        /* with the normal flags */
    struct trace_web_kept gc_events; /* for others */
    struct diag diag;
    int64_t wall_ms; /* of the begin, since 1970; 0: not known */
    char format[32]; /* "Go 1.26" */
    bool is_native;  /* of a program that libsonde recorded: goroutines are threads */
    uint64_t n_bytes;
};

/* What takes longer, and is not needed at first: it is made after the model. */
struct trace_web_rest {
    struct trace *trace;                                   /* what the profiles refer to */
    struct analysis_task profiles[TRACE_WEB_PROFILES_MAX]; /* of the whole trace */
    size_t n_profiles;
};

struct trace_web_load;

/* How far it is. */
struct trace_web_progress {
    uint64_t done, total, n_events; /* bytes of the file */
    const char *format;
};

/* Open the trace: a file, or what a server or a pipe sends; `binary` (or NULL) names the addresses of one
 * of Go 1.5, and is borrowed.  NULL and *err: there is none, it cannot be
 * read, or it is no trace. */
struct trace_web_load *trace_web_load_open(const char *path, const char *binary, struct err *err);
/* Read it, on another thread.  `done` is called from that thread when the model is there, or has
 * failed. */
bool trace_web_load_start(struct trace_web_load *load, void (*done)(void *arg), void *arg,
                          struct err *err);
/* NULL: it is still being read, or has failed. */
const struct trace_web_model *trace_web_load_model(const struct trace_web_load *load);
/* The same, once it is read.  NULL and *err: it has failed. */
const struct trace_web_model *trace_web_load_wait(struct trace_web_load *load, struct err *err);
/* NULL: it is not there yet, or there is no memory for it. */
const struct trace_web_rest *trace_web_load_rest(struct trace_web_load *load);
/* Why it has failed; NULL: it has not. */
const struct err *trace_web_load_failure(const struct trace_web_load *load);
struct trace_web_progress trace_web_load_progress(const struct trace_web_load *load);
/* The trace once more from its beginning, for answers that need its events; as open fails. */
struct trace_reader *trace_web_load_again(const struct trace_web_load *load, struct err *err);
/* Run an analysis over the time that the options name, by what the timeline makes again of it: some
 * 50 ns for each event of that time.  Profiles and latencies only.  The model is there; the state
 * refers to its trace, and is to be released in any case (analysis_release). */
bool trace_web_load_part(const struct trace_web_load *load, const struct analysis_options *options,
                         struct analysis_task *task, struct err *err);
/* Nothing of it runs (any more). */
bool trace_web_load_is_over(struct trace_web_load *load);
void trace_web_load_free(struct trace_web_load *load);

#endif
