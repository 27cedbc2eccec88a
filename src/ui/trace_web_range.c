/* What a part of the trace adds up to. */
#include "analysis/analysis_wait.h"
#include "ui/trace_web_parts.h"
#include "ui/trace_web_site.h"

#include <string.h>

#define FUNCTIONS_MAX 50
#define BLOCKED_MAX 50

static void write_times(struct json *j, const char *key, const struct timeline_range *r,
                        uint32_t frame, const struct timeline_times *t)
{
    json_key(j, key);
    json_open(j, '{');
    json_member_int(j, "total", t->total);
    json_member_int(j, "running", t->running);
    json_member_int(j, "runnable", t->runnable);
    json_member_int(j, "syscall", t->syscall);
    json_member_int(j, "sync", t->sync);
    json_member_int(j, "network", t->network);
    json_member_int(j, "sleep", t->sleep);
    json_member_int(j, "gc", t->gc);
    json_member_int(j, "other", t->other + t->idle);
    json_member_int(j, "unknown", t->unknown);
    json_member_int(j, "assist", t->assist);
    json_member_int(j, "sweep", t->sweep);
    json_key(j, "reasons");
    json_open(j, '{');
    for (size_t i = 0; i < r->waited.n; i++) {
        const struct timeline_waited *w = &r->waited.items[i];
        if (w->frame != frame || !w->total_ns)
            continue;
        json_text_key(j, w->reason ? trace_web_text(&r->texts, w->reason) : STR("unknown"));
        json_int(j, w->total_ns);
    }
    json_close(j, '}');
    json_close(j, '}');
}

static void write_procs(const struct trace_web_ask *ask, struct json *j,
                        const struct timeline_range *r)
{
    const uint32_t n = r->procs ? timeline_stats(ask->timeline).n_procs : 0; /* none: no time */
    json_key(j, "procs");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++) {
        json_open(j, '{');
        json_member_int(j, "id", r->procs[i].id);
        json_member_int(j, "busy", r->procs[i].busy_ns);
        json_member_int(j, "gc", r->procs[i].gc_ns);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_sums(struct json *j, const struct timeline_range *r)
{
    trace_web_states(j, &r->all);
    json_key(j, "counts");
    json_open(j, '{');
    json_member_int(j, "switches", (int64_t)r->n_switches);
    json_member_int(j, "wakes", (int64_t)r->n_wakes);
    json_member_int(j, "created", (int64_t)r->n_created);
    json_member_int(j, "ended", (int64_t)r->n_ended);
    json_member_int(j, "syscalls", (int64_t)r->n_syscalls);
    json_member_int(j, "samples", (int64_t)r->n_samples);
    json_member_int(j, "pauses", (int64_t)r->n_pauses);
    json_member_int(j, "events", (int64_t)r->n_events);
    json_close(j, '}');
}

static void write_functions(const struct trace_web_ask *ask, struct json *j,
                            const struct timeline_range *r)
{
    AUTO_BUF place = {0};
    json_key(j, "functions");
    json_open(j, '[');
    for (size_t i = 0; i < r->groups.n && i < FUNCTIONS_MAX; i++) {
        const struct timeline_group *g = &r->groups.items[i];
        buf_clear(&place);
        trace_web_place(ask->trace, g->frame, &place);
        json_open(j, '{');
        json_member(j, "name", trace_web_text(&r->texts, g->name));
        trace_web_member(j, "place", &place);
        json_member_int(j, "count", g->count);
        write_times(j, "times", r, g->frame, &g->times);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_longest(const struct trace_web_ask *ask, struct json *j, struct str reason,
                          const struct timeline_blocked *b)
{
    AUTO_BUF where = {0}, by = {0};
    trace_web_where(ask->trace, b->stack, &where);
    if (b->by != TIMELINE_NONE)
        buf_printf(&by, "G%lld %s", (long long)trace_web_id(ask, b->by),
                   trace_web_function(ask, b->by));
    json_key(j, "longest");
    json_open(j, '{');
    json_member_int(j, "start", b->longest_start_ns);
    json_member_int(j, "length", b->longest_ns);
    json_member_int(j, "g", trace_web_id(ask, b->longest_goroutine));
    json_member_int(j, "p", -1);
    json_member_int(j, "task", 0);
    json_member(j, "name", str_of(trace_web_function(ask, b->longest_goroutine)));
    json_member(j, "what", reason);
    trace_web_member(j, "where", &where);
    trace_web_member(j, "by", &by);
    json_close(j, '}');
}

static void write_blocked(const struct trace_web_ask *ask, struct json *j,
                          const struct timeline_range *r)
{
    AUTO_BUF place = {0}, by_place = {0};
    json_key(j, "blocked");
    json_open(j, '[');
    for (size_t i = 0; i < r->blocked.n && i < BLOCKED_MAX; i++) {
        const struct timeline_blocked *b = &r->blocked.items[i];
        struct str reason = trace_web_text(&r->texts, b->reason);
        const struct trace_frame *frame = analysis_site(ask->trace, b->stack);
        const struct trace_frame *waker =
            b->by == TIMELINE_NONE ? NULL : analysis_site(ask->trace, b->by_stack);
        buf_clear(&place);
        buf_clear(&by_place);
        if (frame)
            trace_web_frame_place(ask->trace, frame, &place);
        if (waker)
            trace_web_frame_place(ask->trace, waker, &by_place);
        json_open(j, '{');
        json_member(j, "reason", reason);
        json_member(j, "where", str_of(frame ? trace_string(ask->trace, frame->func, NULL) : ""));
        trace_web_member(j, "place", &place);
        json_member(j, "profile", str_of(trace_web_profile_of(reason.p)));
        json_member_int(j, "count", (int64_t)b->count);
        json_member_int(j, "total", b->total_ns);
        write_longest(ask, j, reason, b);
        json_member(j, "by", str_of(trace_web_function(ask, b->by)));
        trace_web_member(j, "by_place", &by_place);
        json_member_double(j, "by_share",
                           b->by == TIMELINE_NONE || !b->total_ns
                               ? 0
                               : (double)b->longest_ns / (double)b->total_ns);
        json_member_bool(j, "idle", b->kind == TIMELINE_IDLE);
        json_close(j, '}');
    }
    json_close(j, ']');
}

bool trace_web_range(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    struct timeline_selection selection;
    struct timeline_range range;
    const struct trace_query *q = &ask->query;
    int64_t end = timeline_stats(ask->timeline).duration_ns;
    if (q->end_ns < end)
        end = q->end_ns;
    int64_t start = q->start_ns > 0 ? q->start_ns : 0;
    if (start > end)
        start = end;
    if (!trace_web_lists_select(q, &selection, err))
        return false;
    bool is_part = selection.n_goids || selection.function || selection.task;
    if (!timeline_range(ask->timeline, is_part ? &selection : NULL, start, end, &range, err))
        return false;
    json_member_int(j, "start", start);
    json_member_int(j, "end", end);
    write_procs(ask, j, &range);
    write_sums(j, &range);
    write_functions(ask, j, &range);
    write_blocked(ask, j, &range);
    timeline_range_release(&range);
    return true;
}
