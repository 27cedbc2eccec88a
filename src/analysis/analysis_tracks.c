#include "analysis/analysis_tracks.h"

#include <string.h>

#define PROCS_MAX (1 << 16)

void analysis_tracks_init(struct analysis_tracks *ts, const struct trace *trace,
                          const struct analysis_options *options,
                          const struct analysis_track_ops *ops, void *arg)
{
    *ts = (struct analysis_tracks){.trace = trace,
                                   .options = options,
                                   .ops = ops,
                                   .arg = arg,
                                   .all = {.start_ns = INT64_MIN, .end_ns = INT64_MAX},
                                   .gc_since_ns = ANALYSIS_NEVER,
                                   .stop_since_ns = ANALYSIS_NEVER};
    analysis_goroutines_init(&ts->goroutines, trace, &ts->all);
}

void analysis_tracks_release(struct analysis_tracks *ts)
{
    analysis_goroutines_release(&ts->goroutines);
    vec_release(&ts->go);
    vec_release(&ts->regions);
    vec_release(&ts->tasks);
    vec_release(&ts->in_syscall);
    vec_release(&ts->sweeps);
    map_release(&ts->task_index);
}

/* --- telling --- */

static bool is_wanted(const struct analysis_tracks *ts, int64_t g, uint32_t name)
{
    const char *wanted = ts->options->goroutine_name;
    if (ts->options->goroutine && g != ts->options->goroutine)
        return false;
    return !wanted || !strcmp(trace_string(ts->trace, name, NULL), wanted);
}

static void tell_slice(struct analysis_tracks *ts, struct analysis_slice slice)
{
    if (slice.g != TRACE_NONE && !is_wanted(ts, slice.g, slice.name))
        return;
    if (slice.start_ns < ts->window.start_ns) {
        slice.start_ns = ts->window.start_ns;
        slice.flow = 0;
    }
    if (slice.end_ns > ts->window.end_ns)
        slice.end_ns = ts->window.end_ns;
    if (slice.end_ns > slice.start_ns)
        ts->ops->slice(ts->arg, &slice);
}

static uint32_t name_of(struct analysis_tracks *ts, int64_t g)
{
    uint32_t row = g != TRACE_NONE ? analysis_goroutines_find(&ts->goroutines, g) : ANALYSIS_NO_ROW;
    return row != ANALYSIS_NO_ROW ? ts->goroutines.rows.items[row].name : 0;
}

static void tell_point(struct analysis_tracks *ts, struct analysis_point point)
{
    if ((ts->options->goroutine || ts->options->goroutine_name) && point.g != TRACE_NONE &&
        !is_wanted(ts, point.g, name_of(ts, point.g)))
        return;
    if (analysis_window_has(&ts->window, point.time_ns))
        ts->ops->point(ts->arg, &point);
}

static void tell_counts(struct analysis_tracks *ts, enum analysis_counters which, int64_t time_ns)
{
    const struct analysis_counts *now = &ts->counts, *told = &ts->told;
    bool is_new = which == ANALYSIS_COUNT_HEAP ? now->heap != told->heap || now->goal != told->goal
                  : which == ANALYSIS_COUNT_GOROUTINES
                      ? now->running != told->running || now->runnable != told->runnable ||
                            now->gc_waiting != told->gc_waiting
                      : now->threads != told->threads;
    if (!is_new || !analysis_window_has(&ts->window, time_ns))
        return;
    ts->ops->counts(ts->arg, which, time_ns, now);
    ts->told = *now;
}

/* --- the parallel table --- */

static struct analysis_track_go *go_of(struct analysis_tracks *ts, uint32_t row)
{
    while (ts->go.n <= row)
        if (!vec_push(&ts->go, (struct analysis_track_go){.run_ns = ANALYSIS_NEVER})) {
            ts->failed = true;
            return NULL;
        }
    return &ts->go.items[row];
}

