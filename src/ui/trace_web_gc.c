/* The garbage collector: cycles and pauses, and what it leaves to the program. */
#include "ui/trace_web_mmu.h"
#include "ui/trace_web_sums.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 5000

/* --- cycles and pauses --- */

static int64_t end_of(const struct trace_web_ask *ask, const struct timeline_span *span)
{
    return span->end_ns < 0 ? ask->model->stats.duration_ns : span->end_ns;
}

struct stops {
    const struct timeline_span *spans;
    uint32_t n, at; /* at: those before it are over when the next cycle begins */
};

/* Time of the stops in [start, end). */
static int64_t stopped(const struct trace_web_ask *ask, struct stops *stops, int64_t start,
                       int64_t end, int64_t *longest)
{
    int64_t sum = 0;
    *longest = 0;
    while (stops->at < stops->n && end_of(ask, &stops->spans[stops->at]) <= start)
        stops->at++;
    for (uint32_t i = stops->at; i < stops->n && stops->spans[i].start_ns < end; i++) {
        int64_t ns = end_of(ask, &stops->spans[i]) - stops->spans[i].start_ns;
        sum += ns;
        *longest = ns > *longest ? ns : *longest;
    }
    return sum;
}

/* Why it began, by who began it; "": not known. */
static const char *reason_of(const struct trace *trace, uint32_t stack)
{
    static const struct {
        const char *function, *reason;
    } known[] = {{"runtime.GC", "forced"},
                 {"runtime.mallocgc", "heap"},
                 {"runtime.(*mheap).alloc", "heap"},
                 {"runtime.forcegchelper", "timer"}};
    const struct trace_stack s = trace_stack(trace, stack);
    for (uint32_t i = 0; i < s.n_frames; i++) {
        const char *name = trace_string(trace, trace_frame(trace, s.frames[i])->func, NULL);
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            if (!strcmp(name, known[k].function))
                return known[k].reason;
    }
    return "";
}

static int64_t end_of_cycle(const struct analysis_facts *f, const struct analysis_ledger_cycle *c)
{
    return c->end_ns == ANALYSIS_NEVER ? f->last_ns : c->end_ns;
}

static void write_cycle(const struct trace_web_ask *ask, struct json *j,
                        const struct analysis_ledger_cycle *c, struct stops *stops)
{
    const struct analysis_facts *f = ask->model->facts;
    int64_t longest, start = c->start_ns - f->first_ns, end = end_of_cycle(f, c) - f->first_ns;
    int64_t pauses = stopped(ask, stops, start, end, &longest);
    double of = (double)(end - start) * ask->model->stats.n_procs;
    double share = of > 0 ? (double)(c->worker_ns + c->assist_ns) / of : 0;
    json_open(j, '{');
    json_member_int(j, "start", start);
    json_member_int(j, "length", end - start);
    json_member(j, "reason", str_of(reason_of(ask->trace, c->stack)));
    json_member_int(j, "pauses", pauses);
    json_member_int(j, "longest", longest);
    json_member_int(j, "workers", c->worker_ns);
    json_member_int(j, "assists", c->assist_ns);
    json_member_int(j, "sweep", c->sweep_ns);
    json_member_double(j, "share", share < 1 ? share : 1);
    json_member_int(j, "heap_before", (int64_t)c->heap_before);
    json_member_int(j, "heap_after", (int64_t)c->heap_after);
    json_member_int(j, "goal", (int64_t)c->goal);
    json_close(j, '}');
}

static void write_cycles(const struct trace_web_ask *ask, struct json *j, struct stops *stops)
{
    const struct analysis_ledger *l = &ask->model->ledger;
    size_t n = l->cycles.n, shown = n < ROWS_MAX ? n : ROWS_MAX;
    int64_t active = 0;
    for (size_t i = 0; i < n; i++)
        active +=
            end_of_cycle(ask->model->facts, &l->cycles.items[i]) - l->cycles.items[i].start_ns;
    json_member_int(j, "active", active);
    json_key(j, "cycles");
    json_open(j, '[');
    for (size_t i = 0; i < shown; i++)
        write_cycle(ask, j, &l->cycles.items[i], stops);
    json_close(j, ']');
    json_member_int(j, "more_cycles", (int64_t)(n - shown));
}

static void write_pauses(const struct trace_web_ask *ask, struct json *j, const struct stops *stops)
{
    uint32_t shown = stops->n < ROWS_MAX ? stops->n : ROWS_MAX;
    int64_t paused = 0, longest = 0;
    for (uint32_t i = 0; i < stops->n; i++) {
        int64_t ns = end_of(ask, &stops->spans[i]) - stops->spans[i].start_ns;
        paused += ns;
        longest = ns > longest ? ns : longest;
    }
    json_member_int(j, "paused", paused);
    json_member_int(j, "longest", longest);
    json_key(j, "pauses");
    json_open(j, '[');
    for (uint32_t i = 0; i < shown; i++) {
        const struct timeline_span *s = &stops->spans[i];
        json_open(j, '{');
        json_member_int(j, "start", s->start_ns);
        json_member_int(j, "length", end_of(ask, s) - s->start_ns);
        trace_web_string(j, "name", ask->trace, s->name);
        json_member_int(j, "g", trace_web_id(ask, s->goroutine));
        json_close(j, '}');
    }
    json_close(j, ']');
    json_member_int(j, "more_pauses", stops->n - shown);
}

