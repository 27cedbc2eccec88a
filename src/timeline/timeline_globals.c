/* What stands above all tracks, and the minimap. */
#include "timeline/timeline_answer.h"

#include <string.h>

#define MOST_CELLS 65536

struct filling {
    const struct timeline *tl;
    int64_t start_ns, end_ns, step_ns;
    uint32_t n;
    struct timeline_globals *out;
    int64_t now[TIMELINE_N_SERIES];
    int64_t done_ns[TIMELINE_N_SERIES]; /* what is before is in the cells */
};

static void put(struct filling *f, int i, int64_t from_ns, int64_t to_ns, int64_t most,
                int64_t least)
{
    if (from_ns < f->start_ns)
        from_ns = f->start_ns;
    if (to_ns > f->end_ns)
        to_ns = f->end_ns;
    if (from_ns > to_ns || from_ns >= f->end_ns)
        return;
    /* What broken traces say of a goroutine need not fit what it did before. */
    int64_t max = f->tl->series_max[i];
    most = most > max ? max : most < -1 ? -1 : most;
    least = least > max ? max : least < -1 ? -1 : least;
    uint32_t first = (uint32_t)((from_ns - f->start_ns) / f->step_ns);
    uint32_t last = (uint32_t)((to_ns - f->start_ns) / f->step_ns);
    if (last > first && (to_ns - f->start_ns) % f->step_ns == 0)
        last--;
    for (uint32_t k = first; k <= last && k < f->n; k++) {
        int64_t *m = &f->out->series[i].most[k], *l = &f->out->series[i].least[k];
        if (*m == INT64_MIN || most > *m)
            *m = most;
        if (*l == INT64_MIN || least < *l)
            *l = least;
    }
}

/* The value that a series had until now is in the cells. */
static void set(struct filling *f, int i, int64_t now_ns, int64_t value)
{
    put(f, i, f->done_ns[i], now_ns, f->now[i], f->now[i]);
    f->done_ns[i] = now_ns;
    f->now[i] = value;
}

static int series_of(uint8_t state)
{
    switch (state) {
    case TRACE_GO_RUNNING:
        return TIMELINE_N_RUNNING;
    case TRACE_GO_RUNNABLE:
        return TIMELINE_N_RUNNABLE;
    case TRACE_GO_SYSCALL:
        return TIMELINE_N_SYSCALL;
    case TRACE_GO_WAITING:
        return TIMELINE_N_WAITING;
    default:
        return -1;
    }
}

static bool take_events(void *arg, const struct trace_event *events, size_t n)
{
    struct filling *f = arg;
    for (size_t k = 0; k < n; k++) {
        const struct trace_event *e = &events[k];
        int64_t now_ns = (int64_t)((uint64_t)e->time_ns - (uint64_t)f->tl->first_ns);
        struct trace_transition t;
        if (now_ns >= f->end_ns)
            return false;
        if (e->type == GOTRACE_HEAP_ALLOC) {
            set(f, TIMELINE_HEAP, now_ns, (int64_t)e->args[0]);
        } else if (e->type == GOTRACE_HEAP_GOAL) {
            set(f, TIMELINE_GOAL, now_ns, e->args[0] >> 62 ? -1 : (int64_t)e->args[0]);
        } else if (e->type == GOTRACE_PROCS_CHANGE) {
            set(f, TIMELINE_N_PROCS, now_ns, (int32_t)e->args[0]);
        } else if (trace_event_transition(e, &t) && t.scope == TRACE_SCOPE_GOROUTINE &&
                   t.from != t.to && t.from != TRACE_GO_UNDETERMINED) {
            int from = series_of(t.from), to = series_of(t.to);
            if (from >= 0)
                set(f, from, now_ns, f->now[from] - 1);
            if (to >= 0)
                set(f, to, now_ns, f->now[to] + 1);
        }
    }
    return true;
}

/* By making the events again. */
static bool fill_exactly(struct filling *f, size_t from, size_t to)
{
    const struct timeline *tl = f->tl;
    memcpy(f->now, tl->chunks.items[from].series, sizeof f->now);
    for (int i = 0; i < TIMELINE_N_SERIES; i++)
        f->done_ns[i] = tl->stretch_ns.items[from * TIMELINE_STRETCHES];
    if (from == 0)
        memset(f->done_ns, 0, sizeof f->done_ns);
    for (size_t i = from; i <= to; i++)
        if (!timeline_store_replay(&tl->store, i, take_events, f))
            return false;
    int64_t end_ns = f->end_ns < tl->last_ns + 1 ? f->end_ns : tl->last_ns + 1;
    for (int i = 0; i < TIMELINE_N_SERIES; i++)
        set(f, i, end_ns, 0);
    return true;
}