static uint32_t *syscall_on(struct analysis_tracks *ts, int64_t p)
{
    if (p < 0 || p >= PROCS_MAX)
        return NULL;
    while (ts->in_syscall.n <= (size_t)p)
        if (!vec_push(&ts->in_syscall, ANALYSIS_NO_ROW)) {
            ts->failed = true;
            return NULL;
        }
    return &ts->in_syscall.items[p];
}

/* --- a goroutine on its processor --- */

static struct analysis_slice on_proc(const struct analysis_tracks *ts, uint32_t row,
                                     enum analysis_what what, int64_t start_ns, int64_t end_ns)
{
    const struct analysis_goroutine *g = &ts->goroutines.rows.items[row];
    return (struct analysis_slice){.track = ANALYSIS_TRACK_PROC,
                                   .what = what,
                                   .id = ts->go.items[row].run_p,
                                   .g = g->id,
                                   .start_ns = start_ns,
                                   .end_ns = end_ns,
                                   .name = g->name,
                                   .label = ts->go.items[row].label,
                                   .is_inner = what != ANALYSIS_RUNNING &&
                                               start_ns == ts->go.items[row].run_ns};
}

static void start_run(struct analysis_tracks *ts, uint32_t row, int64_t p, int64_t now_ns)
{
    struct analysis_track_go *go = &ts->go.items[row];
    go->run_ns = now_ns;
    go->run_p = p;
    go->run_flow = go->flow;
    go->flow = 0;
    go->assist_ns = go->is_assisting ? now_ns : ANALYSIS_NEVER;
    go->stop_ns = go->is_stopping ? now_ns : ANALYSIS_NEVER;
    go->assist_stack = go->world_stack = 0;
    if (go->has_cause) {
        go->cause.to_p = p;
        go->cause.to_ns = now_ns;
        if (analysis_window_has(&ts->window, go->cause.from_ns) &&
            analysis_window_has(&ts->window, now_ns) &&
            is_wanted(ts, ts->goroutines.rows.items[row].id, ts->goroutines.rows.items[row].name))
            ts->ops->arrow(ts->arg, &go->cause);
        go->has_cause = false;
    }
}

static void end_assist(struct analysis_tracks *ts, uint32_t row, int64_t now_ns, uint32_t stack)
{
    struct analysis_track_go *go = &ts->go.items[row];
    if (go->assist_ns == ANALYSIS_NEVER)
        return;
    struct analysis_slice slice = on_proc(ts, row, ANALYSIS_ASSIST, go->assist_ns, now_ns);
    slice.stack = go->assist_stack;
    slice.end_stack = stack;
    tell_slice(ts, slice);
    go->assist_ns = ANALYSIS_NEVER;
}

static void end_stop(struct analysis_tracks *ts, uint32_t row, int64_t now_ns, uint32_t stack)
{
    struct analysis_track_go *go = &ts->go.items[row];
    if (go->stop_ns == ANALYSIS_NEVER)
        return;
    struct analysis_slice slice = on_proc(ts, row, ANALYSIS_STOPPED, go->stop_ns, now_ns);
    slice.text = go->stop_kind;
    slice.stack = go->world_stack;
    slice.end_stack = stack;
    tell_slice(ts, slice);
    go->stop_ns = ANALYSIS_NEVER;
}

static void end_syscall(struct analysis_tracks *ts, uint32_t row, int64_t now_ns, bool has_blocked)
{
    struct analysis_track_go *go = &ts->go.items[row];
    if (go->syscall_ns == ANALYSIS_NEVER || go->run_ns == ANALYSIS_NEVER)
        return;
    struct analysis_slice slice = on_proc(ts, row, ANALYSIS_SYSCALL, go->syscall_ns, now_ns);
    slice.stack = go->syscall_stack;
    slice.has_blocked = has_blocked;
    tell_slice(ts, slice);
    go->syscall_ns = ANALYSIS_NEVER;
}

