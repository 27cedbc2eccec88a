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

bool analysis_pass_begin(struct analysis_pass *pass, const struct trace *trace,
                         const struct analysis_options *options, struct analysis_task *tasks,
                         size_t n, struct err *err)
{
    *pass = (struct analysis_pass){options, tasks, n, INT64_MAX, 0, 0, false};
    for (size_t i = 0; i < n; i++) {
        tasks[i].state = tasks[i].ops->begin(trace, options, tasks[i].out, err);
        if (!tasks[i].state)
            return false;
    }
    return true;
}

static void hand_over(struct analysis_pass *pass, const struct trace_event *events, size_t n)
{
    for (size_t i = 0; i < pass->n; i++)
        pass->tasks[i].ops->events(pass->tasks[i].state, events, n);
}

bool analysis_pass_events(struct analysis_pass *pass, const struct trace_event *events, size_t n)
{
    if (!pass->any && pass->options->end_ns && may_stop(pass->tasks, pass->n))
        pass->end_ns = analysis_window_time(events, pass->options->end_ns);
    pass->any = true;
    size_t n_whole = n;
    if (events[n - 1].time_ns >= pass->end_ns) {
        size_t inside = 0, left = ANALYSIS_BEHIND_EVENTS - pass->n_behind;
        while (inside < n && events[inside].time_ns < pass->end_ns)
            inside++;
        if (n - inside > left)
            n_whole = inside + left;
        pass->n_behind += n_whole - inside;
    }
    if (n_whole)
        hand_over(pass, events, n_whole);
    for (size_t i = 0; i < n; i++) {
        if (i >= n_whole && trace_event_is_first_status(&events[i]))
            hand_over(pass, &events[i], 1);
        if (events[i].type == TRACE_SYNC)
            pass->n_sync++;
    }
    return pass->n_behind < ANALYSIS_BEHIND_EVENTS || pass->n_sync < 2;
}

bool analysis_pass_end(struct analysis_pass *pass, struct err *err)
{
    for (size_t i = 0; i < pass->n; i++)
        if (!pass->tasks[i].ops->end(pass->tasks[i].state, err))
            return false;
    return true;
}

static bool has_events(const struct trace_event *events, size_t n)
{
    size_t i = 0;
    while (i < n && events[i].type == TRACE_SYNC)
        i++;
    return i < n;
}

bool analysis_run(struct trace_reader *reader, const struct analysis_options *options,
                  struct analysis_task *tasks, size_t n, struct diag *diag, struct err *err)
{
    struct analysis_pass pass;
    const struct trace_event *events;
    size_t n_events;
    bool is_told = false; /* why there is nothing, if there is nothing */
    if (!analysis_pass_begin(&pass, trace_reader_trace(reader), options, tasks, n, err))
        return false;
    for (;;) {
        struct err broken = {0};
        if (!trace_reader_next(reader, &events, &n_events, &broken)) {
            if (!pass.any || broken.code != ERR_INPUT) {
                *err = broken;
                return false;
            }
            diag_add(diag, "%s; what comes before is shown", broken.msg);
            is_told = true;
            break;
        }
        is_told = is_told || has_events(events, n_events);
        if (n_events == 0 || !analysis_pass_events(&pass, events, n_events))
            break;
    }
    if (!is_told)
        diag_add(diag, "there are no events in the trace");
    return analysis_pass_end(&pass, err);
}

void analysis_release(struct analysis_task *tasks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (tasks[i].state)
            tasks[i].ops->free(tasks[i].state);
        tasks[i].state = NULL;
    }
}
