/* All that is known of one box: its neighbours by what lanes had before and after, the rest by
 * making the events around it again. */
#include "timeline/timeline_answer.h"

#include <string.h>

#define WOKE_CHUNKS 16 /* that are looked through for what happened within a box */

/* What a lane has at a time, and until when. */
static bool state_at(const struct timeline *tl, enum timeline_class class, uint32_t lane,
                     int64_t at_ns, struct timeline_state *state, int64_t *end_ns)
{
    size_t chunk = timeline_chunk_at(tl, at_ns);
    const struct timeline_lanes *lanes = &tl->lanes[class];
    const struct timeline_changes *changes = timeline_cache_get(tl, chunk, class);
    if (!changes)
        return false;
    uint32_t n;
    const struct timeline_state *items = timeline_changes_of(changes, lane, &n);
    *state = timeline_lanes_before(lanes, lane, (uint32_t)(chunk * TIMELINE_STRETCHES));
    *end_ns = INT64_MAX;
    for (uint32_t i = 0; i < n && *end_ns == INT64_MAX; i++) {
        if (items[i].kind >= TIMELINE_MARK)
            continue;
        if (items[i].since_ns > at_ns)
            *end_ns = items[i].since_ns;
        else
            *state = items[i];
    }
    timeline_cache_put(tl, changes);
    if (*end_ns == INT64_MAX)
        *end_ns = timeline_lanes_next(lanes, lane, (uint32_t)((chunk + 1) * TIMELINE_STRETCHES));
    if (*end_ns == INT64_MAX)
        *end_ns = tl->last_ns;
    return true;
}

/* The event at a time. */
struct looking {
    int64_t time_ns; /* the trace's clock */
    struct trace_event event;
    bool is_there;
};

static bool look_for_event(void *arg, const struct trace_event *events, size_t n)
{
    struct looking *l = arg;
    if (events[n - 1].time_ns < l->time_ns)
        return true;
    for (size_t i = 0; i < n && !l->is_there; i++)
        if (events[i].time_ns == l->time_ns) {
            l->event = events[i];
            l->is_there = true;
        }
    return false;
}

static bool event_at(const struct timeline *tl, int64_t at_ns, struct trace_event *event)
{
    struct looking l = {.time_ns = (int64_t)((uint64_t)at_ns + (uint64_t)tl->first_ns)};
    if (!timeline_store_replay(&tl->store, timeline_chunk_at(tl, at_ns), look_for_event, &l))
        return false;
    *event = l.event;
    return l.is_there;
}

struct asking {
    const struct timeline *tl;
    const struct timeline_tracks *tracks;
    struct timeline_details *out;
    bool failed;
    /* While events within are read. */
    int64_t start_ns, end_ns, id;
};

static uint32_t text(struct asking *a, uint32_t string)
{
    return timeline_texts_add(&a->out->texts, trace_string(a->tl->trace, string, NULL), &a->failed);
}

static uint32_t track_of(const struct asking *a, uint32_t go, int32_t p, int64_t m)
{
    if (!a->tracks)
        return UINT32_MAX;
    switch (a->tracks->view) {
    case TIMELINE_VIEW_PROC:
        return p == TRACE_NONE
                   ? UINT32_MAX
                   : timeline_tracks_find(a->tracks, TIMELINE_VIEW_PROC,
                                          map_get(&a->tl->proc_of, (uint64_t)(uint32_t)p));
    case TIMELINE_VIEW_THREAD:
        return m == TRACE_NONE ? UINT32_MAX
                               : timeline_tracks_find(a->tracks, TIMELINE_VIEW_THREAD,
                                                      map_get(&a->tl->thread_of, (uint64_t)m));
    default:
        return timeline_tracks_find(a->tracks, TIMELINE_VIEW_GOROUTINE, go);
    }
}

static struct timeline_box box_of(struct asking *a, const struct timeline_state *state,
                                  int64_t end_ns, uint32_t owner)
{
    uint32_t go = owner != TIMELINE_NONE ? owner : state->g;
    return (struct timeline_box){
        .start_ns = state->since_ns,
        .end_ns = end_ns,
        .goroutine = go,
        .name = timeline_texts_add(&a->out->texts, timeline_name_of(a->tl, state, go), &a->failed),
        .kind = timeline_kind_of(a->tl, state, go),
    };
}