/* By sums of stretches. */
static void fill_by_sums(struct filling *f, size_t from, size_t to)
{
    const struct timeline *tl = f->tl;
    for (size_t k = from * TIMELINE_STRETCHES; k < (to + 1) * TIMELINE_STRETCHES; k++) {
        const struct timeline_stretch *s = &tl->stretches.items[k];
        int64_t begin_ns = tl->stretch_ns.items[k], end_ns = tl->stretch_ns.items[k + 1];
        if (end_ns <= f->start_ns || begin_ns >= f->end_ns || !s->counts[TIMELINE_COUNT_EVENTS])
            continue;
        for (int i = 0; i < TIMELINE_N_SERIES; i++)
            put(f, i, begin_ns, end_ns, i < 2 ? s->most[i] : s->n_most[i - 2],
                i < 2 ? s->least[i] : s->n_least[i - 2]);
    }
}

/* Spans as boxes; those shorter than the step in one cell are one. */
static bool add_spans(struct filling *f, const struct timeline_span *spans, size_t n, uint8_t kind,
                      struct timeline_lane *lane)
{
    const struct timeline *tl = f->tl;
    bool failed = false;
    for (size_t i = 0; i < n; i++) {
        struct timeline_box box = {
            .start_ns = spans[i].start_ns,
            .end_ns = spans[i].end_ns < 0 ? tl->last_ns : spans[i].end_ns,
            .goroutine = spans[i].goroutine,
            .kind = kind,
        };
        if (box.end_ns <= f->start_ns || box.start_ns >= f->end_ns)
            continue;
        struct timeline_box *last = lane->boxes.n ? &lane->boxes.items[lane->boxes.n - 1] : NULL;
        if (last && box.end_ns <= last->end_ns) /* within the one before */
            continue;
        if (last && box.start_ns < last->end_ns)
            box.start_ns = last->end_ns;
        bool is_short = box.end_ns - box.start_ns < f->step_ns;
        if (last && is_short && box.start_ns / f->step_ns == last->start_ns / f->step_ns &&
            (last->joined || last->end_ns - last->start_ns < f->step_ns)) {
            last->busy_ns = (last->joined ? last->busy_ns : last->end_ns - last->start_ns) +
                            box.end_ns - box.start_ns;
            last->joined = last->joined ? last->joined + 1 : 2;
            last->end_ns = box.end_ns;
            continue;
        }
        const char *name =
            kind == TIMELINE_GC ? "GC" : trace_string(tl->trace, spans[i].name, NULL);
        box.name = timeline_texts_add(&f->out->texts, name, &failed);
        if (failed || !vec_push(&lane->boxes, box))
            return false;
    }
    return true;
}

static int64_t *new_cells(struct filling *f)
{
    int64_t *cells = arena_calloc(&f->out->texts.arena, f->n + 1u, sizeof *cells);
    for (uint32_t i = 0; cells && i < f->n; i++)
        cells[i] = INT64_MIN;
    return cells;
}

bool timeline_globals(const struct timeline *tl, int64_t start_ns, int64_t end_ns, int64_t step_ns,
                      struct timeline_globals *out, struct err *err)
{
    struct filling f = {.tl = tl, .start_ns = start_ns, .end_ns = end_ns, .out = out};
    *out = (struct timeline_globals){0};
    f.step_ns = step_ns < 1 ? 1 : step_ns;
    int64_t n = end_ns > start_ns ? (end_ns - start_ns + f.step_ns - 1) / f.step_ns : 0;
    out->n_cells = f.n = n > MOST_CELLS ? MOST_CELLS : (uint32_t)n;
    bool good = timeline_texts_init(&out->texts);
    for (int i = 0; i < TIMELINE_N_SERIES && good; i++) {
        out->series[i].max = tl->series_max[i];
        out->series[i].most = new_cells(&f);
        out->series[i].least = new_cells(&f);
        good = out->series[i].most && out->series[i].least;
    }
    good = good && add_spans(&f, tl->cycles.items, tl->cycles.n, TIMELINE_GC, &out->gc) &&
           add_spans(&f, tl->pauses.items, tl->pauses.n, TIMELINE_STW, &out->stw);
    if (good && tl->chunks.n && f.n) {
        size_t from = timeline_chunk_at(tl, start_ns), to = timeline_chunk_at(tl, end_ns);
        /* One pass on one thread. */
        if (timeline_n_events(tl, from, to) <= tl->exact_events)
            good = fill_exactly(&f, from, to);
        else
            fill_by_sums(&f, from, to);
    }
    for (int i = 0; i < TIMELINE_N_SERIES && good; i++) {
        /* Cells in which nothing is known, behind the end, go on. */
        int64_t last = -1;
        for (uint32_t k = 0; k < f.n; k++) {
            int64_t *m = &out->series[i].most[k], *l = &out->series[i].least[k];
            if (*m == INT64_MIN)
                *m = *l = last;
            last = *m;
        }
    }
    if (good)
        return true;
    timeline_globals_release(out);
    *out = (struct timeline_globals){0};
    return err_nomem(err);
}

