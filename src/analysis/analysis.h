/* analysis: what is worked out of a trace's events, in one pass over them.  One is one file
 * with a `const struct analysis_ops` and a line in analysis_registry.c; the flags of `sonde
 * trace`, their help and the page come from there.  Several run over the same pass.
 *
 * In: events in order (trace/trace_event.h).  Out: by what is asked of it, a text, JSON, a profile.
 * Memory: bounded by goroutines, tasks and stacks, never by the number of events.
 * Threads: one at a time each.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_H
#define SONDE_ANALYSIS_ANALYSIS_H

#include "base/buf.h"
#include "base/err.h"
#include "model/profile.h"
#include "trace/trace_event.h"

struct analysis_scope;  /* analysis_scope.h */
struct analysis_facts;  /* analysis_facts.h */
struct analysis_ledger; /* analysis_ledger.h */
struct analysis_mmu;    /* analysis_mmu.h */

/* What part of the trace, and how: zeroed, all of it.  Texts are borrowed. */
struct analysis_options {
    int64_t start_ns, end_ns;   /* 0: no bound; relative to the first event */
    const char *goroutine_name; /* start function; NULL: all */
    int64_t goroutine;          /* one goroutine; 0: all */
    uint64_t task;              /* one task and what belongs to it; 0: all */
    unsigned n_rows;            /* lines of tables in texts; 0: all */
    /* Of profiles: only these goroutines, at these times; NULL: all. */
    const struct analysis_scope *scope;
    /* Where summaries of one pass keep what they share: a pointer that is NULL before.  NULL:
     * each works it out by itself. */
    struct analysis_facts **facts;
    /* Where summaries put a row for each goroutine, region, task and log; NULL: nowhere. */
    struct analysis_ledger *ledger;
    /* A curve that summaries work out on the way, as the caller has begun it; NULL: none. */
    struct analysis_mmu *mmu;
};

enum analysis_group {
    ANALYSIS_SUMMARY, /* text and JSON: goroutines, gc, latency, ... */
    ANALYSIS_PROFILE, /* a profile: -pprof=NAME */
    ANALYSIS_EXPORT   /* bytes in a format of others: -export=NAME */
};

struct analysis_ops {
    const char *name; /* "goroutines", "sched", "perfetto" */
    const char *help; /* one line */
    enum analysis_group group;
    const char *extension; /* of a file it makes, with the dot; NULL: none */

    /* Begin; NULL and *err: no memory, or options that it cannot serve.  `trace` and
     * `options` live until free.  `out`: where an export writes as it goes (buf_drain), else
     * NULL. */
    void *(*begin)(const struct trace *trace, const struct analysis_options *options,
                   struct buf *out, struct err *err);
    /* The next events.  Failure (memory) is kept and told by `end`. */
    void (*events)(void *state, const struct trace_event *events, size_t n);
    /* All events have been there. */
    bool (*end)(void *state, struct err *err);
    void (*free)(void *state); /* NULL is fine */

    /* After end.  Those that do not apply are NULL.  JSON is one value, without a newline. */
    void (*text)(const void *state, struct buf *out);
    void (*json)(const void *state, struct buf *out);
    struct profile *(*profile)(const void *state, struct err *err); /* sealed, the caller's */
};

extern const struct analysis_ops *const analysis_registry[]; /* in help's order; NULL-terminated */
const struct analysis_ops *analysis_find(enum analysis_group group, const char *name);

#endif