static struct timeline_step step_of(struct asking *a, const struct timeline_state *state,
                                    int64_t end_ns, uint32_t owner, uint32_t track)
{
    struct timeline_box box = box_of(a, state, end_ns, owner);
    return (struct timeline_step){.is_there = true,
                                  .kind = box.kind,
                                  .name = box.name,
                                  .start_ns = box.start_ns,
                                  .end_ns = box.end_ns,
                                  .track = track,
                                  .goroutine = box.goroutine};
}

/* The box in front of a time, or behind it, over a gap if there is one. */
static struct timeline_step neighbour(struct asking *a, enum timeline_class class, uint32_t lane,
                                      int64_t at_ns, bool before, uint32_t owner, uint32_t track)
{
    struct timeline_state state;
    int64_t end_ns;
    for (int i = 0; i < 2; i++) {
        if (at_ns < 0 || at_ns >= a->tl->last_ns)
            break;
        if (!state_at(a->tl, class, lane, at_ns, &state, &end_ns)) {
            a->failed = true;
            break;
        }
        if (state.kind != TIMELINE_ABSENT)
            return step_of(a, &state, end_ns, owner, track);
        at_ns = before ? state.since_ns - 1 : end_ns;
    }
    return (struct timeline_step){.track = UINT32_MAX, .goroutine = TIMELINE_NONE};
}

static struct timeline_wake wake_of(struct asking *a, const struct trace_event *e, int64_t at_ns,
                                    bool other_is_target, uint32_t reason)
{
    bool created = e->type == GOTRACE_GO_CREATE || e->type == GOTRACE_GO_CREATE_BLOCKED ||
                   e->type == GOTRACE_GO_CREATE_SYSCALL;
    uint32_t from = e->g == TRACE_NONE ? TIMELINE_NONE : timeline_go_of(a->tl, e->g);
    uint32_t to = timeline_go_of(a->tl, (int64_t)e->args[0]);
    return (struct timeline_wake){
        .at_ns = at_ns,
        .goroutine = other_is_target ? to : from,
        .track = other_is_target && a->tracks && a->tracks->view != TIMELINE_VIEW_GOROUTINE
                     ? UINT32_MAX
                     : track_of(a, other_is_target ? to : from, e->p, e->m),
        .reason = reason,
        .stack = e->type == GOTRACE_GO_UNBLOCK || created ? (uint32_t)e->args[2] : 0,
        .created = created,
    };
}

static bool is_wake(uint8_t type)
{
    return type == GOTRACE_GO_UNBLOCK || type == GOTRACE_GO_SWITCH ||
           type == GOTRACE_GO_SWITCH_DESTROY;
}

static bool is_create(uint8_t type)
{
    return type == GOTRACE_GO_CREATE || type == GOTRACE_GO_CREATE_BLOCKED;
}

/* Who made a goroutine runnable at that time. */
static void set_woken(struct asking *a, int64_t at_ns, uint32_t reason)
{
    struct trace_event e;
    if (!event_at(a->tl, at_ns, &e))
        return;
    if (is_wake(e.type)) {
        a->out->is_woken = true;
        a->out->woken = wake_of(a, &e, at_ns, false, reason);
    } else if (is_create(e.type)) {
        a->out->is_created = true;
        a->out->created = wake_of(a, &e, at_ns, false, 0);
    }
}

static bool take_within(void *arg, const struct trace_event *events, size_t n)
{
    struct asking *a = arg;
    struct timeline_details *out = a->out;
    for (size_t i = 0; i < n; i++) {
        const struct trace_event *e = &events[i];
        int64_t now_ns = (int64_t)((uint64_t)e->time_ns - (uint64_t)a->tl->first_ns);
        if (now_ns > a->end_ns)
            return false;
        if (e->g != a->id || now_ns < a->start_ns)
            continue;
        if (out->m == TRACE_NONE) {
            out->p = e->p;
            out->m = e->m;
        }
        if (is_wake(e->type) || is_create(e->type)) {
            if (out->woke.n == TIMELINE_BOX_MAX)
                out->more_woke++;
            else if (!vec_push(&out->woke, wake_of(a, e, now_ns, true, 0)))
                a->failed = true;
        } else if (e->type == GOTRACE_USER_LOG && out->logs.n < TIMELINE_BOX_MAX) {
            struct timeline_log log = {now_ns, text(a, (uint32_t)e->args[1]),
                                       text(a, (uint32_t)e->args[2])};
            if (!vec_push(&out->logs, log))
                a->failed = true;
        } else if (e->type == GOTRACE_CPU_SAMPLE) {
            out->n_samples++;
        }
    }
    return !a->failed;
}

