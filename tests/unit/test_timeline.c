/* The timeline: what it makes again is what came; what it shows is what a plain pass over the
 * events finds, in whatever pieces it is asked for. */
#include "alloc_fail.h"
#include "timeline/timeline_cache.h"
#include "timeline/timeline_index.h"
#include "timeline/timeline_view.h"
#include "trace_samples.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a trace, and what a plain pass finds in it ---- */

struct plain_box {
    int64_t start, end;
    int64_t g; /* id; on a goroutine's lane the same */
    uint8_t kind;
};
struct plain_lane {
    int64_t id;
    VEC(struct plain_box) boxes;
    struct plain_box now; /* kind ABSENT: none */
};
struct loaded {
    struct timeline *tl;
    struct trace *trace;
    VEC(struct trace_event) events;
    VEC(struct plain_lane) procs;
    VEC(struct plain_lane) goes;
    int64_t first_ns, last_ns;
};

static struct plain_lane *lane_of(struct loaded *l, bool proc, int64_t id)
{
    size_t n = proc ? l->procs.n : l->goes.n;
    struct plain_lane *lanes = proc ? l->procs.items : l->goes.items;
    for (size_t i = 0; i < n; i++)
        if (lanes[i].id == id)
            return &lanes[i];
    struct plain_lane new = {.id = id, .now.kind = TIMELINE_ABSENT};
    if (proc) {
        assert_true(vec_push(&l->procs, new));
        return &l->procs.items[n];
    }
    assert_true(vec_push(&l->goes, new));
    return &l->goes.items[n];
}

static void change(struct plain_lane *lane, int64_t now, uint8_t kind, int64_t g)
{
    if (lane->now.kind != TIMELINE_ABSENT && lane->now.start < now) {
        lane->now.end = now;
        assert_true(vec_push(&lane->boxes, lane->now));
    }
    lane->now = (struct plain_box){.start = now, .g = g, .kind = kind};
}

static uint8_t kind_of(uint8_t state)
{
    return state == TRACE_GO_RUNNING    ? TIMELINE_RUNNING
           : state == TRACE_GO_RUNNABLE ? TIMELINE_RUNNABLE
           : state == TRACE_GO_WAITING  ? TIMELINE_WAITING
           : state == TRACE_GO_SYSCALL  ? TIMELINE_SYSCALL
                                        : TIMELINE_ABSENT;
}

static void pass(struct loaded *l)
{
    for (size_t i = 0; i < l->events.n; i++) {
        const struct trace_event *e = &l->events.items[i];
        struct trace_transition t;
        int64_t now = e->time_ns - l->first_ns;
        l->last_ns = now;
        if (!trace_event_transition(e, &t))
            continue;
        if (t.scope == TRACE_SCOPE_PROC) {
            if (t.to == TRACE_PROC_IDLE && t.from != TRACE_PROC_UNDETERMINED)
                change(lane_of(l, true, t.id), now, TIMELINE_ABSENT, -1);
            continue;
        }
        if (t.from == t.to)
            continue;
        struct plain_lane *go = lane_of(l, false, t.id);
        bool is_new = go->now.kind == TIMELINE_ABSENT && !go->boxes.n;
        change(go, t.from == TRACE_GO_UNDETERMINED && is_new ? 0 : now, kind_of(t.to), t.id);
        if (e->p == TRACE_NONE)
            continue;
        struct plain_lane *proc = lane_of(l, true, e->p);
        bool runs = t.to == TRACE_GO_RUNNING ||
                    (t.to == TRACE_GO_SYSCALL && e->type == GOTRACE_GO_SYSCALL_BEGIN);
        if (runs)
            change(proc, now, kind_of(t.to), t.id);
        else if ((t.from == TRACE_GO_RUNNING && e->g == t.id))
            change(proc, now, TIMELINE_ABSENT, -1);
    }
    for (size_t i = 0; i < l->procs.n; i++)
        change(&l->procs.items[i], l->last_ns, TIMELINE_ABSENT, -1);
    for (size_t i = 0; i < l->goes.n; i++)
        change(&l->goes.items[i], l->last_ns, TIMELINE_ABSENT, -1);
}

static bool keep(struct loaded *l, struct trace_reader *reader)
{
    const struct trace_event *events;
    size_t n;
    struct err err = {0};
    while (trace_reader_next(reader, &events, &n, &err) && n) {
        timeline_events(l->tl, events, n);
        for (size_t i = 0; i < n; i++)
            assert_true(vec_push(&l->events, events[i]));
    }
    if (err.code)
        printf("%s\n", err.msg);
    return l->events.n > 0;
}

/* few: stretches and chunks are short, so that there are many. */
static bool load(struct loaded *l, const char *path, bool few)
{
    struct err err = {0};
    *l = (struct loaded){.tl = timeline_new()};
    assert_non_null(l->tl);
    if (few) {
        l->tl->stretch_events = 32;
        l->tl->store.chunk_events = 32 * TIMELINE_STRETCHES;
    }
    struct trace_reader *reader = timeline_open(l->tl, path, &err);
    if (!reader) {
        timeline_free(l->tl);
        return false;
    }
    bool some = keep(l, reader);
    l->trace = trace_reader_take_trace(reader);
    trace_reader_free(reader);
    assert_true(timeline_end(l->tl, &err));
    l->first_ns = some ? l->events.items[0].time_ns : 0;
    pass(l);
    return true;
}

static void unload(struct loaded *l)
{
    timeline_free(l->tl);
    trace_free(l->trace);
    vec_release(&l->events);
    for (size_t i = 0; i < l->procs.n; i++)
        vec_release(&l->procs.items[i].boxes);
    for (size_t i = 0; i < l->goes.n; i++)
        vec_release(&l->goes.items[i].boxes);
    vec_release(&l->procs);
    vec_release(&l->goes);
}

