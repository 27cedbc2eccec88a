#include "timeline/timeline_replay.h"

#include "timeline/timeline_index.h"

#include <stdlib.h>
#include <string.h>

#define RECENT 1024

struct held {
    uint8_t bits;
    bool has_depth;
    uint16_t depth;
};

struct replay {
    const struct timeline *tl;
    enum timeline_class class;
    uint32_t stretch; /* the chunk's first */
    bool failed;
    VEC(struct timeline_state) changes;
    VEC(uint32_t) lane_of; /* of each, an index of lanes */
    VEC(uint32_t) lanes;   /* as they come */
    struct map lane_at;
    struct timeline_machine_proc *procs;
    VEC(struct held) held;
    struct map held_of;
    struct held none;
    uint32_t recent_lane, recent_at;
    struct {
        int64_t id;
        uint32_t number;
    } recent_goes[RECENT], recent_threads[64];
};

static uint32_t go_number(void *arg, int64_t id, bool make)
{
    struct replay *r = arg;
    size_t slot = (uint64_t)id % RECENT;
    (void)make;
    if (r->recent_goes[slot].id == id && r->recent_goes[slot].number != TIMELINE_NONE)
        return r->recent_goes[slot].number;
    r->recent_goes[slot].id = id;
    return r->recent_goes[slot].number = timeline_go_of(r->tl, id);
}

static uint32_t proc_number(void *arg, int32_t id)
{
    struct replay *r = arg;
    /* Mostly they come in their order. */
    if ((uint32_t)id < r->tl->procs.n && r->tl->procs.items[id] == id)
        return (uint32_t)id;
    return map_get(&r->tl->proc_of, (uint64_t)(uint32_t)id);
}

static uint32_t thread_number(void *arg, int64_t id)
{
    struct replay *r = arg;
    size_t slot = (uint64_t)id % 64;
    if (r->recent_threads[slot].id == id && r->recent_threads[slot].number != TIMELINE_NONE)
        return r->recent_threads[slot].number;
    r->recent_threads[slot].id = id;
    return r->recent_threads[slot].number = map_get(&r->tl->thread_of, (uint64_t)id);
}

static struct timeline_machine_proc *proc_state(void *arg, uint32_t proc)
{
    struct replay *r = arg;
    return &r->procs[proc];
}

static bool is_first(void *arg, uint32_t go, int64_t now_ns, uint8_t kind)
{
    const struct replay *r = arg;
    const struct timeline_go *g = &r->tl->goes.items[go];
    return g->seen_ns == now_ns && g->initial == kind;
}

static struct held *held_of(struct replay *r, uint32_t go, bool make)
{
    uint32_t at = map_get(&r->held_of, go);
    if (at == MAP_NONE && make) {
        at = (uint32_t)r->held.n;
        if (!vec_push(&r->held, (struct held){0}) || !map_put(&r->held_of, go, at))
            r->failed = true;
    }
    if (at == MAP_NONE || at >= r->held.n)
        return &r->none;
    return &r->held.items[at];
}

static uint8_t *held(void *arg, uint32_t go)
{
    struct replay *r = arg;
    /* Who has no lane for it holds nothing. */
    bool has_lanes = r->tl->lane_of.items[r->tl->goes.items[go].lane].next != TIMELINE_NO_LANE;
    r->none = (struct held){0};
    return has_lanes ? &held_of(r, go, true)->bits : &r->none.bits;
}

static uint32_t within_lane(void *arg, uint32_t go)
{
    const struct replay *r = arg;
    return timeline_lane_numbered(r->tl, go, TIMELINE_LANE_WITHIN);
}

static uint32_t region_lane(void *arg, uint32_t go, bool begins)
{
    struct replay *r = arg;
    struct held *h = held_of(r, go, true);
    if (!h->has_depth) {
        h->has_depth = true;
        for (unsigned i = 0; i < TIMELINE_REGION_LANES; i++) {
            uint32_t lane = timeline_lane_numbered(r->tl, go, TIMELINE_LANE_REGIONS + i);
            if (lane == TIMELINE_NO_LANE ||
                timeline_lanes_before(&r->tl->lanes[TIMELINE_CLASS_GO], lane, r->stretch).kind ==
                    TIMELINE_ABSENT)
                break;
            h->depth = (uint16_t)(i + 1);
        }
    }
    if (begins ? h->depth == UINT16_MAX : h->depth == 0)
        return TIMELINE_NO_LANE;
    unsigned depth = begins ? h->depth++ : --h->depth;
    return depth >= TIMELINE_REGION_LANES
               ? TIMELINE_NO_LANE
               : timeline_lane_numbered(r->tl, go, TIMELINE_LANE_REGIONS + depth);
}

