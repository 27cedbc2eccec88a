#include "analysis/analysis_mmu.h"

#include <string.h>

#define EARLY_MAX (1u << 20)  /* changes that are kept until the first generation is over */
#define PROCS_MAX (1u << 14)  /* more are not believed, */
#define SERIES_MAX (1u << 14) /* nor so many that have come and gone, of each processor */
#define COMPACT_AT (1u << 12) /* changes that are dropped at once */

void analysis_mmu_init(struct analysis_mmu *mmu, unsigned flags, const int64_t *lengths,
                       size_t n_windows)
{
    *mmu = (struct analysis_mmu){.flags = flags, .lengths = lengths, .n_windows = n_windows};
}

void analysis_mmu_release(struct analysis_mmu *mmu)
{
    for (size_t i = 0; i < mmu->series.n; i++) {
        vec_release(&mmu->series.items[i].changes);
        free(mmu->series.items[i].next);
        free(mmu->series.items[i].windows);
    }
    vec_release(&mmu->series);
    vec_release(&mmu->procs);
    vec_release(&mmu->counts);
    map_release(&mmu->marking);
}

/* --- one series --- */

/* Windows come in the order of the series: between two, the share changes evenly. */
static void consider(struct analysis_mmu *mmu, size_t window, struct analysis_mmu_window *w,
                     double util, int64_t at_ns)
{
    if (mmu->muds && w->is_known)
        analysis_mud_add(&mmu->muds[window], w->last, util, (double)(at_ns - w->last_ns));
    if (mmu->worst && !window)
        analysis_worst_add(mmu->worst, w->ns, at_ns, util);
    w->last = util;
    w->last_ns = at_ns;
    if (w->is_known && util >= w->mmu)
        return;
    w->mmu = util;
    w->at_ns = at_ns;
    w->is_known = true;
}

/* The integral from the first change up to a time in the piece that begins with `change`. */
static double integral(const struct analysis_util *change, int64_t time_ns)
{
    return change->cum + change->util * (double)(time_ns - change->time_ns);
}

/* The last change is new: windows that end after the one before it and up to it.  The least
 * is where an edge of the window is at a change. */
static void work_off(struct analysis_mmu *mmu, struct analysis_series *s)
{
    size_t n = s->changes.n;
    const struct analysis_util *items = s->changes.items, *last = &items[n - 1];
    if (mmu->curve && s == mmu->series.items)
        analysis_curve_add(mmu->curve, last[-1].time_ns, last->time_ns, last[-1].util);
    for (size_t i = 0; i < mmu->n_windows; i++) {
        struct analysis_mmu_window *w = &s->windows[i];
        size_t at = (size_t)(s->next[i] - s->dropped);
        for (; at + 1 < n && items[at].time_ns + w->ns <= last->time_ns; at++) {
            double sum = integral(&items[n - 2], items[at].time_ns + w->ns) - items[at].cum;
            consider(mmu, i, w, sum / (double)w->ns, items[at].time_ns);
        }
        s->next[i] = s->dropped + at;
        int64_t begin_ns = last->time_ns - w->ns;
        if (at > 0 && begin_ns >= s->first_ns)
            consider(mmu, i, w, (last->cum - integral(&items[at - 1], begin_ns)) / (double)w->ns,
                     begin_ns);
    }
}

static void compact(struct analysis_mmu *mmu, struct analysis_series *s)
{
    uint64_t least = s->dropped + s->changes.n;
    for (size_t i = 0; i < mmu->n_windows; i++)
        if (s->next[i] < least)
            least = s->next[i];
    if (least < s->dropped + 1 + COMPACT_AT)
        return;
    size_t n = (size_t)(least - 1 - s->dropped); /* the one before is needed still */
    if (n < s->changes.n / 2)
        return;
    memmove(s->changes.items, s->changes.items + n, (s->changes.n - n) * sizeof *s->changes.items);
    s->changes.n -= n;
    s->dropped += n;
}

/* All that was kept back: as if it came now. */
static void start_streaming(struct analysis_mmu *mmu, struct analysis_series *s)
{
    if (s->is_streaming)
        return;
    s->is_streaming = true;
    size_t n = s->changes.n;
    for (size_t i = 0; i < n; i++) {
        struct analysis_util *u = &s->changes.items[i];
        u->cum = i ? integral(u - 1, u->time_ns) : 0;
        s->changes.n = i + 1;
        if (i)
            work_off(mmu, s);
    }
}