static void stop_run(struct analysis_tracks *ts, uint32_t row, int64_t now_ns, uint32_t stack)
{
    struct analysis_track_go *go = &ts->go.items[row];
    if (go->run_ns == ANALYSIS_NEVER)
        return;
    end_stop(ts, row, now_ns, 0);
    end_assist(ts, row, now_ns, 0);
    struct analysis_slice slice = on_proc(ts, row, ANALYSIS_RUNNING, go->run_ns, now_ns);
    slice.stack = go->stop_stack;
    slice.end_stack = stack;
    tell_slice(ts, slice);
    go->run_ns = ANALYSIS_NEVER;
    go->stop_stack = stack;
}

/* --- transitions --- */

static void set_cause(struct analysis_tracks *ts, uint32_t row, const struct trace_event *event,
                      enum analysis_what what, uint32_t text)
{
    struct analysis_track_go *go = &ts->go.items[row];
    bool is_network =
        what == ANALYSIS_WAKE && strstr(trace_string(ts->trace, text, NULL), "network");
    enum analysis_track from = what == ANALYSIS_SYSCALL_EXIT ? ANALYSIS_TRACK_SYSCALLS
                               : is_network                  ? ANALYSIS_TRACK_NETWORK
                               : event->p == TRACE_NONE      ? ANALYSIS_TRACK_RUNTIME
                                                             : ANALYSIS_TRACK_PROC;
    struct analysis_point point = {.track = from,
                                   .what = what,
                                   .id = from == ANALYSIS_TRACK_PROC ? event->p : 0,
                                   .g = TRACE_NONE,
                                   .m = event->m,
                                   .time_ns = event->time_ns,
                                   .text = text,
                                   .stack = trace_event_stack(event),
                                   .target = ts->goroutines.rows.items[row].id};
    if (from != ANALYSIS_TRACK_PROC)
        tell_point(ts, point);
    if (event->g != TRACE_NONE && what != ANALYSIS_SYSCALL_EXIT) {
        point.track = ANALYSIS_TRACK_GOROUTINE;
        point.id = point.g = event->g;
        point.flow = go->flow = ++ts->n_flows;
        tell_point(ts, point);
    }
    go->has_cause = true;
    go->cause = (struct analysis_arrow){.what = what,
                                        .text = text,
                                        .stack = point.stack,
                                        .from = from,
                                        .from_id = from == ANALYSIS_TRACK_PROC ? event->p : 0,
                                        .from_ns = event->time_ns};
}

static bool is_executing(uint8_t state)
{
    return state == TRACE_GO_RUNNING || state == TRACE_GO_SYSCALL;
}

static void tell_state(struct analysis_tracks *ts, uint32_t row, const struct analysis_stay *stay)
{
    static const enum analysis_what whats[TRACE_GO_N_STATES] = {
        [TRACE_GO_RUNNABLE] = ANALYSIS_RUNNABLE,
        [TRACE_GO_RUNNING] = ANALYSIS_RUNNING,
        [TRACE_GO_WAITING] = ANALYSIS_WAITING,
        [TRACE_GO_SYSCALL] = ANALYSIS_SYSCALL};
    const struct analysis_goroutine *g = &ts->goroutines.rows.items[row];
    bool is_running = stay->state == TRACE_GO_RUNNING;
    tell_slice(ts,
               (struct analysis_slice){
                   .track = ANALYSIS_TRACK_GOROUTINE,
                   .what = whats[stay->state],
                   .id = g->id,
                   .g = g->id,
                   .start_ns = stay->is_whole ? stay->since_ns : g->created_ns,
                   .end_ns = stay->until_ns,
                   .text = stay->reason,
                   .stack = is_running ? 0 : stay->stack,
                   .name = g->name,
                   .flow = is_running && is_executing(stay->state) ? ts->go.items[row].run_flow : 0,
               });
    if (is_running)
        ts->go.items[row].run_flow = 0;
}

static void count_state(struct analysis_tracks *ts, uint8_t state, bool is_assisting, int by)
{
    if (is_executing(state))
        ts->counts.running += by;
    else if (state == TRACE_GO_RUNNABLE)
        ts->counts.runnable += by;
    else if (state == TRACE_GO_WAITING && is_assisting)
        ts->counts.gc_waiting += by;
}

