/* analysis_window: the part of a trace's time that an analysis is asked about.
 * Units: ns.  Threads: plain values.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_WINDOW_H
#define SONDE_ANALYSIS_ANALYSIS_WINDOW_H

#include "analysis/analysis.h"
#include "analysis/analysis_scope.h"

struct analysis_window {
    int64_t start_ns, end_ns; /* on the trace's clock */
    bool is_set;
    const struct analysis_scope *scope; /* NULL: all */
};

/* A time of the options, whatever it is, on the trace's clock. */
static inline int64_t analysis_window_time(const struct trace_event *first, int64_t since_ns)
{
    int64_t time_ns;
    if (__builtin_add_overflow(first->time_ns, since_ns, &time_ns))
        return since_ns < 0 ? INT64_MIN : INT64_MAX;
    return time_ns;
}

/* Called with each block: the first one's first event is where options count from. */
static inline void analysis_window_begin(struct analysis_window *window,
                                         const struct analysis_options *options,
                                         const struct trace_event *first)
{
    if (window->is_set)
        return;
    window->is_set = true;
    window->scope = options->scope;
    window->start_ns =
        options->start_ns ? analysis_window_time(first, options->start_ns) : INT64_MIN;
    window->end_ns = options->end_ns ? analysis_window_time(first, options->end_ns) : INT64_MAX;
}

/* How much of [start, end) is inside; 0: nothing. */
static inline int64_t analysis_window_clip(const struct analysis_window *window, int64_t start_ns,
                                           int64_t end_ns)
{
    if (start_ns < window->start_ns)
        start_ns = window->start_ns;
    if (end_ns > window->end_ns)
        end_ns = window->end_ns;
    return end_ns > start_ns ? end_ns - start_ns : 0;
}

/* The same of a time of one goroutine, with the options' scope. */
static inline int64_t analysis_window_clip_of(const struct analysis_window *window, int64_t g,
                                              int64_t start_ns, int64_t end_ns)
{
    if (!window->scope)
        return analysis_window_clip(window, start_ns, end_ns);
    if (start_ns < window->start_ns)
        start_ns = window->start_ns;
    if (end_ns > window->end_ns)
        end_ns = window->end_ns;
    return end_ns > start_ns ? analysis_scope_clip(window->scope, g, start_ns, end_ns) : 0;
}

static inline bool analysis_window_has(const struct analysis_window *window, int64_t time_ns)
{
    return time_ns >= window->start_ns && time_ns < window->end_ns;
}

#endif
