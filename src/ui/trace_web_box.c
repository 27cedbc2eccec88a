/* One box of the timeline, with all that is known of it. */
#include "ui/trace_web_parts.h"
#include "ui/trace_web_site.h"

#include "analysis/analysis_text.h"

#include <string.h>

static const char *const kind_names[] = {
    [TIMELINE_RUNNING] = "Running",    [TIMELINE_RUNNABLE] = "Runnable",
    [TIMELINE_WAITING] = "Waiting",    [TIMELINE_SYSCALL] = "Syscall",
    [TIMELINE_SYNC] = "Waiting",       [TIMELINE_NETWORK] = "Waiting",
    [TIMELINE_SLEEP] = "Waiting",      [TIMELINE_WAIT_GC] = "Waiting",
    [TIMELINE_IDLE] = "Waiting",       [TIMELINE_GC_WORK] = "Running",
    [TIMELINE_ASSIST] = "Mark assist", [TIMELINE_SWEEP] = "Sweep",
    [TIMELINE_STW] = "Stop the world", [TIMELINE_GC] = "Collection",
    [TIMELINE_REGION] = "Region",      [TIMELINE_TASK] = "Task",
    [TIMELINE_UNKNOWN] = "Not known",
};

static int64_t track_or_none(uint32_t track)
{
    return track == UINT32_MAX ? -1 : (int64_t)track;
}

/* --- who woke whom --- */

static void write_wake(const struct trace_web_ask *ask, struct json *j,
                       const struct timeline_details *d, const struct timeline_wake *wake)
{
    bool is_known = wake->goroutine != TIMELINE_NONE;
    struct str reason = trace_web_text(&d->texts, wake->reason);
    json_open(j, '{');
    json_member_int(j, "at", wake->at_ns);
    json_member_int(j, "g", trace_web_id(ask, wake->goroutine));
    json_member(j, "function",
                is_known                         ? str_of(trace_web_function(ask, wake->goroutine))
                : str_eq(reason, STR("sleep"))   ? STR("a timer")
                : ask->model->is_native          ? str_of(analysis_words(ask->model->trace).runtime)
                : str_eq(reason, STR("network")) ? STR("the network poller")
                                                 : STR("the runtime"));
    json_member_int(j, "track", track_or_none(wake->track));
    json_member(j, "kind", wake->created ? STR("created") : STR("woke"));
    json_member(j, "reason", reason);
    trace_web_stack(ask, j, "stack", wake->stack);
    json_close(j, '}');
}

static void write_wake_or_null(const struct trace_web_ask *ask, struct json *j, const char *key,
                               const struct timeline_details *d, bool is_there,
                               const struct timeline_wake *wake)
{
    json_key(j, key);
    if (is_there)
        write_wake(ask, j, d, wake);
    else
        json_null(j);
}

static void write_woke(const struct trace_web_ask *ask, struct json *j,
                       const struct timeline_details *d)
{
    json_key(j, "woke");
    json_open(j, '[');
    for (size_t i = 0; i < d->woke.n; i++)
        write_wake(ask, j, d, &d->woke.items[i]);
    json_close(j, ']');
    json_member_int(j, "more_woke", d->more_woke);
}

/* --- neighbours --- */

static void write_step(const struct trace_web_ask *ask, struct json *j,
                       const struct timeline_details *d, const struct timeline_step *step)
{
    json_open(j, '{');
    json_member_int(j, "kind", step->kind);
    json_member(j, "name", trace_web_text(&d->texts, step->name));
    json_member_int(j, "start", step->start_ns);
    json_member_int(j, "length", step->end_ns - step->start_ns);
    json_member_int(j, "track", track_or_none(step->track));
    json_member_int(j, "g", trace_web_id(ask, step->goroutine));
    json_close(j, '}');
}

static void write_step_or_null(const struct trace_web_ask *ask, struct json *j, const char *key,
                               const struct timeline_details *d, const struct timeline_step *step)
{
    json_key(j, key);
    if (step->is_there)
        write_step(ask, j, d, step);
    else
        json_null(j);
}

static void write_steps(const struct trace_web_ask *ask, struct json *j,
                        const struct timeline_details *d)
{
    write_step_or_null(ask, j, "previous", d, &d->previous);
    write_step_or_null(ask, j, "next", d, &d->next);
    json_key(j, "same");
    json_open(j, '[');
    if (d->same_previous.is_there)
        write_step(ask, j, d, &d->same_previous);
    if (d->same_next.is_there)
        write_step(ask, j, d, &d->same_next);
    json_close(j, ']');
}

/* --- what is in it --- */