static uint32_t task_number(void *arg, uint64_t id)
{
    const struct replay *r = arg;
    return map_get(&r->tl->task_of, id);
}

static uint32_t lane_of_go(void *arg, uint32_t go)
{
    const struct replay *r = arg;
    return r->tl->goes.items[go].lane;
}

static void change(void *arg, enum timeline_class class, uint32_t lane, int64_t since_ns,
                   uint8_t kind, uint32_t what, uint32_t g)
{
    struct replay *r = arg;
    if (class != r->class || lane >= r->tl->lanes[class].n)
        return;
    uint32_t at = r->recent_at;
    if (lane != r->recent_lane) {
        uint32_t new = (uint32_t)r->lanes.n;
        at = map_get_or_put(&r->lane_at, lane, new);
        if (at == MAP_NONE || (at == new && !vec_push(&r->lanes, lane))) {
            r->failed = true;
            return;
        }
        r->recent_lane = lane;
        r->recent_at = at;
    }
    if (!vec_reserve(&r->changes, r->changes.n + 1) || !vec_push(&r->lane_of, at)) {
        r->failed = true;
        return;
    }
    struct timeline_state *state = &r->changes.items[r->changes.n++];
    state->since_ns = since_ns;
    state->what = what;
    state->g = g;
    state->kind = kind;
}

static const struct timeline_machine_ops ops = {
    .go = go_number,
    .proc = proc_number,
    .thread = thread_number,
    .proc_state = proc_state,
    .is_first = is_first,
    .held = held,
    .within_lane = within_lane,
    .region_lane = region_lane,
    .task = task_number,
    .change = change,
};

/* Marks stand on the lane of whom the event is of. */
static void mark(struct replay *r, const struct trace_event *e, int64_t now_ns,
                 enum timeline_mark_kind kind, uint32_t what, uint32_t g)
{
    uint32_t lane = TIMELINE_NONE;
    if (r->class == TIMELINE_CLASS_PROC && e->p != TRACE_NONE) {
        uint32_t proc = proc_number(r, e->p);
        lane = proc == TIMELINE_NONE ? TIMELINE_NONE : 2 * proc;
    } else if (r->class == TIMELINE_CLASS_THREAD && e->m != TRACE_NONE) {
        lane = thread_number(r, e->m);
    } else if (r->class == TIMELINE_CLASS_GO && e->g != TRACE_NONE) {
        uint32_t go = go_number(r, e->g, false);
        lane = go == TIMELINE_NONE ? TIMELINE_NONE : lane_of_go(r, go);
    }
    if (lane != TIMELINE_NONE)
        change(r, r->class, lane, now_ns, (uint8_t)(TIMELINE_MARK + kind), what, g);
}

static void add_marks(struct replay *r, const struct trace_event *e, int64_t now_ns)
{
    switch (e->type) {
    case GOTRACE_GO_UNBLOCK:
    case GOTRACE_GO_SWITCH:
    case GOTRACE_GO_SWITCH_DESTROY:
        mark(r, e, now_ns, TIMELINE_MARK_WAKE, 0, go_number(r, (int64_t)e->args[0], false));
        break;
    case GOTRACE_GO_CREATE:
    case GOTRACE_GO_CREATE_BLOCKED:
        mark(r, e, now_ns, TIMELINE_MARK_CREATE, 0, go_number(r, (int64_t)e->args[0], false));
        break;
    case GOTRACE_USER_LOG:
        mark(r, e, now_ns, TIMELINE_MARK_LOG, (uint32_t)e->args[1], (uint32_t)e->args[2]);
        break;
    case GOTRACE_CPU_SAMPLE:
        mark(r, e, now_ns, TIMELINE_MARK_SAMPLE, (uint32_t)e->args[0], TIMELINE_NONE);
        break;
    default:
        break;
    }
}

static bool take_events(void *arg, const struct trace_event *events, size_t n)
{
    struct replay *r = arg;
    for (size_t i = 0; i < n; i++) {
        int64_t now_ns = (int64_t)((uint64_t)events[i].time_ns - (uint64_t)r->tl->first_ns);
        add_marks(r, &events[i], now_ns);
        timeline_machine_event(&ops, r, lane_of_go, &events[i], now_ns);
    }
    return !r->failed;
}