static void read_within(struct asking *a)
{
    size_t from = timeline_chunk_at(a->tl, a->start_ns), to = timeline_chunk_at(a->tl, a->end_ns);
    if (to - from >= WOKE_CHUNKS)
        to = from + WOKE_CHUNKS - 1;
    for (size_t i = from; i <= to && !a->failed; i++)
        if (!timeline_store_replay(&a->tl->store, i, take_within, a))
            a->failed = true;
}

static void add_inside(void *arg, const struct timeline_segment *s)
{
    struct asking *a = arg;
    int64_t from = s->start_ns < a->start_ns ? a->start_ns : s->start_ns;
    int64_t to = s->end_ns > a->end_ns ? a->end_ns : s->end_ns;
    if (s->state.kind >= TIMELINE_N_KINDS || to <= from)
        return;
    a->out->inside[s->state.kind].count += s->n ? s->n : 1;
    int64_t ns = to - from;
    if (s->n) /* there is nothing between them */
        ns = (int64_t)((double)s->spent_ns[TIMELINE_SPENT_RUNNING] * (double)ns /
                       (double)(s->end_ns - s->start_ns));
    a->out->inside[s->state.kind].total_ns += ns;
}

static void read_inside(struct asking *a, uint32_t go)
{
    uint32_t lane = timeline_lane_numbered(a->tl, go, TIMELINE_LANE_WITHIN);
    struct timeline_chunks chunks;
    struct timeline_sink sink = {a, add_inside, NULL};
    if (lane == TIMELINE_NO_LANE)
        return;
    if (timeline_chunks_get(&chunks, a->tl, TIMELINE_CLASS_GO, a->start_ns, a->end_ns))
        timeline_chunks_segments(&chunks, lane, a->start_ns, a->end_ns, &sink);
    else
        a->failed = true;
    timeline_chunks_release(&chunks);
}

static void set_region(struct asking *a, uint32_t go, int64_t at_ns)
{
    for (unsigned i = 0; i < TIMELINE_REGION_LANES; i++) {
        uint32_t lane = timeline_lane_numbered(a->tl, go, TIMELINE_LANE_REGIONS + i);
        struct timeline_state state;
        int64_t end_ns;
        if (lane == TIMELINE_NO_LANE)
            return;
        if (!state_at(a->tl, TIMELINE_CLASS_GO, lane, at_ns, &state, &end_ns)) {
            a->failed = true;
            return;
        }
        if (state.kind != TIMELINE_REGION)
            return;
        a->out->region = text(a, state.what);
        a->out->task = state.g == TIMELINE_NONE ? 0 : a->tl->tasks.items[state.g].id;
    }
}

/* What was before the box of running, and led to it: runnable and waiting. */
static void set_running(struct asking *a, uint32_t go, int64_t start_ns, int64_t end_ns)
{
    uint32_t lane = a->tl->goes.items[go].lane;
    struct timeline_state before, first;
    int64_t ns;
    struct trace_event e;
    if (start_ns > 0 && state_at(a->tl, TIMELINE_CLASS_GO, lane, start_ns - 1, &before, &ns)) {
        int64_t stopped_ns = before.since_ns;
        if (before.kind == TIMELINE_RUNNABLE) {
            uint32_t reason = 0;
            if (before.since_ns > 0 &&
                state_at(a->tl, TIMELINE_CLASS_GO, lane, before.since_ns - 1, &first, &ns) &&
                first.kind == TIMELINE_WAITING) {
                stopped_ns = first.since_ns;
                reason = first.what ? text(a, first.what) : 0;
            }
            set_woken(a, before.since_ns, reason);
        }
        if (stopped_ns > 0 && event_at(a->tl, stopped_ns, &e) &&
            (e.type == GOTRACE_GO_BLOCK || e.type == GOTRACE_GO_STOP ||
             e.type == GOTRACE_GO_SYSCALL_BEGIN))
            a->out->stack = (uint32_t)e.args[1];
    }
    if (event_at(a->tl, end_ns, &e)) {
        a->out->end_stack = trace_event_stack(&e);
        if (e.type == GOTRACE_GO_BLOCK || e.type == GOTRACE_GO_STOP)
            a->out->reason = text(a, (uint32_t)e.args[0]);
        if (e.type != GOTRACE_GO_BLOCK && e.type != GOTRACE_GO_STOP &&
            e.type != GOTRACE_GO_SYSCALL_BEGIN)
            a->out->end_stack = 0;
    }
}

