#include "analysis/analysis_run.h"

#include "analysis/analysis_window.h"

/* Does nothing count that is after the end of the window? */
static bool may_stop(const struct analysis_task *tasks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tasks[i].ops->group != ANALYSIS_PROFILE)
            return false;
    return true;
}

bool analysis_run(struct trace_reader *reader, const struct analysis_options *options,
                  struct analysis_task *tasks, size_t n, struct diag *diag, struct err *err)
{
    const struct trace *trace = trace_reader_trace(reader);
    for (size_t i = 0; i < n; i++) {
        tasks[i].state = tasks[i].ops->begin(trace, options, tasks[i].out, err);
        if (!tasks[i].state)
            return false;
    }
    const struct trace_event *events;
    size_t n_events;
    bool any = false;
    int64_t end_ns = INT64_MAX;
    for (;;) {
        struct err broken = {0};
        if (!trace_reader_next(reader, &events, &n_events, &broken)) {
            if (!any || broken.code != ERR_INPUT) {
                *err = broken;
                return false;
            }
            diag_add(diag, "%s; what comes before is shown", broken.msg);
            break;
        }
        if (n_events == 0)
            break;
        if (!any && options->end_ns && may_stop(tasks, n))
            end_ns = analysis_window_time(events, options->end_ns);
        any = true;
        for (size_t i = 0; i < n; i++)
            tasks[i].ops->events(tasks[i].state, events, n_events);
        if (events[n_events - 1].time_ns >= end_ns)
            break;
    }
    for (size_t i = 0; i < n; i++)
        if (!tasks[i].ops->end(tasks[i].state, err))
            return false;
    return true;
}

void analysis_release(struct analysis_task *tasks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (tasks[i].state)
            tasks[i].ops->free(tasks[i].state);
        tasks[i].state = NULL;
    }
}