static void end_regions(struct analysis_tracks *ts, uint32_t row, int64_t now_ns, bool all);

static void on_goroutine(struct analysis_tracks *ts, const struct trace_event *event,
                         const struct trace_transition *t)
{
    struct analysis_stay stay;
    int64_t now_ns = event->time_ns;
    uint32_t stack = trace_event_stack(event), waited = 0;
    if (t->from == t->to)
        return;
    uint32_t row = analysis_goroutines_transition(&ts->goroutines, event, t, &stay);
    struct analysis_track_go *go = row != ANALYSIS_NO_ROW ? go_of(ts, row) : NULL;
    if (!go)
        return;
    bool is_new = t->from == TRACE_GO_UNDETERMINED || t->from == TRACE_GO_NOT_EXIST;
    if (is_new)
        *go = (struct analysis_track_go){.run_ns = ANALYSIS_NEVER,
                                         .syscall_ns = ANALYSIS_NEVER,
                                         .assist_ns = ANALYSIS_NEVER,
                                         .stop_ns = ANALYSIS_NEVER};
    else if (stay.since_ns != ANALYSIS_NEVER) {
        tell_state(ts, row, &stay);
        waited = stay.state == TRACE_GO_WAITING ? stay.reason : 0;
    }

    if (t->from == TRACE_GO_RUNNING && !is_executing(t->to))
        stop_run(ts, row, now_ns, stack);
    if (!is_executing(t->from) && t->to == TRACE_GO_RUNNING)
        start_run(ts, row, event->p, is_new ? ts->goroutines.rows.items[row].created_ns : now_ns);
    if (t->from == TRACE_GO_WAITING)
        set_cause(ts, row, event, ANALYSIS_WAKE, waited);
    if (t->from == TRACE_GO_NOT_EXIST && t->to == TRACE_GO_RUNNABLE)
        set_cause(ts, row, event, ANALYSIS_CREATE, 0);
    if (t->from == TRACE_GO_SYSCALL && t->to != TRACE_GO_RUNNING) {
        if (t->to == TRACE_GO_RUNNABLE)
            set_cause(ts, row, event, ANALYSIS_SYSCALL_EXIT, 0);
        end_syscall(ts, row, now_ns, true);
        stop_run(ts, row, now_ns, stack);
    }
    uint32_t *in_syscall = syscall_on(ts, event->p);
    if (t->to == TRACE_GO_SYSCALL && in_syscall) {
        if (go->run_ns == ANALYSIS_NEVER)
            start_run(ts, row, event->p,
                      is_new ? ts->goroutines.rows.items[row].created_ns : now_ns);
        go->syscall_ns = is_new ? go->run_ns : now_ns;
        go->syscall_stack = stack;
        *in_syscall = row;
    }
    if (t->from == TRACE_GO_SYSCALL && in_syscall && *in_syscall == row) {
        end_syscall(ts, row, now_ns, false);
        *in_syscall = ANALYSIS_NO_ROW;
    } else if (t->from == TRACE_GO_SYSCALL && t->to == TRACE_GO_RUNNING &&
               go->run_ns == ANALYSIS_NEVER) {
        start_run(ts, row, event->p, now_ns); /* it had lost its processor, and has one again */
    }
    count_state(ts, t->from, go->is_assisting, -!is_new);
    count_state(ts, t->to, go->is_assisting, 1);
    tell_counts(ts, ANALYSIS_COUNT_GOROUTINES, now_ns);
    if (t->to == TRACE_GO_NOT_EXIST) {
        end_regions(ts, row, now_ns, true);
        analysis_goroutines_remove(&ts->goroutines, row);
    }
}