void timeline_globals_release(struct timeline_globals *globals)
{
    vec_release(&globals->gc.boxes);
    vec_release(&globals->gc.marks);
    vec_release(&globals->stw.boxes);
    vec_release(&globals->stw.marks);
    timeline_texts_release(&globals->texts);
}

/* ---- minimap ---- */

struct mapping {
    double *busy_ns;
    int64_t step_ns, sum_ns;
    uint32_t n;
};

static void add_busy(struct mapping *m, int64_t start_ns, int64_t end_ns, double share)
{
    if (end_ns <= start_ns)
        return;
    for (int64_t k = start_ns / m->step_ns; k < m->n && k * m->step_ns < end_ns; k++) {
        int64_t from = k * m->step_ns, to = from + m->step_ns;
        from = from < start_ns ? start_ns : from;
        to = to > end_ns ? end_ns : to;
        m->busy_ns[k] += (double)(to - from) * share;
    }
}

static void map_segment(void *arg, const struct timeline_segment *s)
{
    struct mapping *m = arg;
    int64_t busy_ns = s->end_ns - s->start_ns, all_ns = busy_ns;
    if (s->n)
        busy_ns = s->spent_ns[0] + s->spent_ns[1] + s->spent_ns[2];
    m->sum_ns += busy_ns;
    add_busy(m, s->start_ns, s->end_ns, (double)busy_ns / (double)all_ns);
}

static uint8_t to_byte(double share)
{
    return share <= 0 ? 0 : share >= 1 ? 255 : (uint8_t)(share * 255 + 0.5);
}

bool timeline_minimap(const struct timeline *tl, uint32_t n, struct timeline_minimap *out,
                      struct err *err)
{
    n = n < 1 ? 1 : n > MOST_CELLS ? MOST_CELLS : n;
    *out = (struct timeline_minimap){.n = n, .step_ns = tl->last_ns / n + 1};
    struct mapping m = {.step_ns = out->step_ns, .n = n};
    out->busy = calloc(n, 1);
    out->gc = calloc(n, 1);
    out->runnable = calloc(n, sizeof *out->runnable);
    m.busy_ns = calloc(n, sizeof *m.busy_ns);
    struct timeline_chunks chunks = {0};
    struct timeline_sink sink = {&m, map_segment, NULL};
    if (!out->busy || !out->gc || !out->runnable || !m.busy_ns ||
        !timeline_chunks_get(&chunks, tl, TIMELINE_CLASS_PROC, 0, tl->last_ns)) {
        timeline_chunks_release(&chunks);
        free(m.busy_ns);
        timeline_minimap_release(out);
        *out = (struct timeline_minimap){0};
        return err_nomem(err);
    }
    for (uint32_t i = 0; i < tl->procs.n; i++)
        timeline_chunks_segments(&chunks, 2 * i, 0, INT64_MAX, &sink);
    timeline_chunks_release(&chunks);
    out->busy_ns = m.sum_ns;
    for (uint32_t k = 0; k < n && tl->procs.n; k++)
        out->busy[k] = to_byte(m.busy_ns[k] / (double)m.step_ns / (double)tl->procs.n);
    memset(m.busy_ns, 0, n * sizeof *m.busy_ns);
    for (size_t i = 0; i < tl->cycles.n; i++)
        add_busy(&m, tl->cycles.items[i].start_ns,
                 tl->cycles.items[i].end_ns < 0 ? tl->last_ns : tl->cycles.items[i].end_ns, 1);
    for (uint32_t k = 0; k < n; k++)
        out->gc[k] = to_byte(m.busy_ns[k] / (double)m.step_ns);
    free(m.busy_ns);
    struct timeline_globals globals;
    if (!timeline_globals(tl, 0, (int64_t)n * m.step_ns, m.step_ns, &globals, err)) {
        timeline_minimap_release(out);
        *out = (struct timeline_minimap){0};
        return false;
    }
    for (uint32_t k = 0; k < n && k < globals.n_cells; k++) {
        int64_t most = globals.series[TIMELINE_N_RUNNABLE].most[k];
        out->runnable[k] = most > 0 ? (uint32_t)most : 0;
    }
    timeline_globals_release(&globals);
    return true;
}

void timeline_minimap_release(struct timeline_minimap *minimap)
{
    free(minimap->busy);
    free(minimap->gc);
    free(minimap->runnable);
    minimap->busy = minimap->gc = NULL;
    minimap->runnable = NULL;
}
