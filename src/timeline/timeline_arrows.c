/* Arrows: who woke and created whom, and when that one then ran. */
#include "timeline/timeline_answer.h"

#include <string.h>

#define OF_CHUNKS 64 /* that are looked through for one goroutine, where the range is wide */

struct pass {
    const struct timeline *tl;
    const struct timeline_tracks *tracks;
    struct timeline_arrows *out;
    int64_t start_ns, end_ns;
    uint32_t max, of;
    uint32_t stretch;   /* the first that is read: states before it are in the sums */
    struct map pending; /* goroutine -> its arrow, which has no end yet; n: none */
    uint32_t n_pending;
    struct map waits; /* goroutine -> reason of its last wait */
    uint64_t n_found;
    bool failed, is_behind;
};

static uint32_t track_of(const struct pass *f, uint32_t go, int32_t p, int64_t m)
{
    switch (f->tracks->view) {
    case TIMELINE_VIEW_PROC:
        return p == TRACE_NONE
                   ? UINT32_MAX
                   : timeline_tracks_find(f->tracks, TIMELINE_VIEW_PROC,
                                          map_get(&f->tl->proc_of, (uint64_t)(uint32_t)p));
    case TIMELINE_VIEW_THREAD:
        return m == TRACE_NONE ? UINT32_MAX
                               : timeline_tracks_find(f->tracks, TIMELINE_VIEW_THREAD,
                                                      map_get(&f->tl->thread_of, (uint64_t)m));
    default:
        return timeline_tracks_find(f->tracks, TIMELINE_VIEW_GOROUTINE, go);
    }
}

static uint32_t reason_of(struct pass *f, uint32_t go)
{
    uint32_t reason = map_get(&f->waits, go);
    if (reason == MAP_NONE) {
        struct timeline_state state = timeline_lanes_before(&f->tl->lanes[TIMELINE_CLASS_GO],
                                                            f->tl->goes.items[go].lane, f->stretch);
        reason = state.kind == TIMELINE_WAITING ? state.what : 0;
    }
    return timeline_texts_add(&f->out->texts, trace_string(f->tl->trace, reason, NULL), &f->failed);
}

static bool in_range(const struct pass *f, int64_t ns)
{
    return ns >= f->start_ns && ns < f->end_ns;
}

static void begin_arrow(struct pass *f, const struct trace_event *e, int64_t now_ns, bool created)
{
    uint32_t to = timeline_go_of(f->tl, (int64_t)e->args[0]);
    uint32_t from = e->g == TRACE_NONE ? TIMELINE_NONE : timeline_go_of(f->tl, e->g);
    if (to == TIMELINE_NONE || (f->of != TIMELINE_NONE && f->of != to && f->of != from))
        return;
    struct timeline_arrow arrow = {
        .from_ns = now_ns,
        .to_ns = -1,
        .from = track_of(f, from, e->p, e->m),
        .to = UINT32_MAX,
        .from_goroutine = from,
        .to_goroutine = to,
        .created = created,
    };
    if (in_range(f, now_ns) && f->n_found++ >= f->max) {
        arrow.to = UINT32_MAX; /* only counted */
        return;
    }
    arrow.reason = created ? 0 : reason_of(f, to);
    uint32_t before = map_get(&f->pending, to);
    if (before == MAP_NONE || before == UINT32_MAX - 1)
        f->n_pending++;
    if (!map_put(&f->pending, to, (uint32_t)f->out->arrows.n) || !vec_push(&f->out->arrows, arrow))
        f->failed = true;
}

static void end_arrow(struct pass *f, const struct trace_event *e, int64_t now_ns)
{
    uint32_t go = timeline_go_of(f->tl, (int64_t)e->args[0]);
    uint32_t at = go == TIMELINE_NONE ? MAP_NONE : map_get(&f->pending, go);
    if (at == MAP_NONE || at >= f->out->arrows.n)
        return;
    struct timeline_arrow *arrow = &f->out->arrows.items[at];
    (void)map_put(&f->pending, go, UINT32_MAX - 1); /* it is there: no memory is needed */
    f->n_pending--;
    arrow->to_ns = now_ns;
    arrow->to = track_of(f, go, e->p, e->m);
    if (!in_range(f, arrow->from_ns) && in_range(f, now_ns))
        f->n_found++;
}

static bool take_events(void *arg, const struct trace_event *events, size_t n)
{
    struct pass *f = arg;
    for (size_t i = 0; i < n && !f->failed; i++) {
        const struct trace_event *e = &events[i];
        int64_t now_ns = (int64_t)((uint64_t)e->time_ns - (uint64_t)f->tl->first_ns);
        f->is_behind |= now_ns >= f->end_ns;
        if (f->is_behind && !f->n_pending)
            return false;
        switch (e->type) {
        case GOTRACE_GO_UNBLOCK:
        case GOTRACE_GO_SWITCH:
        case GOTRACE_GO_SWITCH_DESTROY:
            if (!f->is_behind)
                begin_arrow(f, e, now_ns, false);
            break;
        case GOTRACE_GO_CREATE:
            if (!f->is_behind)
                begin_arrow(f, e, now_ns, true);
            break;
        case GOTRACE_GO_START:
            if (f->n_pending)
                end_arrow(f, e, now_ns);
            break;
        case GOTRACE_GO_BLOCK:
            if (!f->is_behind && e->g != TRACE_NONE) {
                uint32_t go = timeline_go_of(f->tl, e->g);
                if (go != TIMELINE_NONE && !map_put(&f->waits, go, (uint32_t)e->args[0]))
                    f->failed = true;
            }
            break;
        default:
            break;
        }
    }
    return !f->failed;
}