/* ---- what is asked ---- */

struct again {
    const struct loaded *l;
    size_t at;
};

static bool hold(void *arg, const struct trace_event *events, size_t n)
{
    struct again *a = arg;
    for (size_t i = 0; i < n; i++, a->at++) {
        assert_true(a->at < a->l->events.n);
        const struct trace_event *want = &a->l->events.items[a->at];
        assert_int_equal(events[i].time_ns, want->time_ns);
        assert_int_equal(events[i].type, want->type);
        assert_int_equal(events[i].g, want->g);
        assert_int_equal(events[i].m, want->m);
        assert_int_equal(events[i].p, want->p);
        assert_memory_equal(events[i].args, want->args, sizeof want->args);
    }
    return true;
}

static void check_again(const struct loaded *l)
{
    const struct timeline_store *store = &l->tl->store;
    assert_int_equal(store->n_events, l->events.n);
    for (size_t i = store->chunks.n; i-- > 0;) { /* in any order */
        struct again a = {l, store->chunks.items[i].first_event};
        assert_true(timeline_store_replay(store, i, hold, &a));
        assert_int_equal(a.at, store->chunks.items[i].first_event + timeline_store_n(store, i));
    }
}

static bool is_waiting(uint8_t kind)
{
    return kind == TIMELINE_WAITING || kind == TIMELINE_SYNC || kind == TIMELINE_NETWORK ||
           kind == TIMELINE_SLEEP || kind == TIMELINE_WAIT_GC || kind == TIMELINE_IDLE;
}
static uint8_t plain(uint8_t kind)
{
    return is_waiting(kind) ? TIMELINE_WAITING : kind == TIMELINE_GC_WORK ? TIMELINE_RUNNING : kind;
}

static const struct plain_lane *plain_of(const struct loaded *l, enum timeline_view view,
                                         int64_t id)
{
    size_t n = view == TIMELINE_VIEW_PROC ? l->procs.n : l->goes.n;
    const struct plain_lane *lanes = view == TIMELINE_VIEW_PROC ? l->procs.items : l->goes.items;
    for (size_t i = 0; i < n; i++)
        if (lanes[i].id == id)
            return &lanes[i];
    return NULL;
}

static int64_t within(int64_t start, int64_t end, int64_t from, int64_t to)
{
    start = start < from ? from : start;
    end = end > to ? to : end;
    return end > start ? end - start : 0;
}

/* With step 1 the boxes are those of the plain pass. */
static void check_boxes(const struct loaded *l, enum timeline_view view, int64_t from, int64_t to)
{
    struct timeline_selection all = {.view = view};
    struct timeline_tracks tracks;
    struct timeline_tile tile;
    assert_true(timeline_tracks(l->tl, &all, &tracks, NULL));
    assert_true(timeline_tile(l->tl, &tracks, 0, tracks.n, from, to, 1, &tile, NULL));
    for (uint32_t i = 0; i < tile.n_tracks; i++) {
        const struct plain_lane *want = plain_of(l, view, tracks.tracks[i].id);
        size_t k = 0, n = want ? want->boxes.n : 0;
        for (size_t j = 0; j < n; j++) {
            const struct plain_box *b = &want->boxes.items[j];
            if (b->start >= to || b->end <= from)
                continue;
            assert_true(k < tile.tracks[i].lanes[0].boxes.n);
            const struct timeline_box *have = &tile.tracks[i].lanes[0].boxes.items[k++];
            assert_int_equal(have->start_ns, b->start);
            assert_int_equal(have->end_ns, b->end);
            assert_int_equal(plain(have->kind), b->kind);
            assert_int_equal(l->tl->goes.items[have->goroutine].id, b->g);
            assert_int_equal(have->joined, 0);
        }
        assert_int_equal(k, tile.tracks[i].lanes[0].boxes.n);
    }
    timeline_tile_release(&tile);
    timeline_tracks_release(&tracks);
}

/* Joined ones are in order, do not overlap, stand for all boxes and take as much time. */
static void check_joined(const struct loaded *l, enum timeline_view view, int64_t step,
                         bool is_exact)
{
    struct timeline_selection all = {.view = view};
    struct timeline_tracks tracks;
    struct timeline_tile tile;
    int64_t end = (l->last_ns / step + 1) * step;
    assert_true(timeline_tracks(l->tl, &all, &tracks, NULL));
    assert_true(timeline_tile(l->tl, &tracks, 0, tracks.n, 0, end, step, &tile, NULL));
    for (uint32_t i = 0; i < tile.n_tracks; i++) {
        const struct plain_lane *want = plain_of(l, view, tracks.tracks[i].id);
        int64_t busy = 0, busy_want = 0, last = 0;
        size_t n = 0, n_want = want ? want->boxes.n : 0;
        for (size_t j = 0; j < tile.tracks[i].lanes[0].boxes.n; j++) {
            const struct timeline_box *b = &tile.tracks[i].lanes[0].boxes.items[j];
            assert_true(b->start_ns >= last && b->end_ns > b->start_ns);
            last = b->end_ns;
            n += b->joined ? b->joined : 1;
            if (b->joined)
                busy += b->busy_ns;
            else if (view == TIMELINE_VIEW_PROC || plain(b->kind) == TIMELINE_RUNNING)
                busy += b->end_ns - b->start_ns;
        }
        for (size_t j = 0; j < n_want; j++) {
            const struct plain_box *b = &want->boxes.items[j];
            if (view == TIMELINE_VIEW_PROC || b->kind == TIMELINE_RUNNING)
                busy_want += b->end - b->start;
        }
        if (is_exact) {
            assert_int_equal(n, n_want);
            assert_int_equal(busy, busy_want);
        } else {
            int64_t off = busy > busy_want ? busy - busy_want : busy_want - busy;
            assert_true(off <= busy_want / 50 + l->last_ns / 200);
        }
    }
    timeline_tile_release(&tile);
    timeline_tracks_release(&tracks);
}