static void on_processor(struct analysis_tracks *ts, const struct trace_event *event,
                         const struct trace_transition *t)
{
    struct analysis_point point = {.track = ANALYSIS_TRACK_PROC,
                                   .id = t->id,
                                   .g = TRACE_NONE,
                                   .m = event->m,
                                   .time_ns = event->time_ns,
                                   .stack = trace_event_stack(event),
                                   .target = TRACE_NONE};
    if (t->from == t->to)
        return;
    analysis_goroutines_proc(&ts->goroutines, event, t);
    if (t->to == TRACE_PROC_RUNNING) {
        point.what = ANALYSIS_PROC_START;
        if (t->from == TRACE_PROC_UNDETERMINED)
            point.time_ns = ts->first_ns;
        ts->counts.threads++;
        tell_point(ts, point);
    } else if (t->from == TRACE_PROC_RUNNING) {
        point.what = ANALYSIS_PROC_STOP;
        ts->counts.threads--;
        tell_point(ts, point);
        uint32_t *in_syscall = syscall_on(ts, t->id);
        if (in_syscall && *in_syscall != ANALYSIS_NO_ROW) {
            end_syscall(ts, *in_syscall, event->time_ns, true);
            stop_run(ts, *in_syscall, event->time_ns, 0);
            *in_syscall = ANALYSIS_NO_ROW;
        }
    }
    tell_counts(ts, ANALYSIS_COUNT_THREADS, point.time_ns);
}

/* --- ranges --- */

static void tell_global(struct analysis_tracks *ts, enum analysis_track track,
                        enum analysis_what what, int64_t *since_ns, int64_t now_ns, uint32_t text,
                        uint32_t stack)
{
    if (*since_ns == ANALYSIS_NEVER)
        return;
    tell_slice(ts, (struct analysis_slice){.track = track,
                                           .what = what,
                                           .g = TRACE_NONE,
                                           .start_ns = *since_ns,
                                           .end_ns = now_ns,
                                           .text = text,
                                           .stack = stack});
    *since_ns = ANALYSIS_NEVER;
}

static void on_sweep(struct analysis_tracks *ts, const struct trace_event *event)
{
    int64_t p = event->type == GOTRACE_GC_SWEEP_ACTIVE ? (int64_t)event->args[0] : event->p;
    if (p < 0 || p >= PROCS_MAX)
        return;
    while (ts->sweeps.n <= (size_t)p)
        if (!vec_push(&ts->sweeps, (struct analysis_track_sweep){.since_ns = ANALYSIS_NEVER})) {
            ts->failed = true;
            return;
        }
    struct analysis_track_sweep *sweep = &ts->sweeps.items[p];
    if (event->type == GOTRACE_GC_SWEEP_BEGIN) {
        *sweep = (struct analysis_track_sweep){event->time_ns, trace_event_stack(event)};
    } else if (event->type == GOTRACE_GC_SWEEP_ACTIVE) {
        if (sweep->since_ns == ANALYSIS_NEVER && ts->n_sync <= 1)
            *sweep = (struct analysis_track_sweep){ts->first_ns, 0};
    } else if (sweep->since_ns != ANALYSIS_NEVER) {
        tell_slice(ts, (struct analysis_slice){.track = ANALYSIS_TRACK_PROC,
                                               .what = ANALYSIS_SWEEP,
                                               .id = p,
                                               .g = event->g,
                                               .name = name_of(ts, event->g),
                                               .start_ns = sweep->since_ns,
                                               .end_ns = event->time_ns,
                                               .stack = sweep->stack,
                                               .end_stack = trace_event_stack(event)});
        sweep->since_ns = ANALYSIS_NEVER;
    }
}