static void set_goroutine(struct asking *a, uint32_t go)
{
    struct timeline_details *out = a->out;
    const struct timeline *tl = a->tl;
    uint32_t lane = tl->goes.items[go].lane;
    int64_t start_ns = out->box.start_ns, end_ns = out->box.end_ns;
    uint32_t track = timeline_tracks_find(a->tracks, TIMELINE_VIEW_GOROUTINE, go);
    struct trace_event e;
    out->previous = neighbour(a, TIMELINE_CLASS_GO, lane, start_ns - 1, true, go, track);
    out->next = neighbour(a, TIMELINE_CLASS_GO, lane, end_ns, false, go, track);
    set_region(a, go, start_ns);
    struct timeline_state state;
    int64_t ns;
    if (!state_at(tl, TIMELINE_CLASS_GO, lane, start_ns, &state, &ns)) {
        a->failed = true;
        return;
    }
    a->start_ns = start_ns;
    a->end_ns = end_ns;
    a->id = tl->goes.items[go].id;
    switch (state.kind) {
    case TIMELINE_RUNNING:
    case TIMELINE_GC_WORK:
        set_running(a, go, start_ns, end_ns);
        if (start_ns > 0 && event_at(tl, start_ns, &e)) {
            out->p = e.p;
            out->m = e.m;
        }
        read_within(a);
        read_inside(a, go);
        break;
    case TIMELINE_WAITING: {
        out->reason = state.what ? text(a, state.what) : 0;
        if (start_ns > 0 && event_at(tl, start_ns, &e))
            out->stack = e.type == GOTRACE_GO_BLOCK ? (uint32_t)e.args[1] : 0;
        set_woken(a, end_ns, out->reason);
        break;
    }
    case TIMELINE_RUNNABLE:
        out->reason = state.what ? text(a, state.what) : 0;
        if (start_ns > 0 && event_at(tl, start_ns, &e)) {
            if (is_wake(e.type) || is_create(e.type))
                set_woken(a, start_ns, 0);
            else
                out->stack = trace_event_stack(&e);
        }
        break;
    case TIMELINE_SYSCALL:
        out->stack = state.what;
        if (start_ns > 0 && event_at(tl, start_ns, &e)) {
            out->p = e.p;
            out->m = e.m;
        }
        break;
    default:
        break;
    }
}

static struct timeline_tracks no_tracks;

static bool finish(struct asking *a, struct err *err)
{
    if (!a->failed)
        return true;
    timeline_details_release(a->out);
    *a->out = (struct timeline_details){0};
    return err_nomem(err);
}

static bool begin(struct asking *a, const struct timeline *tl, const struct timeline_tracks *tracks,
                  struct timeline_details *out)
{
    *a = (struct asking){.tl = tl, .tracks = tracks ? tracks : &no_tracks, .out = out};
    *out = (struct timeline_details){.p = -1, .m = -1};
    out->box.goroutine = TIMELINE_NONE;
    a->failed = !timeline_texts_init(&out->texts);
    return !a->failed;
}

static bool no_box(struct asking *a, struct err *err)
{
    if (a->failed)
        return finish(a, err);
    timeline_details_release(a->out);
    *a->out = (struct timeline_details){0};
    return err_set(err, ERR_INPUT, "there is no box");
}

/* Of a lane of any class. */
static bool details_of_lane(struct asking *a, enum timeline_class class, uint32_t lane,
                            uint32_t owner, uint32_t track, int64_t at_ns, bool is_states,
                            struct err *err)
{
    struct timeline_state state;
    int64_t end_ns;
    struct timeline_details *out = a->out;
    if (!state_at(a->tl, class, lane, at_ns, &state, &end_ns)) {
        a->failed = true;
        return finish(a, err);
    }
    if (state.kind == TIMELINE_ABSENT || end_ns <= state.since_ns)
        return no_box(a, err);
    out->box = box_of(a, &state, end_ns, owner);
    out->same_previous = neighbour(a, class, lane, state.since_ns - 1, true, owner, track);
    out->same_next = neighbour(a, class, lane, end_ns, false, owner, track);
    struct trace_event e;
    if (is_states && out->box.goroutine != TIMELINE_NONE) {
        set_goroutine(a, out->box.goroutine);
    } else if (state.since_ns > 0 && event_at(a->tl, state.since_ns, &e)) {
        out->stack = trace_event_stack(&e);
        out->p = e.p;
        out->m = e.m;
        if (event_at(a->tl, end_ns, &e))
            out->end_stack = trace_event_stack(&e);
        if (state.kind == TIMELINE_REGION) {
            out->region = out->box.name;
            out->task = state.g == TIMELINE_NONE ? 0 : a->tl->tasks.items[state.g].id;
        }
    }
    return finish(a, err);
}