/* What a goroutine did at a time has the ends that the pass found, and its neighbours. */
static void check_details(const struct loaded *l)
{
    for (size_t i = 0; i < l->goes.n; i++) {
        const struct plain_lane *go = &l->goes.items[i];
        for (size_t k = 0; k < go->boxes.n; k += 1 + go->boxes.n / 4) {
            const struct plain_box *b = &go->boxes.items[k];
            struct timeline_details d;
            uint32_t number = timeline_find_goroutine(l->tl, go->id);
            assert_true(
                timeline_details_of(l->tl, NULL, number, (b->start + b->end) / 2, &d, NULL));
            assert_int_equal(d.box.start_ns, b->start);
            assert_int_equal(d.box.end_ns, b->end);
            assert_int_equal(plain(d.box.kind), b->kind);
            if (k && go->boxes.items[k - 1].end == b->start) {
                assert_true(d.previous.is_there);
                assert_int_equal(d.previous.start_ns, go->boxes.items[k - 1].start);
            }
            if (k + 1 < go->boxes.n && go->boxes.items[k + 1].start == b->end) {
                assert_true(d.next.is_there);
                assert_int_equal(d.next.end_ns, go->boxes.items[k + 1].end);
            }
            timeline_details_release(&d);
        }
    }
}

/* Sums of a part are those of the boxes in it. */
static void check_range(const struct loaded *l, int64_t from, int64_t to)
{
    struct timeline_range range;
    int64_t running = 0, runnable = 0, syscall = 0, total = 0;
    uint64_t n_events = 0;
    if (from >= to)
        return;
    assert_true(timeline_range(l->tl, NULL, from, to, &range, NULL));
    assert_true(range.is_exact);
    for (size_t i = 0; i < l->goes.n; i++)
        for (size_t k = 0; k < l->goes.items[i].boxes.n; k++) {
            const struct plain_box *b = &l->goes.items[i].boxes.items[k];
            int64_t ns = within(b->start, b->end, from, to);
            total += ns;
            running += b->kind == TIMELINE_RUNNING ? ns : 0;
            runnable += b->kind == TIMELINE_RUNNABLE ? ns : 0;
            syscall += b->kind == TIMELINE_SYSCALL ? ns : 0;
        }
    for (size_t i = 0; i < l->events.n; i++) {
        int64_t now = l->events.items[i].time_ns - l->first_ns;
        n_events += now >= from && now < to;
    }
    assert_int_equal(range.all.total, total);
    assert_int_equal(range.all.running, running);
    assert_int_equal(range.all.runnable, runnable);
    assert_int_equal(range.all.syscall, syscall);
    assert_int_equal(range.n_events, n_events);
    for (uint32_t i = 0; i < timeline_stats(l->tl).n_procs; i++) {
        const struct plain_lane *proc = plain_of(l, TIMELINE_VIEW_PROC, range.procs[i].id);
        int64_t busy = 0;
        for (size_t k = 0; proc && k < proc->boxes.n; k++)
            busy += within(proc->boxes.items[k].start, proc->boxes.items[k].end, from, to);
        assert_int_equal(range.procs[i].busy_ns, busy);
    }
    timeline_range_release(&range);
}

/* Everything else, anywhere: it ends, and tells of no more than there is. */
static void check_anywhere(const struct loaded *l)
{
    for (int view = 0; view < 4; view++) {
        struct timeline_selection selection = {.view = (enum timeline_view)view};
        struct timeline_tracks tracks;
        assert_true(timeline_tracks(l->tl, &selection, &tracks, NULL));
        for (int i = 0; i < 12; i++) {
            int64_t from = up_to(l->last_ns), to = from + 1 + up_to(l->last_ns / (1 << i));
            struct timeline_globals globals;
            struct timeline_arrows arrows;
            struct timeline_tile tile;
            struct timeline_details details;
            struct err err = {0};
            int64_t step = 1 + (to - from) / 500;
            assert_true(timeline_globals(l->tl, from, to, step, &globals, NULL));
            for (uint32_t k = 0; k < globals.n_cells; k++)
                for (int s = 0; s < TIMELINE_N_SERIES; s++) {
                    assert_true(globals.series[s].most[k] >= globals.series[s].least[k]);
                    assert_true(globals.series[s].most[k] <= globals.series[s].max);
                    assert_true(globals.series[s].least[k] >= -1);
                }
            timeline_globals_release(&globals);
            assert_true(
                timeline_arrows(l->tl, &tracks, from, to, 100000, TIMELINE_NONE, &arrows, NULL));
            for (size_t k = 0; k < arrows.arrows.n; k++) {
                const struct timeline_arrow *a = &arrows.arrows.items[k];
                assert_true(a->to_ns < 0 || a->to_ns > a->from_ns);
                assert_true((a->from_ns >= from && a->from_ns < to) ||
                            (a->to_ns >= from && a->to_ns < to));
            }
            timeline_arrows_release(&arrows);
            assert_true(timeline_tile(l->tl, &tracks, (uint32_t)up_to(tracks.n), 30, from, to, step,
                                      &tile, NULL));
            timeline_tile_release(&tile);
            if (timeline_details(l->tl, &tracks, (uint32_t)up_to(tracks.n), (uint32_t)up_to(2),
                                 from, &details, &err)) {
                assert_true(details.box.start_ns <= from && details.box.end_ns > from);
                timeline_details_release(&details);
            } else {
                assert_int_equal(err.code, ERR_INPUT);
            }
        }
        timeline_tracks_release(&tracks);
    }
}