static void begin(struct replay *r, size_t chunk)
{
    const struct timeline *tl = r->tl;
    memset(r->recent_goes, 0xff, sizeof r->recent_goes);
    memset(r->recent_threads, 0xff, sizeof r->recent_threads);
    r->recent_lane = TIMELINE_NO_LANE;
    for (size_t i = 0; i < tl->procs.n; i++) {
        const struct timeline_lanes *lanes = &tl->lanes[TIMELINE_CLASS_PROC];
        r->procs[i] = (struct timeline_machine_proc){
            .g = timeline_lanes_before(lanes, (uint32_t)(2 * i), r->stretch).g,
            .sweeps = timeline_lanes_before(lanes, (uint32_t)(2 * i + 1), r->stretch).kind ==
                      TIMELINE_SWEEP};
    }
    size_t end = chunk + 1 < tl->chunks.n ? tl->chunks.items[chunk + 1].first_held : tl->held.n;
    for (size_t i = tl->chunks.items[chunk].first_held; i < end; i++)
        held_of(r, tl->held.items[i].goroutine, true)->bits = tl->held.items[i].bits;
}

static int compare_lanes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* By lane; what changes nothing is left out, as in the sums. */
static bool sort(struct replay *r, struct timeline_changes *out)
{
    size_t n = r->changes.n, n_lanes = r->lanes.n;
    uint64_t *order = malloc(n_lanes * sizeof *order + 1); /* lane, index */
    uint32_t *at = malloc((n_lanes + 1) * sizeof *at), kept = 0;
    out->items = malloc(n * sizeof *out->items + 1);
    out->lanes = malloc(n_lanes * sizeof *out->lanes + 1);
    out->begins = calloc(n_lanes + 1, sizeof *out->begins);
    bool good = order && at && out->items && out->lanes && out->begins;
    if (good) {
        for (size_t i = 0; i < n_lanes; i++)
            order[i] = (uint64_t)r->lanes.items[i] << 32 | i;
        qsort(order, n_lanes, sizeof *order, compare_lanes);
        memset(at, 0, (n_lanes + 1) * sizeof *at);
        for (size_t i = 0; i < n; i++)
            at[r->lane_of.items[i]]++;
        uint32_t sum = 0;
        for (size_t i = 0; i < n_lanes; i++) {
            uint32_t index = (uint32_t)order[i], count = at[index];
            out->lanes[i] = (uint32_t)(order[i] >> 32);
            at[index] = out->begins[i] = sum;
            sum += count;
        }
        out->begins[n_lanes] = sum;
        for (size_t i = 0; i < n; i++)
            out->items[at[r->lane_of.items[i]]++] = r->changes.items[i];
        for (size_t i = 0; i < n_lanes; i++) {
            uint8_t kind =
                timeline_lanes_before(&r->tl->lanes[r->class], out->lanes[i], r->stretch).kind;
            uint32_t from = out->begins[i], to = out->begins[i + 1];
            out->begins[i] = kept;
            for (uint32_t k = from; k < to; k++) {
                struct timeline_state s = out->items[k];
                if (s.kind == TIMELINE_ABSENT && kind == TIMELINE_ABSENT)
                    continue;
                if (s.kind < TIMELINE_MARK)
                    kind = s.kind;
                out->items[kept++] = s;
            }
        }
        out->begins[n_lanes] = kept;
        out->n = kept;
        out->n_lanes = (uint32_t)n_lanes;
        out->n_bytes = n * sizeof *out->items + n_lanes * 8 + sizeof *out;
    } else {
        free(out->items);
        free(out->lanes);
        free(out->begins);
        out->items = NULL;
        out->lanes = out->begins = NULL;
    }
    free(order);
    free(at);
    return good;
}

bool timeline_replay(const struct timeline *tl, size_t chunk, enum timeline_class class,
                     struct timeline_changes *out)
{
    struct replay *r = calloc(1, sizeof *r);
    bool good = r && (r->procs = malloc(tl->procs.n * sizeof *r->procs + 1));
    if (good) {
        r->tl = tl;
        r->class = class;
        r->stretch = (uint32_t)(chunk * TIMELINE_STRETCHES);
        begin(r, chunk);
        good =
            timeline_store_replay(&tl->store, chunk, take_events, r) && !r->failed && sort(r, out);
    }
    if (r) {
        vec_release(&r->changes);
        vec_release(&r->lane_of);
        vec_release(&r->lanes);
        map_release(&r->lane_at);
        vec_release(&r->held);
        map_release(&r->held_of);
        free(r->procs);
        free(r);
    }
    return good;
}
