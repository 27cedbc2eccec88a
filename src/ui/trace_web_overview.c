/* What the page says first: the minimap, and what is to blame. */
#include "analysis/analysis_site_pairs.h"
#include "ui/trace_web_sums.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 1000
#define BUCKETS_MAX 4000
#define BLOCKED_MAX 100
#define PLACES_MAX 20
#define HOLDER_SHARE 0.05 /* of a lock's waits, that are ended by who did not wait for it himself  \
                           */

static int64_t ns_of(double share, int64_t of)
{
    return (int64_t)(share * (double)of);
}

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

static void write_place(struct json *j, const struct place *p)
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
        write_place(j, &place);
    }
    json_close(j, ']');
}

/* --- where goroutines waited --- */

/* By reason and where it waited. */
struct site {
    uint32_t reason, site, stack; /* stack: of most of it */
    uint32_t most_waker;          /* name of who woke it */
    uint32_t waker_stack;
    uint64_t count;
    int64_t total_ns, most_ns, by_ns; /* by_ns: woken in the function of waker_stack */
    uint32_t holder_name, holder_stack;
    int64_t holder_ns; /* the most that is woken by who is in another function than site */
    int64_t max_ns, max_at_ns, max_g;
    bool is_idle;
};

struct sites {
    struct map index;
    VEC(struct site) rows;
};

static uint64_t site_key(const struct trace *trace, uint32_t stack)
{
    const struct trace_frame *frame = analysis_site(trace, stack);
    return frame ? hash_u64((uint64_t)frame->func << 32 ^ frame->line) ^ frame->file : 0;
}

static uint64_t function(const struct trace *trace, uint32_t stack)
{
    const struct trace_frame *frame = analysis_site(trace, stack);
    return frame ? frame->func : 0;
}

/* The function in which others were woken, or what the goroutine is called that did it. */
static uint64_t waker_key(const struct trace *trace, const struct analysis_pair *pair)
{
    uint64_t func = function(trace, pair->waker_stack);
    return func ? func : (uint64_t)pair->waker_name << 32;
}

static bool add_pair(struct sites *sites, const struct analysis_facts *f,
                     const struct analysis_pair *pair)
{
    uint64_t key = hash_u64(site_key(f->trace, pair->stack) + pair->reason);
    uint32_t next = (uint32_t)sites->rows.n, row = map_get_or_put(&sites->index, key, next);
    if (row == MAP_NONE ||
        (row == next && !vec_push(&sites->rows, (struct site){.reason = pair->reason})))
        return false;
    struct site *s = &sites->rows.items[row];
    s->count += pair->count;
    s->total_ns += pair->total_ns;
    if (pair->total_ns > s->most_ns) {
        s->most_ns = pair->total_ns;
        s->stack = pair->stack;
        s->most_waker = pair->waker_name;
        s->waker_stack = pair->waker_stack;
    }
    /* Many wait for a lock, and pass it on to each other in the end: who held it is another. */
    if (pair->total_ns > s->holder_ns &&
        waker_key(f->trace, pair) != function(f->trace, pair->stack)) {
        s->holder_ns = pair->total_ns;
        s->holder_name = pair->waker_name;
        s->holder_stack = pair->waker_stack;
    }
    if (pair->max_ns > s->max_ns) {
        s->max_ns = pair->max_ns;
        s->max_at_ns = pair->max_at_ns;
        s->max_g = pair->max_g;
    }
    return true;
}

static int by_total(const void *a, const void *b)
{
    const struct site *x = a, *y = b;
    if (x->is_idle != y->is_idle)
        return x->is_idle ? 1 : -1;
    if (x->total_ns != y->total_ns)
        return x->total_ns > y->total_ns ? -1 : 1;
    return (x->max_at_ns > y->max_at_ns) - (x->max_at_ns < y->max_at_ns);
}

static bool collect(struct sites *sites, const struct analysis_facts *f, struct err *err)
{
    for (size_t i = 0; i < f->waits.pairs.n; i++)
        if (!add_pair(sites, f, &f->waits.pairs.items[i]))
            return err_nomem(err);
    for (size_t i = 0; i < sites->rows.n; i++) {
        struct site *s = &sites->rows.items[i];
        s->is_idle = analysis_is_idle(f, s->reason, s->total_ns, s->count);
    }
    for (size_t i = 0; i < sites->rows.n; i++) {
        struct site *s = &sites->rows.items[i];
        if (s->holder_name && s->holder_ns > ns_of(HOLDER_SHARE, s->total_ns)) {
            s->most_waker = s->holder_name;
            s->waker_stack = s->holder_stack;
        }
    }
    /* How much of it was ended there. */
    for (size_t i = 0; i < f->waits.pairs.n; i++) {
        const struct analysis_pair *pair = &f->waits.pairs.items[i];
        struct site *s = &sites->rows.items[map_get(
            &sites->index, hash_u64(site_key(f->trace, pair->stack) + pair->reason))];
        const struct analysis_pair by = {.waker_name = s->most_waker,
                                         .waker_stack = s->waker_stack};
        if (waker_key(f->trace, pair) == waker_key(f->trace, &by))
            s->by_ns += pair->total_ns;
    }
    if (sites->rows.n)
        qsort(sites->rows.items, sites->rows.n, sizeof *sites->rows.items, by_total);
    return true;
}

static void write_site(const struct trace_web_ask *ask, struct json *j, const struct site *s)
{
    const struct analysis_facts *f = ask->model->facts;
    const struct trace_frame *frame = analysis_site(f->trace, s->stack);
    const struct trace_frame *waker = analysis_site(f->trace, s->waker_stack);
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
                waker           ? string_of(f->trace, waker->func)
                : s->most_waker ? string_of(f->trace, s->most_waker)
                                : STR(""));
    trace_web_member(j, "by_place", &by_place);
    json_member_double(j, "by_share", s->total_ns ? (double)s->by_ns / (double)s->total_ns : 0);
    json_member_bool(j, "idle", s->is_idle);
    json_close(j, '}');
}

static bool write_blocked(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    struct sites sites = {0};
    bool ok = collect(&sites, ask->model->facts, err);
    if (ok) {
        json_key(j, "blocked");
        json_open(j, '[');
        for (size_t i = 0; i < sites.rows.n && i < BLOCKED_MAX; i++)
            write_site(ask, j, &sites.rows.items[i]);
        json_close(j, ']');
    }
    map_release(&sites.index);
    vec_release(&sites.rows);
    return ok;
}

/* --- all of it --- */

static void write_rest(const struct trace_web_ask *ask, struct json *j)
{
    const struct analysis_facts *f = ask->model->facts;
    const struct analysis_histogram *sched = &f->waits.sched;
    const struct analysis_level *heap = &f->gc.heap;
    trace_web_busy_waits(j, "waits", f, &f->waits.longest_blocks, PLACES_MAX,
                         ns_of(ANALYSIS_IDLE_SHARE, analysis_facts_length(f)));
    trace_web_waits(j, "delays", f, &f->waits.longest_sched, PLACES_MAX);
    trace_web_waits(j, "syscalls", f, &f->waits.longest_syscalls, PLACES_MAX);
    write_tasks(ask, j, f);
    json_key(j, "latency");
    json_open(j, '{');
    json_member_int(j, "p50", analysis_histogram_at(sched, 0.5));
    json_member_int(j, "p99", analysis_histogram_at(sched, 0.99));
    json_member_int(j, "max", sched->max_ns);
    json_member_int(j, "count", (int64_t)sched->count);
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