static void check_file(const char *path)
{
    for (int few = 0; few < 2; few++) {
        struct loaded l;
        if (!load(&l, path, few))
            return;
        check_again(&l);
        for (int view = TIMELINE_VIEW_PROC; view <= TIMELINE_VIEW_GOROUTINE; view += 2) {
            check_boxes(&l, (enum timeline_view)view, 0, l.last_ns + 1);
            for (int i = 0; i < 10; i++) {
                int64_t from = up_to(l.last_ns), to = from + 1 + up_to(l.last_ns / (1 + i * i));
                check_boxes(&l, (enum timeline_view)view, from, to);
            }
            for (int64_t step = 64; step < l.last_ns; step *= 16)
                check_joined(&l, (enum timeline_view)view, step, true);
        }
        check_details(&l);
        check_range(&l, 0, l.last_ns);
        check_range(&l, l.last_ns / 3, l.last_ns / 2);
        check_anywhere(&l);
        l.tl->exact_events = 0; /* by sums from here on */
        for (int view = TIMELINE_VIEW_PROC; view <= TIMELINE_VIEW_GOROUTINE; view += 2)
            for (int64_t step = 1024; step < l.last_ns; step *= 64)
                check_joined(&l, (enum timeline_view)view, step, false);
        check_anywhere(&l);
        unload(&l);
    }
}

static size_t count_items(const struct timeline_tile *tile)
{
    size_t n = 0;
    for (uint32_t i = 0; i < tile->n_tracks; i++)
        for (uint32_t k = 0; k < tile->tracks[i].n_lanes; k++)
            n += tile->tracks[i].lanes[k].boxes.n + tile->tracks[i].lanes[k].marks.n;
    return n;
}

/* What is too much for a tile is joined more coarsely, and all of its time is still there. */
static void check_bounded(struct loaded *l)
{
    for (int view = 0; view < 3; view++) {
        struct timeline_tracks tracks;
        struct timeline_tile fine, coarse;
        assert_true(timeline_tracks(
            l->tl, &(struct timeline_selection){.view = (enum timeline_view)view}, &tracks, NULL));
        l->tl->tile_items = SIZE_MAX - 1;
        assert_true(timeline_tile(l->tl, &tracks, 0, tracks.n, 0, l->last_ns, 1, &fine, NULL));
        for (size_t most = 1; most < 100000; most *= 7) {
            l->tl->tile_items = most;
            assert_true(
                timeline_tile(l->tl, &tracks, 0, tracks.n, 0, l->last_ns, 1, &coarse, NULL));
            /* A lane has one cell when nothing else helps. */
            size_t n = count_items(&coarse);
            assert_true(n <= most || n <= 33 * 8 * (size_t)tracks.n);
            assert_true(n <= count_items(&fine));
            for (uint32_t i = 0; i < coarse.n_tracks; i++)
                assert_int_equal(coarse.tracks[i].lanes[0].boxes.n > 0,
                                 fine.tracks[i].lanes[0].boxes.n > 0);
            timeline_tile_release(&coarse);
        }
        timeline_tile_release(&fine);
        timeline_tracks_release(&tracks);
    }
    l->tl->tile_items = TIMELINE_TILE_ITEMS;
}

static void test_bounded(void **state)
{
    char path[1024];
    struct loaded l;
    (void)state;
    sample_path(path, "mixed_1_26.trace");
    for (int few = 0; few < 2; few++) {
        assert_true(load(&l, path, few));
        check_bounded(&l);
        l.tl->exact_events = 0; /* from the sums */
        check_bounded(&l);
        unload(&l);
    }
}

static void test_samples(void **state)
{
    (void)state;
    each_sample(check_file);
}

/* ---- a made trace: G1 creates G2, which waits for it and is woken ---- */

struct made {
    struct timeline *tl;
    struct trace *trace;
    uint32_t why, stack[4];
};

static uint32_t made_stack(struct trace *trace, const char *function)
{
    struct trace_frame frame = {.pc = 16,
                                .func = trace_add_string(trace, function, strlen(function)),
                                .file = trace_add_string(trace, "x.go", 4),
                                .line = 7};
    uint32_t number = trace_add_frame(trace, &frame);
    return trace_add_stack(trace, &number, 1);
}

static void add(struct made *m, int64_t time, int64_t g, int32_t p, uint8_t type, uint64_t a,
                uint64_t b, uint64_t c)
{
    struct trace_event e = {
        .time_ns = 1000 + time, .g = g, .m = 100 + p, .p = p, .type = type, .args = {a, b, c}};
    timeline_events(m->tl, &e, 1);
}