/* Arrows that begin in stretches which are wholly in the range: at least so many. */
static uint64_t count_inside(const struct timeline *tl, size_t from, size_t to, int64_t start_ns,
                             int64_t end_ns)
{
    uint64_t n = 0;
    for (size_t k = from * TIMELINE_STRETCHES; k < (to + 1) * TIMELINE_STRETCHES; k++)
        if (tl->stretch_ns.items[k] >= start_ns && tl->stretch_ns.items[k + 1] <= end_ns)
            n += tl->stretches.items[k].counts[TIMELINE_COUNT_WAKES] +
                 (uint64_t)tl->stretches.items[k].counts[TIMELINE_COUNT_CREATES];
    return n;
}

/* Chunks of a wide range in which a goroutine changes its state. */
static void read_of(struct pass *f, size_t from, size_t to)
{
    const struct timeline *tl = f->tl;
    const struct timeline_lanes *lanes = &tl->lanes[TIMELINE_CLASS_GO];
    uint32_t lane = tl->goes.items[f->of].lane;
    size_t last = SIZE_MAX;
    unsigned n = 0;
    for (uint32_t i = lanes->begins[lane]; i < lanes->begins[lane + 1] && !f->failed; i++) {
        size_t chunk = lanes->sums[i].stretch / TIMELINE_STRETCHES;
        if (chunk < from || chunk > to || chunk == last)
            continue;
        if (n++ == OF_CHUNKS)
            return;
        last = chunk;
        f->is_behind = false;
        if (!timeline_store_replay(&tl->store, chunk, take_events, f))
            f->failed = true;
    }
}

static int compare(const void *a, const void *b)
{
    const struct timeline_arrow *x = a, *y = b;
    return (x->from_ns > y->from_ns) - (x->from_ns < y->from_ns);
}

bool timeline_arrows(const struct timeline *tl, const struct timeline_tracks *tracks,
                     int64_t start_ns, int64_t end_ns, uint32_t max, uint32_t of,
                     struct timeline_arrows *out, struct err *err)
{
    struct pass f = {.tl = tl,
                     .tracks = tracks,
                     .out = out,
                     .start_ns = start_ns,
                     .end_ns = end_ns,
                     .max = max,
                     .of = of};
    *out = (struct timeline_arrows){0};
    if (!timeline_texts_init(&out->texts)) {
        timeline_texts_release(&out->texts);
        return err_nomem(err);
    }
    if (!tl->chunks.n || start_ns >= end_ns)
        return true;
    size_t from = timeline_chunk_at(tl, start_ns), to = timeline_chunk_at(tl, end_ns - 1);
    uint64_t n = count_inside(tl, from, to, start_ns, end_ns);
    bool is_wide = timeline_n_events(tl, from, to) > tl->exact_events;
    if (of == TIMELINE_NONE && (n > max || is_wide)) {
        out->more = n > max ? n : (uint64_t)max + 1;
        return true;
    }
    /* One chunk more at each side, for arrows that come from or go there. */
    from -= from > 0;
    to += to + 1 < tl->chunks.n;
    f.stretch = (uint32_t)(from * TIMELINE_STRETCHES);
    if (is_wide)
        read_of(&f, from, to);
    for (size_t i = from; !is_wide && i <= to && !f.failed; i++) {
        if (f.is_behind && !f.n_pending)
            break;
        if (!timeline_store_replay(&tl->store, i, take_events, &f))
            f.failed = true;
    }
    map_release(&f.pending);
    map_release(&f.waits);
    size_t kept = 0;
    for (size_t i = 0; i < out->arrows.n; i++)
        if (in_range(&f, out->arrows.items[i].from_ns) || in_range(&f, out->arrows.items[i].to_ns))
            out->arrows.items[kept++] = out->arrows.items[i];
    out->arrows.n = kept;
    if (f.failed) {
        timeline_arrows_release(out);
        *out = (struct timeline_arrows){0};
        return err_nomem(err);
    }
    if (f.n_found > max) {
        out->more = f.n_found;
        vec_clear(&out->arrows);
    }
    if (out->arrows.n)
        qsort(out->arrows.items, out->arrows.n, sizeof *out->arrows.items, compare);
    return true;
}

void timeline_arrows_release(struct timeline_arrows *arrows)
{
    vec_release(&arrows->arrows);
    timeline_texts_release(&arrows->texts);
}