static void add_util(struct analysis_mmu *mmu, struct analysis_series *s, int64_t time_ns,
                     double util)
{
    struct analysis_util new = {time_ns, util, 0};
    if (s->changes.n) {
        struct analysis_util *last = &s->changes.items[s->changes.n - 1];
        if (last->util == util)
            return;
        if (last->time_ns == time_ns) {
            if (util < last->util)
                last->util = util;
            return;
        }
        new.cum = integral(last, time_ns);
    } else {
        s->first_ns = time_ns;
    }
    if (!vec_push(&s->changes, new)) {
        mmu->failed = true;
        return;
    }
    if (s->is_streaming) {
        work_off(mmu, s);
        if (s->changes.n > 2 * COMPACT_AT)
            compact(mmu, s);
    } else if (mmu->n_sync > 1 || s->changes.n > EARLY_MAX) {
        start_streaming(mmu, s);
    }
}

static uint32_t new_series(struct analysis_mmu *mmu, int64_t time_ns)
{
    struct analysis_series s = {.next = calloc(mmu->n_windows + 1, sizeof *s.next),
                                .windows = calloc(mmu->n_windows + 1, sizeof *s.windows)};
    if (!s.next || !s.windows || !vec_push(&mmu->series, s)) {
        free(s.next);
        free(s.windows);
        mmu->failed = true;
        return UINT32_MAX;
    }
    struct analysis_series *new = &mmu->series.items[mmu->series.n - 1];
    for (size_t i = 0; i < mmu->n_windows; i++)
        new->windows[i] = (struct analysis_mmu_window){.ns = mmu->lengths[i], .mmu = 1};
    add_util(mmu, new, time_ns, 1);
    return (uint32_t)(mmu->series.n - 1);
}

/* --- what the events say --- */

static bool per_proc(const struct analysis_mmu *mmu)
{
    return mmu->flags & ANALYSIS_MMU_PER_PROC;
}

/* So many processors more are looked at.  False: it is too much. */
static bool take_steps(struct analysis_mmu *mmu, size_t n)
{
    mmu->n_steps += n;
    if (per_proc(mmu) && mmu->n_steps > ANALYSIS_MMU_STEPS_MAX)
        mmu->is_too_much = mmu->failed = true;
    return !mmu->is_too_much;
}

static void set_procs(struct analysis_mmu *mmu, uint64_t n, int64_t time_ns)
{
    size_t n_new = n > mmu->procs.n ? n - mmu->procs.n : 0;
    if (n > PROCS_MAX || (per_proc(mmu) && mmu->series.n + n_new > SERIES_MAX) || mmu->failed)
        return;
    for (size_t i = n; per_proc(mmu) && i < mmu->procs.n; i++)
        add_util(mmu, &mmu->series.items[mmu->procs.items[i].series], time_ns, 0);
    for (; mmu->procs.n > n; mmu->procs.n--)
        mmu->n_gc -= mmu->procs.items[mmu->procs.n - 1].gc > 0;
    while (mmu->procs.n < n) {
        struct analysis_mmu_proc p = {0};
        if (per_proc(mmu) || !mmu->series.n)
            p.series = new_series(mmu, time_ns);
        if (p.series == UINT32_MAX || !vec_push(&mmu->procs, p)) {
            mmu->failed = true;
            return;
        }
    }
    struct analysis_mmu_count count = {time_ns, (int64_t)n};
    if ((!mmu->counts.n || mmu->counts.items[mmu->counts.n - 1].n != count.n) &&
        !vec_push(&mmu->counts, count))
        mmu->failed = true;
}

static bool is_gc(const struct analysis_mmu *mmu, size_t p)
{
    return mmu->stw > 0 || mmu->procs.items[p].gc > 0;
}