/* fail_at: the allocation of the timeline that fails; -1: none.  False: no memory. */
static bool make_but(struct made *m, long fail_at)
{
    m->trace = trace_new();
    assert_non_null(m->trace);
    uint32_t why = m->why = trace_add_string(m->trace, "chan receive", 12);
    uint32_t task = trace_add_string(m->trace, "request", 7);
    uint32_t region = trace_add_string(m->trace, "parse", 5);
    m->stack[1] = made_stack(m->trace, "main.main");
    m->stack[2] = made_stack(m->trace, "main.worker");
    m->stack[3] = made_stack(m->trace, "main.wake");
    alloc_countdown = fail_at;
    if (!(m->tl = timeline_new())) {
        alloc_countdown = -1;
        return false;
    }
    timeline_open_events(m->tl, m->trace);
    add(m, 0, -1, 0, GOTRACE_PROC_STATUS, 0, GOTRACE_PROC_RUNNING, 0);
    add(m, 10, -1, 0, GOTRACE_GO_STATUS, 1, 100, GOTRACE_GO_RUNNING);
    add(m, 15, -1, 1, GOTRACE_PROC_STATUS, 1, GOTRACE_PROC_RUNNING, 0);
    add(m, 100, 1, 0, GOTRACE_GO_CREATE, 2, m->stack[2], m->stack[1]);
    add(m, 150, -1, 1, GOTRACE_GO_START, 2, 1, 0);
    add(m, 160, 2, 1, GOTRACE_USER_TASK_BEGIN, 5, TRACE_NO_TASK, task);
    add(m, 170, 2, 1, GOTRACE_USER_REGION_BEGIN, 5, region, 0);
    add(m, 200, 2, 1, GOTRACE_GO_BLOCK, why, m->stack[2], 0);
    add(m, 300, 1, 0, GOTRACE_GC_BEGIN, 1, 0, 0);
    add(m, 310, 1, 0, GOTRACE_GC_MARK_ASSIST_BEGIN, 0, 0, 0);
    add(m, 350, 1, 0, GOTRACE_GC_MARK_ASSIST_END, 0, 0, 0);
    add(m, 380, 1, 0, GOTRACE_HEAP_ALLOC, 5000, 0, 0);
    add(m, 400, 1, 0, GOTRACE_GO_UNBLOCK, 2, 2, m->stack[3]);
    add(m, 450, -1, 1, GOTRACE_GO_START, 2, 3, 0);
    add(m, 460, 2, 1, GOTRACE_USER_REGION_END, 5, region, 0);
    add(m, 470, 2, 1, GOTRACE_USER_LOG, 5, task, region);
    add(m, 500, 1, 0, GOTRACE_GC_END, 2, 0, 0);
    add(m, 600, 2, 1, GOTRACE_GO_SYSCALL_BEGIN, 1, m->stack[2], 0);
    add(m, 650, 2, 1, GOTRACE_GO_SYSCALL_END, 0, 0, 0);
    add(m, 700, 2, 1, GOTRACE_GO_DESTROY, 0, 0, 0);
    add(m, 800, 1, 0, GOTRACE_GO_STOP, why, m->stack[1], 0);
    add(m, 1000, -1, 0, GOTRACE_PROC_STOP, 0, 0, 0);
    bool good = timeline_end(m->tl, NULL);
    alloc_countdown = -1;
    return good;
}

static void make(struct made *m)
{
    assert_true(make_but(m, -1));
}

static void unmake(struct made *m)
{
    timeline_free(m->tl);
    trace_free(m->trace);
}

struct want {
    int64_t start, end;
    uint8_t kind;
    const char *name;
};

static void check_lane(const struct timeline_tile *tile, uint32_t track, uint32_t lane,
                       const struct want *want, size_t n)
{
    assert_true(lane < tile->tracks[track].n_lanes);
    const struct timeline_lane *have = &tile->tracks[track].lanes[lane];
    assert_int_equal(have->boxes.n, n);
    for (size_t i = 0; i < n; i++) {
        const struct timeline_box *b = &have->boxes.items[i];
        assert_int_equal(b->start_ns, want[i].start);
        assert_int_equal(b->end_ns, want[i].end);
        assert_int_equal(b->kind, want[i].kind);
        assert_string_equal(tile->texts.texts.strings[b->name].p, want[i].name);
    }
}
#define CHECK_LANE(tile, track, lane, ...)                                                         \
    check_lane(tile, track, lane, (const struct want[]){__VA_ARGS__},                              \
               sizeof((const struct want[]){__VA_ARGS__}) / sizeof(struct want))