static void write_kinds(const struct trace_web_ask *ask, struct json *j)
{
    const struct analysis_gc *gc = &ask->model->facts->gc;
    json_key(j, "by_pause");
    json_open(j, '[');
    for (size_t i = 0; i < gc->kinds.n; i++) {
        json_open(j, '{');
        trace_web_string(j, "name", ask->trace, gc->kinds.items[i].kind);
        trace_web_spread(j, "spread", &gc->kinds.items[i].lengths);
        json_close(j, '}');
    }
    json_close(j, ']');
    trace_web_histogram(j, "histogram", &gc->pauses);
}

bool trace_web_gc(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    struct stops stops = {0};
    (void)err;
    stops.spans = timeline_pauses(ask->timeline, &stops.n);
    json_member_int(j, "duration", ask->model->stats.duration_ns);
    write_cycles(ask, j, &stops);
    write_pauses(ask, j, &stops);
    write_kinds(ask, j);
    return true;
}

/* --- what is left to the program --- */

/* Of what was kept while the trace was read; of a trace with very many of those events by reading
 * it once more. */
static bool work_out(const struct trace_web_ask *ask, struct trace_web_mmu *m, unsigned flags,
                     bool has_mut, int64_t window_ns, struct err *err)
{
    const struct trace_web_model *model = ask->model;
    const struct trace_event *events;
    size_t n = 0;
    struct err broken = {0};
    trace_web_mmu_begin(m, flags, window_ns);
    if (has_mut && !trace_web_mmu_with_mud(m, err))
        return false;
    if (trace_web_mmu_again(m, &model->mmu, &model->gc_events, model->trace))
        return trace_web_mmu_end(m, err);
    struct trace_reader *reader = trace_web_load_again(ask->site->load, err);
    if (!reader)
        return false;
    while (trace_reader_next(reader, &events, &n, &broken) && n)
        trace_web_mmu_events(m, trace_reader_trace(reader), events, n);
    trace_reader_free(reader);
    return trace_web_mmu_end(m, err);
}

/* As Go names them: for 99.9% of the time it is at least so. */
static void write_quantiles(const struct trace_web_mmu *m, const struct analysis_mmu_window *w,
                            size_t n, struct json *j)
{
    static const struct {
        const char *name;
        double quantile;
    } wanted[] = {{"99.9%ile", 0.001}, {"99%ile", 0.01}, {"95%ile", 0.05}};
    json_key(j, "quantiles");
    json_open(j, '[');
    for (size_t k = 0; m->mmu.muds && k < sizeof wanted / sizeof *wanted; k++) {
        json_open(j, '{');
        json_member(j, "name", str_of(wanted[k].name));
        json_key(j, "values");
        json_open(j, '[');
        for (size_t i = 0; i < n; i++)
            json_double(
                j, fmax(w[i].mmu, analysis_mud_at(&m->mmu.muds[i], wanted[k].quantile, w[i].mmu)));
        json_close(j, ']');
        json_close(j, '}');
    }
    json_close(j, ']');
}

static bool write_mmu(const struct trace_web_mmu *m, struct json *j, struct err *err)
{
    struct analysis_mmu_window w[TRACE_WEB_MMU_WINDOWS];
    size_t n = 0;
    for (int i = 0; i < TRACE_WEB_MMU_WINDOWS; i++) {
        if (!analysis_mmu_at(&m->mmu, (size_t)i, &w[i]))
            return err_nomem(err);
        if (m->lengths[i] <= m->last_ns - m->first_ns)
            n = (size_t)i + 1;
    }
    TRACE_WEB_COLUMN(j, "windows", n, m->lengths[i]);
    json_key(j, "mmu");
    json_open(j, '[');
    for (size_t i = 0; i < n; i++)
        json_double(j, w[i].mmu);
    json_close(j, ']');
    write_quantiles(m, w, n, j);
    json_key(j, "utilization");
    json_open(j, '{');
    uint32_t cells = analysis_curve_n(&m->curve);
    TRACE_WEB_COLUMN(j, "at", cells,
                     m->curve.first_ns + (int64_t)i * m->curve.step_ns - m->first_ns);
    json_key(j, "share");
    json_open(j, '[');
    for (uint32_t i = 0; i < cells; i++)
        json_double(j, analysis_curve_at(&m->curve, i));
    json_close(j, ']');
    json_close(j, '}');
    return true;
}

