/* What the page says first: the minimap, and what is to blame. */
#include "analysis/analysis_site_pairs.h"
#include "ui/trace_web_sums.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 1000
#define BUCKETS_MAX 4000
#define BLOCKED_MAX 100
#define PLACES_MAX 20
#define HOLDER_SHARE                                                                               \
    0.05 /* of a lock's waits, that are ended by who did not wait for it himself                   \
          */

/* --- sums --- */

static void write_minimap(struct json *j, const struct timeline_minimap *m)
{
    json_key(j, "minimap");
    json_open(j, '{');
    json_member_int(j, "step", m->step_ns);
    TRACE_WEB_COLUMN(j, "busy", m->n, m->busy[i]);
    TRACE_WEB_COLUMN(j, "gc", m->n, m->gc[i]);
    TRACE_WEB_COLUMN(j, "runnable", m->n, m->runnable[i]);
    json_close(j, '}');
}

/* As the timeline shows it: Go's own sums, which tables have, count some time twice. */
static bool write_states(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    struct timeline_range range;
    if (!timeline_range(ask->timeline, NULL, 0, ask->model->stats.duration_ns, &range, err))
        return false;
    trace_web_states(j, &range.all);
    timeline_range_release(&range);
    return true;
}

static void write_procs(struct json *j, const struct analysis_facts *f)
{
    int64_t busy = 0, all = 0;
    for (size_t i = 0; i < f->procs.rows.n; i++)
        for (int use = 0; use < ANALYSIS_N_USES; use++) {
            int64_t ns = f->procs.rows.items[i].use_ns[use];
            all += ns;
            busy += use == ANALYSIS_USE_GO || use == ANALYSIS_USE_WORKER ? ns : 0;
        }
    json_key(j, "procs");
    json_open(j, '{');
    json_member_double(j, "busy", all ? (double)busy / (double)all : 0);
    json_member_int(j, "count", (int64_t)f->procs.rows.n);
    json_close(j, '}');
}

/* --- places --- */

struct place {
    int64_t start_ns, length_ns, g;
    uint64_t task;
    struct str name, what;
};

/* Left open, for more members. */
static void begin_place(struct json *j, const struct place *p)
{
    json_open(j, '{');
    json_member_int(j, "start", p->start_ns);
    json_member_int(j, "length", p->length_ns);
    json_member_int(j, "g", p->g);
    json_member_int(j, "p", -1);
    json_member_int(j, "task", (int64_t)p->task);
    json_member(j, "name", p->name);
    json_member(j, "what", p->what);
    json_member(j, "where", STR(""));
    json_member(j, "by", STR(""));
}

static void write_place(struct json *j, const struct place *p)
{
    begin_place(j, p);
    json_close(j, '}');
}

static struct str string_of(const struct trace *trace, uint32_t string)
{
    struct str text;
    text.p = trace_string(trace, string, &text.len);
    return text;
}