static void test_boxes(void **state)
{
    struct made m;
    struct timeline_tracks tracks;
    struct timeline_tile tile;
    struct timeline_selection procs = {.view = TIMELINE_VIEW_PROC},
                              goes = {.view = TIMELINE_VIEW_GOROUTINE},
                              tasks = {.view = TIMELINE_VIEW_TASK};
    (void)state;
    make(&m);
    assert_true(timeline_tracks(m.tl, &procs, &tracks, NULL));
    assert_int_equal(tracks.n, 2);
    assert_int_equal(tracks.tracks[0].lanes, 2);
    assert_int_equal(tracks.tracks[1].lanes, 1);
    assert_true(timeline_tile(m.tl, &tracks, 0, 2, 0, 2000, 1, &tile, NULL));
    CHECK_LANE(&tile, 0, 0, {10, 800, TIMELINE_RUNNING, "main.main"});
    CHECK_LANE(&tile, 0, 1, {310, 350, TIMELINE_ASSIST, "mark assist"});
    CHECK_LANE(&tile, 1, 0, {150, 200, TIMELINE_RUNNING, "main.worker"},
               {450, 600, TIMELINE_RUNNING, "main.worker"},
               {600, 650, TIMELINE_SYSCALL, "main.worker"},
               {650, 700, TIMELINE_RUNNING, "main.worker"});
    timeline_tile_release(&tile);
    /* What is shorter than the step and stands in one cell is one: those at 600 and 650. */
    assert_true(timeline_tile(m.tl, &tracks, 1, 1, 0, 1024, 128, &tile, NULL));
    const struct timeline_lane *lane = &tile.tracks[0].lanes[0];
    assert_int_equal(lane->boxes.n, 4); /* 650 begins in the next cell */
    assert_int_equal(lane->boxes.items[0].joined, 0);
    assert_int_equal(lane->boxes.items[0].start_ns, 150);
    assert_int_equal(lane->boxes.items[1].end_ns, 600);
    assert_int_equal(lane->boxes.items[2].joined, 0);
    timeline_tile_release(&tile);
    assert_true(timeline_tile(m.tl, &tracks, 1, 1, 0, 1024, 256, &tile, NULL));
    lane = &tile.tracks[0].lanes[0];
    assert_int_equal(lane->boxes.n, 3);
    assert_int_equal(lane->boxes.items[2].joined, 2);
    assert_int_equal(lane->boxes.items[2].start_ns, 600);
    assert_int_equal(lane->boxes.items[2].end_ns, 768);
    assert_int_equal(lane->boxes.items[2].busy_ns, 100);
    timeline_tile_release(&tile);
    timeline_tracks_release(&tracks);

    assert_true(timeline_tracks(m.tl, &goes, &tracks, NULL));
    assert_int_equal(tracks.n, 2);
    assert_int_equal(tracks.tracks[1].id, 2);
    assert_int_equal(tracks.tracks[1].first_ns, 100);
    assert_int_equal(tracks.tracks[1].last_ns, 700);
    assert_int_equal(tracks.tracks[1].lanes, 2);
    assert_true(timeline_tile(m.tl, &tracks, 0, 2, 0, 2000, 1, &tile, NULL));
    CHECK_LANE(&tile, 0, 0, {0, 800, TIMELINE_RUNNING, "main.main"},
               {800, 1000, TIMELINE_RUNNABLE, "chan receive"});
    CHECK_LANE(
        &tile, 1, 0, {100, 150, TIMELINE_RUNNABLE, ""}, {150, 200, TIMELINE_RUNNING, "main.worker"},
        {200, 400, TIMELINE_SYNC, "chan receive"}, {400, 450, TIMELINE_RUNNABLE, ""},
        {450, 600, TIMELINE_RUNNING, "main.worker"}, {600, 650, TIMELINE_SYSCALL, "main.worker"},
        {650, 700, TIMELINE_RUNNING, "main.worker"});
    CHECK_LANE(&tile, 1, 1, {170, 460, TIMELINE_REGION, "parse"});
    const struct timeline_lane *marks = &tile.tracks[0].lanes[0];
    assert_int_equal(marks->marks.n, 2);
    assert_int_equal(marks->marks.items[0].kind, TIMELINE_MARK_CREATE);
    assert_int_equal(marks->marks.items[1].kind, TIMELINE_MARK_WAKE);
    assert_int_equal(marks->marks.items[1].at_ns, 400);
    assert_int_equal(marks->marks.items[1].goroutine, 1);
    assert_int_equal(tile.tracks[1].lanes[0].marks.n, 1);
    assert_string_equal(tile.texts.texts.strings[tile.tracks[1].lanes[0].marks.items[0].name].p,
                        "request: parse");
    timeline_tile_release(&tile);
    /* A part: the same boxes, with their real ends. */
    assert_true(timeline_tile(m.tl, &tracks, 1, 1, 300, 301, 1, &tile, NULL));
    CHECK_LANE(&tile, 0, 0, {200, 400, TIMELINE_SYNC, "chan receive"});
    CHECK_LANE(&tile, 0, 1, {170, 460, TIMELINE_REGION, "parse"});
    timeline_tile_release(&tile);
    timeline_tracks_release(&tracks);

    assert_true(timeline_tracks(m.tl, &tasks, &tracks, NULL));
    assert_int_equal(tracks.n, 1);
    assert_true(timeline_tile(m.tl, &tracks, 0, 1, 0, 2000, 1, &tile, NULL));
    CHECK_LANE(&tile, 0, 0, {160, 1000, TIMELINE_TASK, "request"});
    CHECK_LANE(&tile, 0, 1, {170, 460, TIMELINE_REGION, "parse"});
    timeline_tile_release(&tile);
    timeline_tracks_release(&tracks);
    unmake(&m);
}

static void test_arrows(void **state)
{
    struct made m;
    struct timeline_tracks tracks;
    struct timeline_arrows arrows;
    struct timeline_selection procs = {.view = TIMELINE_VIEW_PROC};
    (void)state;
    make(&m);
    assert_true(timeline_tracks(m.tl, &procs, &tracks, NULL));
    assert_true(timeline_arrows(m.tl, &tracks, 0, 2000, 10, TIMELINE_NONE, &arrows, NULL));
    assert_int_equal(arrows.arrows.n, 2);
    const struct timeline_arrow *a = arrows.arrows.items;
    assert_true(a[0].created && !a[1].created);
    assert_int_equal(a[0].from_ns, 100);
    assert_int_equal(a[0].to_ns, 150);
    assert_int_equal(a[1].from_ns, 400);
    assert_int_equal(a[1].to_ns, 450);
    assert_int_equal(a[1].from, 0);
    assert_int_equal(a[1].to, 1);
    assert_int_equal(a[1].from_goroutine, 0);
    assert_int_equal(a[1].to_goroutine, 1);
    assert_string_equal(arrows.texts.texts.strings[a[1].reason].p, "chan receive");
    timeline_arrows_release(&arrows);
    /* Either end in the range. */
    assert_true(timeline_arrows(m.tl, &tracks, 440, 500, 10, TIMELINE_NONE, &arrows, NULL));
    assert_int_equal(arrows.arrows.n, 1);
    timeline_arrows_release(&arrows);
    assert_true(timeline_arrows(m.tl, &tracks, 410, 440, 10, TIMELINE_NONE, &arrows, NULL));
    assert_int_equal(arrows.arrows.n, 0);
    timeline_arrows_release(&arrows);
    assert_true(timeline_arrows(m.tl, &tracks, 0, 2000, 1, TIMELINE_NONE, &arrows, NULL));
    assert_int_equal(arrows.arrows.n, 0);
    assert_int_equal(arrows.more, 2);
    timeline_arrows_release(&arrows);
    timeline_tracks_release(&tracks);
    unmake(&m);
}