/* How it is now, after an event that was on a processor, or on any (all). */
static void record(struct analysis_mmu *mmu, int64_t p, bool all, int64_t time_ns)
{
    size_t n = mmu->procs.n;
    if (!n || mmu->failed)
        return;
    if (!per_proc(mmu)) {
        size_t n_gc = mmu->stw > 0 ? n : mmu->n_gc;
        add_util(mmu, &mmu->series.items[0], time_ns, 1 - (double)n_gc / (double)n);
        return;
    }
    size_t from = all ? 0 : (size_t)p, to = all ? n : from + 1;
    if (!take_steps(mmu, to - from))
        return;
    for (size_t i = from; i < to && (all || (p >= 0 && (uint64_t)p < n)); i++)
        add_util(mmu, &mmu->series.items[mmu->procs.items[i].series], time_ns,
                 is_gc(mmu, i) ? 0 : 1);
}

static void add_gc(struct analysis_mmu *mmu, int64_t p, int by)
{
    if (p < 0 || (uint64_t)p >= mmu->procs.n)
        return;
    int *gc = &mmu->procs.items[p].gc;
    mmu->n_gc -= *gc > 0;
    *gc += by;
    mmu->n_gc += *gc > 0;
}

static void set_marking(struct analysis_mmu *mmu, int64_t g, uint32_t bit, bool is_set)
{
    uint32_t bits = map_get(&mmu->marking, (uint64_t)g);
    bits = bits == MAP_NONE ? 0 : bits;
    if (!map_put(&mmu->marking, (uint64_t)g, is_set ? bits | bit : bits & ~bit))
        mmu->failed = true;
}

/* A range that is met only now has been there since the trace began. */
static void mend_early(struct analysis_mmu *mmu)
{
    struct analysis_series *s = &mmu->series.items[0];
    if (s->is_streaming || mmu->n_mended == PROCS_MAX)
        return;
    mmu->n_mended++;
    size_t count = 0;
    for (size_t i = 0; i < s->changes.n; i++) {
        struct analysis_util *u = &s->changes.items[i];
        while (count + 1 < mmu->counts.n && mmu->counts.items[count + 1].time_ns < u->time_ns)
            count++;
        if (mmu->counts.items[count].n)
            u->util -= 1 / (double)mmu->counts.items[count].n;
        if (u->util < 0)
            u->util = 0;
    }
}

static void on_range(struct analysis_mmu *mmu, const struct trace *trace,
                     const struct trace_event *event)
{
    enum trace_kind kind = trace_event_kind(event);
    int by = kind == TRACE_KIND_RANGE_END ? -1 : 1;
    bool all = false;
    bool is_sweep = event->type >= GOTRACE_GC_SWEEP_ACTIVE && event->type <= GOTRACE_GC_SWEEP_END;
    bool is_assist =
        event->type >= GOTRACE_GC_MARK_ASSIST_ACTIVE && event->type <= GOTRACE_GC_MARK_ASSIST_END;
    is_sweep = is_sweep && (mmu->flags & ANALYSIS_MMU_SWEEP);
    is_assist = is_assist && (mmu->flags & ANALYSIS_MMU_ASSIST);
    if (kind == TRACE_KIND_RANGE_ACTIVE) {
        if (mmu->n_sync > 1)
            return;
        if ((is_sweep || (is_assist && event->g != TRACE_NONE)) && !per_proc(mmu))
            mend_early(mmu);
    }
    if (event->type == GOTRACE_STW_BEGIN || event->type == GOTRACE_STW_END) {
        const char *why = trace_string(trace, (uint32_t)event->args[0], NULL);
        if ((mmu->flags & ANALYSIS_MMU_STW) && strstr(why, "GC")) {
            bool was_stopped = mmu->stw > 0;
            mmu->stw += by;
            all = was_stopped != (mmu->stw > 0);
        }
    } else if (is_sweep || is_assist) {
        add_gc(mmu, event->p, by);
    }
    int64_t g = event->type == GOTRACE_GC_MARK_ASSIST_ACTIVE ? (int64_t)event->args[0] : event->g;
    if (is_assist && g != TRACE_NONE)
        set_marking(mmu, g, 1, by > 0);
    record(mmu, event->p, all, event->time_ns);
}

static bool is_executing(uint8_t state)
{
    return state == TRACE_GO_RUNNING || state == TRACE_GO_SYSCALL;
}

/* A mark worker is told with each run of it, after its start.  (Go's own tool counts it once
 * more each time, so that from the first cycle on nothing is left to the program.) */