/* Ranges of a goroutine: a mark assist, or that it stops the world. */
static void on_go_range(struct analysis_tracks *ts, const struct trace_event *event)
{
    int64_t id = event->type == GOTRACE_GC_MARK_ASSIST_ACTIVE ? (int64_t)event->args[0] : event->g;
    uint32_t row = analysis_goroutines_find(&ts->goroutines, id);
    struct analysis_track_go *go = row != ANALYSIS_NO_ROW ? go_of(ts, row) : NULL;
    if (!go)
        return;
    bool is_on = go->run_ns != ANALYSIS_NEVER;
    switch (event->type) {
    case GOTRACE_GC_MARK_ASSIST_ACTIVE:
        if (!go->is_assisting)
            go->assist_ns = is_on ? go->run_ns : ANALYSIS_NEVER;
        go->is_assisting = true;
        break;
    case GOTRACE_GC_MARK_ASSIST_BEGIN:
        go->is_assisting = true;
        go->assist_ns = is_on ? event->time_ns : ANALYSIS_NEVER;
        go->assist_stack = trace_event_stack(event);
        break;
    case GOTRACE_GC_MARK_ASSIST_END:
        end_assist(ts, row, event->time_ns, trace_event_stack(event));
        go->is_assisting = false;
        break;
    case GOTRACE_STW_BEGIN:
        go->is_stopping = true;
        go->stop_kind = (uint32_t)event->args[0];
        go->stop_ns = is_on ? event->time_ns : ANALYSIS_NEVER;
        go->world_stack = trace_event_stack(event);
        break;
    default:
        end_stop(ts, row, event->time_ns, trace_event_stack(event));
        go->is_stopping = false;
        break;
    }
}

static void on_range(struct analysis_tracks *ts, const struct trace_event *event)
{
    switch (event->type) {
    case GOTRACE_GC_ACTIVE:
        if (ts->gc_since_ns == ANALYSIS_NEVER)
            ts->gc_since_ns = ts->n_sync <= 1 ? ts->first_ns : event->time_ns;
        break;
    case GOTRACE_GC_BEGIN:
        ts->gc_since_ns = event->time_ns;
        ts->gc_stack = trace_event_stack(event);
        break;
    case GOTRACE_GC_END:
        tell_global(ts, ANALYSIS_TRACK_GC, ANALYSIS_CYCLE, &ts->gc_since_ns, event->time_ns, 0,
                    ts->gc_stack);
        break;
    case GOTRACE_STW_BEGIN:
        ts->stop_since_ns = event->time_ns;
        ts->stop_kind = (uint32_t)event->args[0];
        ts->stop_stack = trace_event_stack(event);
        on_go_range(ts, event);
        break;
    case GOTRACE_STW_END:
        tell_global(ts, ANALYSIS_TRACK_STW, ANALYSIS_STOPPED, &ts->stop_since_ns, event->time_ns,
                    ts->stop_kind, ts->stop_stack);
        on_go_range(ts, event);
        break;
    case GOTRACE_GC_SWEEP_ACTIVE:
    case GOTRACE_GC_SWEEP_BEGIN:
    case GOTRACE_GC_SWEEP_END:
        on_sweep(ts, event);
        break;
    default:
        on_go_range(ts, event);
        break;
    }
}

/* --- what programs mark --- */

static void tell_region(struct analysis_tracks *ts, uint32_t row,
                        const struct analysis_track_region *r, int64_t now_ns, uint32_t end_stack)
{
    const struct analysis_goroutine *g = &ts->goroutines.rows.items[row];
    tell_slice(ts, (struct analysis_slice){.track = ANALYSIS_TRACK_REGIONS,
                                           .what = ANALYSIS_REGION,
                                           .id = g->id,
                                           .g = g->id,
                                           .start_ns = r->since_ns,
                                           .end_ns = now_ns,
                                           .text = r->name,
                                           .stack = r->stack,
                                           .end_stack = end_stack,
                                           .name = g->name,
                                           .task = r->task});
}

static void end_regions(struct analysis_tracks *ts, uint32_t row, int64_t now_ns, bool all)
{
    struct analysis_track_go *go = &ts->go.items[row];
    while (go->regions) {
        uint32_t at = go->regions;
        tell_region(ts, row, &ts->regions.items[at], now_ns, 0);
        go->regions = ts->regions.items[at].next;
        ts->regions.items[at].next = ts->free_region;
        ts->free_region = at;
        if (!all)
            return;
    }
}