/* The lane of a goroutine that is shown as this one: see timeline_tile.c. */
static uint32_t shown_lane(const struct timeline *tl, uint32_t go, uint32_t lane)
{
    if (lane == 0)
        return tl->goes.items[go].lane;
    uint32_t within = timeline_lane_numbered(tl, go, TIMELINE_LANE_WITHIN);
    if (within != TIMELINE_NO_LANE && lane == 1)
        return within;
    return timeline_lane_numbered(
        tl, go, TIMELINE_LANE_REGIONS + lane - (within != TIMELINE_NO_LANE ? 2 : 1));
}

static bool details_of_task(struct asking *a, uint32_t number, struct err *err)
{
    const struct timeline_task *t = &a->tl->tasks.items[number];
    a->out->task = t->id;
    a->out->box = (struct timeline_box){
        .start_ns = t->begin_ns < 0 ? 0 : t->begin_ns,
        .end_ns = t->end_ns < 0 ? a->tl->last_ns : t->end_ns,
        .goroutine = t->goroutine,
        .name = text(a, t->name),
        .kind = TIMELINE_TASK,
    };
    struct trace_event e;
    if (t->begin_ns > 0 && event_at(a->tl, t->begin_ns, &e))
        a->out->stack = trace_event_stack(&e);
    if (t->end_ns > 0 && event_at(a->tl, t->end_ns, &e))
        a->out->end_stack = trace_event_stack(&e);
    return finish(a, err);
}

bool timeline_details(const struct timeline *tl, const struct timeline_tracks *tracks,
                      uint32_t track, uint32_t lane, int64_t at_ns, struct timeline_details *out,
                      struct err *err)
{
    struct asking a;
    if (!begin(&a, tl, tracks, out))
        return finish(&a, err);
    if (track >= tracks->n || lane >= tracks->tracks[track].lanes || !tl->chunks.n || at_ns < 0)
        return no_box(&a, err);
    const struct timeline_track *t = &tracks->tracks[track];
    switch (t->kind) {
    case TIMELINE_VIEW_PROC:
        return details_of_lane(&a, TIMELINE_CLASS_PROC, 2 * t->entity + lane, TIMELINE_NONE, track,
                               at_ns, lane == 0, err);
    case TIMELINE_VIEW_THREAD:
        return details_of_lane(&a, TIMELINE_CLASS_THREAD, t->entity, TIMELINE_NONE, track, at_ns,
                               true, err);
    case TIMELINE_VIEW_GOROUTINE: {
        uint32_t shown = shown_lane(tl, t->entity, lane);
        return shown == TIMELINE_NO_LANE ? no_box(&a, err)
                                         : details_of_lane(&a, TIMELINE_CLASS_GO, shown, t->entity,
                                                           track, at_ns, lane == 0, err);
    }
    default: {
        size_t at = 0;
        if (lane == 0)
            return at_ns < t->first_ns || at_ns >= t->last_ns ? no_box(&a, err)
                                                              : details_of_task(&a, t->entity, err);
        while (at < tl->task_lanes.n && tl->task_lanes.items[at].task != t->entity)
            at++;
        at += lane - 1;
        if (at >= tl->task_lanes.n || tl->task_lanes.items[at].task != t->entity)
            return no_box(&a, err);
        uint32_t shown = tl->task_lanes.items[at].lane;
        return details_of_lane(&a, TIMELINE_CLASS_GO, shown, tl->lane_of.items[shown].goroutine,
                               track, at_ns, false, err);
    }
    }
}

bool timeline_details_of(const struct timeline *tl, const struct timeline_tracks *tracks,
                         uint32_t goroutine, int64_t at_ns, struct timeline_details *out,
                         struct err *err)
{
    struct asking a;
    if (!begin(&a, tl, tracks, out))
        return finish(&a, err);
    if (goroutine >= tl->goes.n || !tl->chunks.n || at_ns < 0)
        return no_box(&a, err);
    return details_of_lane(&a, TIMELINE_CLASS_GO, tl->goes.items[goroutine].lane, goroutine,
                           timeline_tracks_find(a.tracks, TIMELINE_VIEW_GOROUTINE, goroutine),
                           at_ns, true, err);
}

void timeline_details_release(struct timeline_details *details)
{
    vec_release(&details->woke);
    vec_release(&details->logs);
    timeline_texts_release(&details->texts);
}