static void test_details(void **state)
{
    struct made m;
    struct timeline_tracks tracks;
    struct timeline_details d;
    struct timeline_selection procs = {.view = TIMELINE_VIEW_PROC};
    struct err err = {0};
    (void)state;
    make(&m);
    assert_true(timeline_tracks(m.tl, &procs, &tracks, NULL));
    /* The wait: why, where, who ended it. */
    assert_true(timeline_details_of(m.tl, &tracks, 1, 250, &d, NULL));
    assert_int_equal(d.box.kind, TIMELINE_SYNC);
    assert_string_equal(d.texts.texts.strings[d.reason].p, "chan receive");
    assert_int_equal(d.stack, m.stack[2]);
    assert_true(d.is_woken);
    assert_int_equal(d.woken.at_ns, 400);
    assert_int_equal(d.woken.goroutine, 0);
    assert_int_equal(d.woken.stack, m.stack[3]);
    assert_string_equal(d.texts.texts.strings[d.region].p, "parse");
    assert_int_equal(d.task, 5);
    assert_int_equal(d.previous.start_ns, 150);
    assert_int_equal(d.next.end_ns, 450);
    timeline_details_release(&d);
    /* What ran after it, on its processor. */
    assert_true(timeline_details(m.tl, &tracks, 1, 0, 500, &d, NULL));
    assert_int_equal(d.box.start_ns, 450);
    assert_int_equal(d.p, 1);
    assert_int_equal(d.m, 101);
    assert_true(d.is_woken && !d.is_created);
    assert_int_equal(d.woken.at_ns, 400);
    assert_int_equal(d.end_stack, m.stack[2]);
    assert_int_equal(d.logs.n, 1);
    assert_int_equal(d.same_previous.start_ns, 150);
    assert_int_equal(d.same_next.start_ns, 600);
    timeline_details_release(&d);
    /* The first box of it. */
    assert_true(timeline_details(m.tl, &tracks, 1, 0, 160, &d, NULL));
    assert_true(d.is_created && !d.is_woken);
    assert_int_equal(d.created.goroutine, 0);
    assert_int_equal(d.created.stack, m.stack[1]);
    timeline_details_release(&d);
    /* Who woke it. */
    assert_true(timeline_details(m.tl, &tracks, 0, 0, 500, &d, NULL));
    assert_int_equal(d.woke.n, 2);
    assert_true(d.woke.items[0].created);
    assert_int_equal(d.woke.items[1].goroutine, 1);
    assert_int_equal(d.inside[TIMELINE_ASSIST].count, 1);
    assert_int_equal(d.inside[TIMELINE_ASSIST].total_ns, 40);
    timeline_details_release(&d);
    assert_false(timeline_details(m.tl, &tracks, 1, 0, 300, &d, &err));
    assert_int_equal(err.code, ERR_INPUT);
    timeline_tracks_release(&tracks);
    unmake(&m);
}

static void test_sums(void **state)
{
    struct made m;
    struct timeline_range range;
    struct timeline_globals globals;
    struct timeline_minimap minimap;
    struct timeline_hits hits;
    (void)state;
    make(&m);
    struct timeline_stats stats = timeline_stats(m.tl);
    assert_int_equal(stats.duration_ns, 1000);
    assert_int_equal(stats.n_goroutines, 2);
    assert_int_equal(stats.n_wakes, 1);
    assert_int_equal(stats.n_cycles, 1);
    assert_true(timeline_range(m.tl, NULL, 0, 1000, &range, NULL));
    assert_int_equal(range.all.running, 800 + 50 + 150 + 50);
    assert_int_equal(range.all.sync, 200);
    assert_int_equal(range.all.syscall, 50);
    assert_int_equal(range.all.assist, 40);
    assert_int_equal(range.all.sweep, 0);
    assert_int_equal(range.waited.n, 1);
    assert_int_equal(range.waited.items[0].total_ns, 200);
    assert_int_equal(range.n_wakes, 1);
    assert_int_equal(range.n_created, 1);
    assert_int_equal(range.groups.n, 2);
    assert_int_equal(range.groups.items[0].times.running, 800);
    assert_int_equal(range.blocked.n, 1);
    assert_int_equal(range.blocked.items[0].total_ns, 200);
    assert_int_equal(range.blocked.items[0].stack, m.stack[2]);
    assert_int_equal(range.blocked.items[0].by, 0);
    timeline_range_release(&range);

    assert_true(timeline_globals(m.tl, 0, 1000, 100, &globals, NULL));
    assert_int_equal(globals.n_cells, 10);
    assert_int_equal(globals.gc.boxes.n, 1);
    assert_int_equal(globals.gc.boxes.items[0].start_ns, 300);
    static const int64_t running[] = {1, 2, 1, 1, 2, 2, 2, 1, 0, 0};
    for (int i = 0; i < 10; i++) {
        assert_int_equal(globals.series[TIMELINE_N_RUNNING].most[i], running[i]);
        assert_int_equal(globals.series[TIMELINE_HEAP].most[i], i < 3 ? -1 : 5000);
    }
    timeline_globals_release(&globals);

    assert_true(timeline_minimap(m.tl, 10, &minimap, NULL));
    assert_true(minimap.busy_ns == 790 + 50 + 150 + 50 + 50);
    assert_int_equal(minimap.gc[3], 255);
    assert_int_equal(minimap.gc[8], 0);
    static const uint32_t runnable[] = {1, 1, 0, 1, 1, 0, 0, 1, 1, 1};
    for (int i = 0; i < 10; i++)
        assert_int_equal(minimap.runnable[i], runnable[i]);
    timeline_minimap_release(&minimap);

    assert_true(timeline_search(m.tl, NULL, "work", 10, &hits, NULL));
    assert_int_equal(hits.hits.n, 1);
    assert_int_equal(hits.hits.items[0].goroutine, 1);
    timeline_hits_release(&hits);
    assert_true(timeline_search(m.tl, NULL, "G2", 10, &hits, NULL));
    assert_int_equal(hits.hits.n, 1);
    assert_false(hits.hits.items[0].is_function);
    timeline_hits_release(&hits);
    unmake(&m);
}