static void write_task(const struct trace_web_ask *ask, struct json *j, uint64_t id)
{
    const struct timeline_task *task = id ? timeline_task_of(ask->timeline, id) : NULL;
    json_key(j, "task");
    if (!id) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_member_int(j, "id", (int64_t)id);
    json_member(j, "name", str_of(task ? trace_string(ask->trace, task->name, NULL) : ""));
    json_close(j, '}');
}

static void write_inside(struct json *j, const struct timeline_details *d)
{
    static const char *const names[] = {
        [TIMELINE_SYSCALL] = "syscalls", [TIMELINE_ASSIST] = "mark assists",
        [TIMELINE_SWEEP] = "sweeps",     [TIMELINE_STW] = "stops of the world",
        [TIMELINE_REGION] = "regions",   [TIMELINE_N_KINDS - 1] = NULL,
    };
    json_key(j, "inside");
    json_open(j, '[');
    for (int i = 0; i < TIMELINE_N_KINDS; i++) {
        if (!d->inside[i].count)
            continue;
        json_open(j, '{');
        json_member_int(j, "kind", i);
        json_member(j, "name", str_of(names[i] ? names[i] : kind_names[i]));
        json_member_int(j, "count", d->inside[i].count);
        json_member_int(j, "total", d->inside[i].total_ns);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_logs(struct json *j, const struct timeline_details *d)
{
    json_key(j, "logs");
    json_open(j, '[');
    for (size_t i = 0; i < d->logs.n; i++) {
        const struct timeline_log *log = &d->logs.items[i];
        json_open(j, '{');
        json_member_int(j, "at", log->at_ns);
        json_member(j, "category", trace_web_text(&d->texts, log->category));
        json_member(j, "message", trace_web_text(&d->texts, log->message));
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_details(const struct trace_web_ask *ask, struct json *j,
                          const struct timeline_details *d)
{
    const struct timeline_box *box = &d->box;
    json_member_int(j, "kind", box->kind);
    json_member(j, "name", trace_web_text(&d->texts, box->name));
    json_member_int(j, "start", box->start_ns);
    json_member_int(j, "length", box->end_ns - box->start_ns);
    json_member_int(j, "g", trace_web_id(ask, box->goroutine));
    json_member(j, "function", str_of(trace_web_function(ask, box->goroutine)));
    json_member_int(j, "p", d->p);
    json_member_int(j, "m", d->m);
    json_member(j, "state", str_of(box->kind < TIMELINE_N_KINDS ? kind_names[box->kind] : ""));
    json_member(j, "reason", trace_web_text(&d->texts, d->reason));
    write_task(ask, j, d->task);
    json_member(j, "region", trace_web_text(&d->texts, d->region));
    trace_web_stack(ask, j, "stack", d->stack);
    trace_web_stack(ask, j, "end_stack", d->end_stack);
    write_wake_or_null(ask, j, "woken", d, d->is_woken, &d->woken);
    write_wake_or_null(ask, j, "created", d, d->is_created, &d->created);
    write_woke(ask, j, d);
    write_logs(j, d);
    json_member_int(j, "samples", d->n_samples);
    write_inside(j, d);
    write_steps(ask, j, d);
}

bool trace_web_box(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    int64_t id = -1, track = -1, lane = 0, at = 0;
    const struct trace_query *q = &ask->query;
    struct timeline_details d;
    if (!trace_query_int(q, "g", 0, INT64_MAX, &id, err) ||
        !trace_query_int(q, "track", 0, UINT32_MAX - 1, &track, err) ||
        !trace_query_int(q, "lane", 0, 255, &lane, err) ||
        !trace_query_int(q, "at", INT64_MIN / 4, INT64_MAX / 4, &at, err))
        return false;
    if (!trace_query_text(q, "at") || (id < 0) == (track < 0))
        return err_set(err, ERR_USAGE, "the parameters at and one of track and g are needed");
    uint32_t goroutine = id < 0 ? TIMELINE_NONE : timeline_find_goroutine(ask->timeline, id);
    if (id >= 0 && goroutine == TIMELINE_NONE)
        return err_set(err, ERR_INPUT, "there is no goroutine %lld in the trace", (long long)id);
    struct trace_web_list *list = trace_web_lists_get(ask->site->lists, ask->timeline, q, err);
    if (!list)
        return false;
    const struct timeline_tracks *tracks = trace_web_list_tracks(list);
    bool ok = false;
    if (id >= 0)
        ok = timeline_details_of(ask->timeline, tracks, goroutine, at, &d, err);
    else if (track >= tracks->n || lane >= tracks->tracks[track].lanes)
        err_set(err, ERR_INPUT, "there is no such track or lane");
    else
        ok = timeline_details(ask->timeline, tracks, (uint32_t)track, (uint32_t)lane, at, &d, err);
    if (ok) {
        write_details(ask, j, &d);
        timeline_details_release(&d);
    }
    trace_web_lists_put(ask->site->lists, list);
    return ok;
}