static void on_region(struct analysis_tracks *ts, const struct trace_event *event)
{
    struct trace_region region;
    uint32_t row = analysis_goroutines_find(&ts->goroutines, event->g);
    struct analysis_track_go *go = row != ANALYSIS_NO_ROW ? go_of(ts, row) : NULL;
    if (!go || !trace_event_region(event, &region))
        return;
    uint32_t stack = trace_event_stack(event);
    if (event->type == GOTRACE_USER_REGION_END) {
        if (go->regions) {
            end_regions(ts, row, event->time_ns, false);
        } else {
            struct analysis_track_region r = {
                .since_ns = ts->first_ns, .name = region.name, .task = region.task};
            tell_region(ts, row, &r, event->time_ns, stack);
        }
        return;
    }
    uint32_t at = ts->free_region;
    if (at) {
        ts->free_region = ts->regions.items[at].next;
    } else {
        if ((!ts->regions.n && !vec_push(&ts->regions, (struct analysis_track_region){0})) ||
            !vec_push(&ts->regions, (struct analysis_track_region){0})) {
            ts->failed = true;
            return;
        }
        at = (uint32_t)ts->regions.n - 1;
    }
    ts->regions.items[at] = (struct analysis_track_region){event->time_ns, region.name, stack,
                                                           go->regions, region.task};
    go->regions = at;
}

static void tell_task(struct analysis_tracks *ts, struct analysis_track_task *task, int64_t now_ns,
                      uint32_t end_stack)
{
    tell_slice(ts, (struct analysis_slice){.track = ANALYSIS_TRACK_TASK,
                                           .what = ANALYSIS_TASK,
                                           .id = (int64_t)task->id,
                                           .g = TRACE_NONE,
                                           .start_ns = task->since_ns,
                                           .end_ns = now_ns,
                                           .text = task->name,
                                           .stack = task->stack,
                                           .end_stack = end_stack,
                                           .task = task->id,
                                           .parent = task->parent});
    task->is_open = false;
}

static void on_task(struct analysis_tracks *ts, const struct trace_event *event)
{
    struct trace_task t;
    if (!trace_event_task(event, &t))
        return;
    bool is_end = event->type == GOTRACE_USER_TASK_END;
    uint32_t next = (uint32_t)ts->tasks.n, row = map_get_or_put(&ts->task_index, t.id, next);
    struct analysis_track_task new = {.id = t.id,
                                      .parent = t.parent,
                                      .since_ns = is_end ? ts->first_ns : event->time_ns,
                                      .g = event->g,
                                      .name = t.name,
                                      .stack = is_end ? 0 : trace_event_stack(event),
                                      .is_open = true};
    if (row == MAP_NONE || (row == next && !vec_push(&ts->tasks, new))) {
        ts->failed = true;
        return;
    }
    if (is_end && ts->tasks.items[row].is_open)
        tell_task(ts, &ts->tasks.items[row], event->time_ns, trace_event_stack(event));
}

static void on_log(struct analysis_tracks *ts, const struct trace_event *event)
{
    struct trace_log log;
    if (!trace_event_log(event, &log))
        return;
    struct analysis_point point = {.track = ANALYSIS_TRACK_GOROUTINE,
                                   .what = ANALYSIS_LOG,
                                   .id = event->g,
                                   .g = event->g,
                                   .m = event->m,
                                   .time_ns = event->time_ns,
                                   .text = log.message,
                                   .category = log.category,
                                   .stack = trace_event_stack(event),
                                   .target = TRACE_NONE};
    if (event->g != TRACE_NONE)
        tell_point(ts, point);
    point.track = ANALYSIS_TRACK_PROC;
    point.id = event->p;
    if (event->p != TRACE_NONE)
        tell_point(ts, point);
}

static void on_sample(struct analysis_tracks *ts, const struct trace_event *event)
{
    if (event->p == TRACE_NONE)
        return;
    tell_point(ts, (struct analysis_point){.track = ANALYSIS_TRACK_PROC,
                                           .what = ANALYSIS_SAMPLE,
                                           .id = event->p,
                                           .g = event->g,
                                           .m = event->m,
                                           .time_ns = event->time_ns,
                                           .stack = trace_event_stack(event),
                                           .target = TRACE_NONE});
}