/* Nothing, and next to nothing. */
static void test_empty(void **state)
{
    struct trace *trace = trace_new();
    (void)state;
    for (int n = 0; n < 2; n++) {
        struct timeline *tl = timeline_new();
        struct timeline_tracks tracks;
        struct timeline_selection all = {.view = TIMELINE_VIEW_GOROUTINE};
        struct timeline_tile tile;
        struct timeline_globals globals;
        struct timeline_range range;
        struct timeline_minimap minimap;
        struct trace_event sync = {.time_ns = 5, .g = -1, .m = -1, .p = -1, .type = TRACE_SYNC};
        timeline_open_events(tl, trace);
        timeline_events(tl, &sync, (size_t)n);
        assert_true(timeline_end(tl, NULL));
        assert_true(timeline_tracks(tl, &all, &tracks, NULL));
        assert_int_equal(tracks.n, 0);
        assert_true(timeline_tile(tl, &tracks, 0, 50, 0, 1000, 16, &tile, NULL));
        timeline_tile_release(&tile);
        assert_true(timeline_globals(tl, 0, 1000, 100, &globals, NULL));
        timeline_globals_release(&globals);
        assert_true(timeline_range(tl, NULL, 0, 1000, &range, NULL));
        timeline_range_release(&range);
        assert_true(timeline_minimap(tl, 100, &minimap, NULL));
        timeline_minimap_release(&minimap);
        timeline_tracks_release(&tracks);
        timeline_free(tl);
    }
    trace_free(trace);
}

/* Whichever allocation fails, it is told and nothing is left behind. */
static void test_no_memory(void **state)
{
    struct made m;
    long n = 0;
    (void)state;
    while (!make_but(&m, n)) {
        unmake(&m);
        n++;
    }
    assert_true(n > 20);
    unmake(&m);
    make(&m);
    struct timeline_selection goes = {.view = TIMELINE_VIEW_GOROUTINE};
    for (int what = 0; what < 7; what++) {
        bool good = false;
        for (n = 0; !good && n < 10000; n++) {
            struct timeline_tracks tracks;
            struct err err = {0};
            /* The cache is made anew. */
            timeline_cache_free(m.tl->cache);
            assert_non_null(m.tl->cache = timeline_cache_new());
            if (what)
                assert_true(timeline_tracks(m.tl, &goes, &tracks, NULL));
            alloc_countdown = n;
            struct timeline_tile tile;
            struct timeline_globals globals;
            struct timeline_arrows arrows;
            struct timeline_details details;
            struct timeline_range range;
            struct timeline_minimap minimap;
            switch (what) {
            case 0:
                if ((good = timeline_tracks(m.tl, &goes, &tracks, &err)))
                    timeline_tracks_release(&tracks);
                break;
            case 1:
                if ((good = timeline_tile(m.tl, &tracks, 0, 2, 0, 900, 4, &tile, &err)))
                    timeline_tile_release(&tile);
                break;
            case 2:
                if ((good = timeline_globals(m.tl, 0, 900, 4, &globals, &err)))
                    timeline_globals_release(&globals);
                break;
            case 3:
                if ((good =
                         timeline_arrows(m.tl, &tracks, 0, 900, 9, TIMELINE_NONE, &arrows, &err)))
                    timeline_arrows_release(&arrows);
                break;
            case 4:
                if ((good = timeline_details(m.tl, &tracks, 1, 0, 500, &details, &err)))
                    timeline_details_release(&details);
                break;
            case 5:
                if ((good = timeline_range(m.tl, NULL, 0, 900, &range, &err)))
                    timeline_range_release(&range);
                break;
            default:
                if ((good = timeline_minimap(m.tl, 10, &minimap, &err)))
                    timeline_minimap_release(&minimap);
                break;
            }
            alloc_countdown = -1;
            if (what)
                timeline_tracks_release(&tracks);
            assert_true(good || err.code == ERR_NOMEM);
        }
        assert_true(good);
    }
    unmake(&m);
}

static void check_damaged(const char *path, int i)
{
    struct loaded l;
    if (!load(&l, path, i % 3 != 0))
        return;
    check_again(&l);
    check_anywhere(&l);
    unload(&l);
}

/* Cut off and damaged: what is read of it is made again, and asked for. */
static void test_broken(void **state)
{
    (void)state;
    each_damaged_sample(40, check_damaged);
}

static void *ask(void *arg)
{
    struct loaded *l = arg;
    check_anywhere(l);
    check_details(l);
    return NULL;
}

/* Several ask at once, and of so much that the cache lets go of it. */
static void test_threads(void **state)
{
    char path[1024];
    pthread_t threads[4];
    struct loaded l;
    (void)state;
    sample_path(path, "mixed_1_24.trace");
    assert_true(load(&l, path, true));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &l), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    unload(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxes),   cmocka_unit_test(test_arrows),
        cmocka_unit_test(test_details), cmocka_unit_test(test_sums),
        cmocka_unit_test(test_empty),   cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_samples), cmocka_unit_test(test_broken),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