bool trace_web_mmu(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    unsigned flags;
    bool has_mut;
    if (!trace_web_mmu_flags(trace_query_text(&ask->query, "flags"), &flags, &has_mut, err))
        return false;
    if (flags == ask->model->mmu.flags && !has_mut)
        return write_mmu(&ask->model->mmu, j, err);
    struct trace_web_mmu *m = malloc(sizeof *m);
    if (!m)
        return err_nomem(err);
    bool ok = work_out(ask, m, flags, has_mut, 0, err) && write_mmu(m, j, err);
    trace_web_mmu_release(m);
    free(m);
    return ok;
}

/* Windows in which nothing is missing are left out; there is always one, the least. */
static void write_worst(struct trace_web_mmu *m, const struct analysis_mmu_window *least,
                        int64_t window_ns, struct json *j)
{
    if (!m->worst.n)
        m->worst = (struct analysis_worst){1, {{least->at_ns, least->mmu}}};
    json_member_int(j, "window", window_ns);
    json_key(j, "worst");
    json_open(j, '[');
    for (size_t i = 0; i < m->worst.n; i++) {
        json_open(j, '{');
        json_member_int(j, "start", m->worst.windows[i].at_ns - m->first_ns);
        json_member_double(j, "share", m->worst.windows[i].share);
        json_close(j, '}');
    }
    json_close(j, ']');
}

bool trace_web_mmuworst(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    unsigned flags;
    bool has_mut;
    int64_t window_ns = 0;
    struct analysis_mmu_window least;
    if (!trace_web_mmu_flags(trace_query_text(&ask->query, "flags"), &flags, &has_mut, err) ||
        !trace_query_duration(&ask->query, "window", &window_ns, err))
        return false;
    if (window_ns <= 0)
        return err_set(err, ERR_USAGE, "the parameter window is needed");
    struct trace_web_mmu *m = malloc(sizeof *m);
    if (!m)
        return err_nomem(err);
    bool ok = work_out(ask, m, flags, false, window_ns, err) &&
              (analysis_mmu_at(&m->mmu, 0, &least) || err_nomem(err));
    if (ok)
        write_worst(m, &least, window_ns, j);
    trace_web_mmu_release(m);
    free(m);
    return ok;
}

/* --- between runnable and running --- */

#define LONGEST_MAX 50
#define FUNCTIONS_MAX 200

static int by_total(const void *a, const void *b)
{
    const struct analysis_go_group *x = *(const struct analysis_go_group *const *)a;
    const struct analysis_go_group *y = *(const struct analysis_go_group *const *)b;
    if (x->sched.total_ns != y->sched.total_ns)
        return x->sched.total_ns > y->sched.total_ns ? -1 : 1;
    return (x->name > y->name) - (x->name < y->name);
}

static bool write_functions(const struct trace_web_ask *ask, struct json *j,
                            const struct analysis_facts *f, struct err *err)
{
    size_t n = f->waits.groups.n;
    const struct analysis_go_group **order = arena_calloc(ask->arena, n + 1, sizeof *order);
    if (!order)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++)
        order[i] = &f->waits.groups.items[i];
    qsort(order, n, sizeof *order, by_total);
    json_key(j, "functions");
    json_open(j, '[');
    for (size_t i = 0; i < n && i < FUNCTIONS_MAX && order[i]->sched.count; i++) {
        json_open(j, '{');
        trace_web_string(j, "name", f->trace, order[i]->name);
        trace_web_spread(j, "spread", &order[i]->sched);
        json_close(j, '}');
    }
    json_close(j, ']');
    return true;
}

static bool write_latency(const struct trace_web_ask *ask, struct json *j,
                          const struct analysis_facts *f, struct err *err)
{
    trace_web_spread(j, "spread", &f->waits.sched);
    json_member_int(j, "untold", (int64_t)f->waits.n_untold);
    trace_web_histogram(j, "histogram", &f->waits.sched);
    trace_web_waits(j, "longest", f, &f->waits.longest_sched, LONGEST_MAX);
    return write_functions(ask, j, f, err);
}

bool trace_web_latency(const struct trace_web_ask *ask, struct json *j, struct err *err)
{
    const struct trace_query *q = &ask->query;
    if (!q->has_range)
        return write_latency(ask, j, ask->model->facts, err);
    struct analysis_facts *facts = NULL;
    const struct analysis_options options = {
        .start_ns = q->start_ns > 0 ? q->start_ns : 0,
        .end_ns = q->end_ns < ask->model->stats.duration_ns ? (q->end_ns > 0 ? q->end_ns : 1) : 0,
        .n_rows = LONGEST_MAX,
        .facts = &facts};
    struct analysis_task task = {.ops = analysis_find(ANALYSIS_SUMMARY, "latency")};
    bool ok = trace_web_load_part(ask->site->load, &options, &task, err) &&
              write_latency(ask, j, facts, err);
    analysis_release(&task, 1);
    return ok;
}