static void on_label(struct analysis_mmu *mmu, const struct trace *trace,
                     const struct trace_event *event)
{
    const char *label = trace_string(trace, (uint32_t)event->args[0], NULL);
    if (!(mmu->flags & ANALYSIS_MMU_BACKGROUND) || strncmp(label, "GC ", 3) != 0)
        return;
    /* Those that run where nothing else does take nothing from the program; those that have a
     * processor for themselves do not make its goroutines wait. */
    bool is_worker =
        strcmp(label, "GC (idle)") != 0 && !(per_proc(mmu) && !strcmp(label, "GC (dedicated)"));
    uint32_t bits = map_get(&mmu->marking, (uint64_t)event->g);
    bool was_worker = bits != MAP_NONE && (bits & 2);
    if (is_worker == was_worker)
        return;
    if (bits == MAP_NONE || !(bits & 1))
        add_gc(mmu, event->p, is_worker ? 1 : -1);
    set_marking(mmu, event->g, 2, is_worker);
    record(mmu, event->p, false, event->time_ns);
}

static bool is_range(const struct trace_event *event)
{
    return event->type >= GOTRACE_STW_BEGIN && event->type <= GOTRACE_GC_MARK_ASSIST_END;
}

static void keep(struct analysis_mmu *mmu, const struct trace_event *event)
{
    if (mmu->keep)
        mmu->keep(mmu->keep_arg, event);
}

void analysis_mmu_event(struct analysis_mmu *mmu, const struct trace *trace,
                        const struct trace_event *event, const struct trace_transition *t)
{
    if (t) {
        if (!mmu->marking.n || t->scope != TRACE_SCOPE_GOROUTINE ||
            is_executing(t->from) == is_executing(t->to))
            return;
        uint32_t bits = map_get(&mmu->marking, (uint64_t)t->id);
        if (!bits || bits == MAP_NONE)
            return;
        keep(mmu, event);
        add_gc(mmu, event->p, is_executing(t->to) ? 1 : -1);
        record(mmu, event->p, false, event->time_ns);
        return;
    }
    if (event->type == TRACE_SYNC || event->type == GOTRACE_PROCS_CHANGE ||
        event->type == GOTRACE_GO_LABEL || is_range(event))
        keep(mmu, event);
    switch (event->type) {
    case TRACE_SYNC:
        mmu->n_sync = event->args[0];
        break;
    case GOTRACE_PROCS_CHANGE:
        set_procs(mmu, event->args[0], event->time_ns);
        record(mmu, TRACE_NONE, true, event->time_ns);
        break;
    case GOTRACE_GO_LABEL:
        if (mmu->procs.n)
            on_label(mmu, trace, event);
        break;
    default:
        if (is_range(event) && mmu->procs.n)
            on_range(mmu, trace, event);
        break;
    }
}

void analysis_mmu_end(struct analysis_mmu *mmu, int64_t time_ns)
{
    for (size_t i = 0; i < mmu->procs.n && !mmu->failed; i++)
        add_util(mmu, &mmu->series.items[mmu->procs.items[i].series], time_ns, 0);
    for (size_t i = 0; i < mmu->series.n && !mmu->failed; i++)
        start_streaming(mmu, &mmu->series.items[i]);
    if (mmu->worst)
        analysis_worst_sort(mmu->worst);
}

bool analysis_mmu_at(const struct analysis_mmu *mmu, size_t window, struct analysis_mmu_window *out)
{
    *out = (struct analysis_mmu_window){.ns = mmu->lengths[window], .mmu = 1};
    for (size_t i = 0; i < mmu->series.n; i++) {
        const struct analysis_series *s = &mmu->series.items[i];
        const struct analysis_mmu_window *w = &s->windows[window];
        const struct analysis_util *last = &s->changes.items[s->changes.n - 1];
        int64_t ns = last->time_ns - s->first_ns;
        if (w->is_known) {
            if (!out->is_known || w->mmu < out->mmu)
                *out = *w;
        } else if (ns > 0 && last->cum / (double)ns < out->mmu) {
            out->mmu = last->cum / (double)ns; /* shorter than the window: all of it */
            out->at_ns = s->first_ns;
        }
    }
    return !mmu->failed;
}