static void on_label(struct analysis_tracks *ts, const struct trace_event *event)
{
    uint32_t row = analysis_goroutines_find(&ts->goroutines, event->g);
    struct analysis_track_go *go = row != ANALYSIS_NO_ROW ? go_of(ts, row) : NULL;
    if (go)
        go->label = (uint32_t)event->args[0];
}

/* --- all --- */

static void on_other(struct analysis_tracks *ts, const struct trace_event *event)
{
    switch (trace_event_kind(event)) {
    case TRACE_KIND_SYNC:
        ts->n_sync = event->args[0];
        ts->goroutines.sync_ns = event->time_ns;
        break;
    case TRACE_KIND_METRIC:
        if (event->type == GOTRACE_HEAP_ALLOC)
            ts->counts.heap = event->args[0];
        else if (event->type == GOTRACE_HEAP_GOAL) /* nearly 2^64: there is none yet */
            ts->counts.goal = event->args[0] > (uint64_t)1 << 50 ? 0 : event->args[0];
        tell_counts(ts, ANALYSIS_COUNT_HEAP, event->time_ns);
        break;
    case TRACE_KIND_RANGE_BEGIN:
    case TRACE_KIND_RANGE_ACTIVE:
    case TRACE_KIND_RANGE_END:
        on_range(ts, event);
        break;
    case TRACE_KIND_REGION_BEGIN:
    case TRACE_KIND_REGION_END:
        on_region(ts, event);
        break;
    case TRACE_KIND_TASK_BEGIN:
    case TRACE_KIND_TASK_END:
        on_task(ts, event);
        break;
    case TRACE_KIND_LOG:
        on_log(ts, event);
        break;
    case TRACE_KIND_LABEL:
        on_label(ts, event);
        break;
    case TRACE_KIND_STACK_SAMPLE:
        on_sample(ts, event);
        break;
    default:
        break;
    }
}

void analysis_tracks_events(struct analysis_tracks *ts, const struct trace_event *events, size_t n)
{
    struct trace_transition t;
    if (!n)
        return;
    analysis_window_begin(&ts->window, ts->options, events);
    if (!ts->any)
        ts->first_ns = events[0].time_ns;
    ts->any = true;
    for (size_t i = 0; i < n; i++) {
        ts->last_ns = events[i].time_ns;
        if (!trace_event_transition(&events[i], &t))
            on_other(ts, &events[i]);
        else if (t.scope == TRACE_SCOPE_GOROUTINE)
            on_goroutine(ts, &events[i], &t);
        else
            on_processor(ts, &events[i], &t);
    }
}

bool analysis_tracks_end(struct analysis_tracks *ts)
{
    int64_t now_ns = ts->last_ns;
    for (uint32_t row = 0; row < ts->goroutines.rows.n && row < ts->go.n; row++) {
        const struct analysis_goroutine *g = &ts->goroutines.rows.items[row];
        if (g->id == INT64_MIN)
            continue;
        struct analysis_stay stay = {g->state, g->is_whole, g->reason,
                                     g->stack, g->since_ns, now_ns};
        if (g->since_ns != ANALYSIS_NEVER)
            tell_state(ts, row, &stay);
        end_syscall(ts, row, now_ns, false);
        stop_run(ts, row, now_ns, 0);
        end_regions(ts, row, now_ns, true);
    }
    for (size_t i = 0; i < ts->tasks.n; i++)
        if (ts->tasks.items[i].is_open)
            tell_task(ts, &ts->tasks.items[i], now_ns, 0);
    tell_global(ts, ANALYSIS_TRACK_GC, ANALYSIS_CYCLE, &ts->gc_since_ns, now_ns, 0, ts->gc_stack);
    return !ts->failed && !ts->goroutines.failed && !ts->goroutines.parts.failed;
}