static void write_gc(struct json *j, const struct analysis_facts *f)
{
    const struct analysis_gc *gc = &f->gc;
    int64_t of = analysis_facts_proc_time(f), work = analysis_gc_work(gc);
    json_key(j, "gc");
    json_open(j, '{');
    json_member_int(j, "cycles", (int64_t)gc->cycles.count);
    json_member_int(j, "active", gc->active_ns);
    json_member_int(j, "work", work);
    json_member_double(j, "share", of ? (double)work / (double)of : 0);
    json_member_int(j, "pauses", (int64_t)gc->pauses.count);
    json_member_int(j, "paused", gc->pauses.total_ns);
    json_key(j, "longest");
    json_open(j, '[');
    for (size_t i = 0; i < gc->longest_pauses.n && i < PLACES_MAX; i++) {
        const struct analysis_pause *pause = analysis_top_at(&gc->longest_pauses, i);
        struct str kind = string_of(f->trace, pause->kind);
        const struct place place = {trace_web_since(f, pause->at_ns), pause->ns, -1, 0, kind, kind};
        write_place(j, &place);
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void write_tasks(const struct trace_web_ask *ask, struct json *j,
                        const struct analysis_facts *f)
{
    json_key(j, "tasks");
    json_open(j, '[');
    for (size_t i = 0; i < f->user.slowest.n && i < PLACES_MAX; i++) {
        const struct analysis_slow_task *slow = analysis_top_at(&f->user.slowest, i);
        const struct analysis_task_row *task = &f->user.tasks.items[slow->task];
        const struct timeline_task *known = timeline_task_of(ask->timeline, task->id);
        int64_t start = task->start_ns == ANALYSIS_NEVER ? 0 : task->start_ns - f->first_ns;
        const struct place place = {start,
                                    slow->ns,
                                    known ? trace_web_id(ask, known->goroutine) : -1,
                                    task->id,
                                    string_of(f->trace, task->name),
                                    STR("task")};
        const struct analysis_wait *longest = &f->user.details.items[slow->detail].longest;
        begin_place(j, &place);
        if (longest->ns) {
            json_key(j, "why");
            trace_web_wait(j, f, longest);
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* --- where goroutines waited --- */

static void write_site(const struct trace_web_ask *ask, struct json *j,
                       const struct analysis_site_pair *s)
{
    const struct analysis_facts *f = ask->model->facts;
    const struct trace_frame *frame = analysis_site(f->trace, s->stack);
    const struct trace_frame *waker = analysis_site(f->trace, analysis_by_stack(s));
    const struct str reason = string_of(f->trace, s->reason);
    const uint32_t number = timeline_find_goroutine(ask->timeline, s->max_g);
    const struct place longest = {trace_web_since(f, s->max_at_ns),        s->max_ns, s->max_g, 0,
                                  str_of(trace_web_function(ask, number)), reason};
    AUTO_BUF place = {0}, by_place = {0};
    if (frame)
        trace_web_frame_place(f->trace, frame, &place);
    if (waker)
        trace_web_frame_place(f->trace, waker, &by_place);
    json_open(j, '{');
    json_member(j, "reason", reason);
    json_member(j, "where", frame ? string_of(f->trace, frame->func) : STR(""));
    trace_web_member(j, "place", &place);
    json_member(j, "profile", str_of(trace_web_profile_of(reason.p)));
    json_member_int(j, "count", (int64_t)s->count);
    json_member_int(j, "total", s->total_ns);
    json_key(j, "longest");
    write_place(j, &longest);
    json_member(j, "by",
                string_of(f->trace, waker && waker->func ? waker->func : analysis_by_name(s)));
    trace_web_member(j, "by_place", &by_place);
    json_member_double(j, "by_share", s->total_ns ? (double)s->by_ns / (double)s->total_ns : 0);
    json_member_bool(j, "idle", s->is_idle);
    if (s->kind == ANALYSIS_WAIT_LOCK || s->kind == ANALYSIS_WAIT_COLLECTOR)
        json_member(j, "kind", str_of(s->kind == ANALYSIS_WAIT_LOCK ? "lock" : "collector"));
    if (s->n_open)
        json_member_int(j, "open", (int64_t)s->n_open);
    json_close(j, '}');
}

static bool write_blocked(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    struct analysis_site_pairs sites;
    if (!analysis_sites_make(&sites, ask->model->facts))
        return err_nomem(err);
    json_key(j, "blocked");
    json_open(j, '[');
    for (size_t i = 0; i < sites.rows.n && i < BLOCKED_MAX; i++)
        write_site(ask, j, &sites.rows.items[i]);
    json_close(j, ']');
    analysis_site_pairs_release(&sites);
    return true;
}

/* --- all of it --- */

static void write_rest(const struct trace_web_ask *ask, struct json *j)
{
    const struct analysis_facts *f = ask->model->facts;
    const struct analysis_histogram *sched = &f->waits.sched;
    const struct analysis_level *heap = &f->gc.heap;
    trace_web_busy_waits(j, "waits", f, &f->waits.longest_busy, PLACES_MAX);
    trace_web_waits(j, "delays", f, &f->waits.longest_sched, PLACES_MAX);
    trace_web_waits(j, "runs", f, &f->waits.longest_runs, PLACES_MAX);
    trace_web_waits(j, "syscalls", f, &f->waits.longest_syscalls, PLACES_MAX);
    write_tasks(ask, j, f);
    json_key(j, "latency");
    json_open(j, '{');
    json_member_int(j, "p50", analysis_histogram_at(sched, 0.5));
    json_member_int(j, "p99", analysis_histogram_at(sched, 0.99));
    json_member_int(j, "max", sched->max_ns);
    json_member_int(j, "count", (int64_t)sched->count);
    json_member_int(j, "untold", (int64_t)f->waits.n_untold);
    json_close(j, '}');
    json_key(j, "heap");
    json_open(j, '{');
    json_member_int(j, "first", heap->is_known ? (int64_t)heap->first : 0);
    json_member_int(j, "most", heap->is_known ? (int64_t)heap->most : 0);
    json_member_int(j, "last", heap->is_known ? (int64_t)heap->last : 0);
    json_close(j, '}');
}

bool trace_web_overview(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    int64_t n = BUCKETS;
    struct timeline_minimap minimap;
    const struct analysis_facts *f = ask->model->facts;
    if (!trace_query_int(&ask->query, "buckets", 1, BUCKETS_MAX, &n, err) ||
        !timeline_minimap(ask->timeline, (uint32_t)n, &minimap, err))
        return false;
    write_minimap(j, &minimap);
    timeline_minimap_release(&minimap);
    if (!write_states(ask, j, err))
        return false;
    write_procs(j, f);
    write_gc(j, f);
    if (!write_blocked(ask, j, err))
        return false;
    write_rest(ask, j);
    return true;
}
