/* Tiles: segments become boxes; short ones are joined by cells of a step. */
#include "timeline/timeline_answer.h"

#include <stdio.h>
#include <string.h>

struct joiner {
    const struct timeline *tl;
    struct timeline_texts *texts;
    struct timeline_lane *lane;
    int64_t step_ns, mark_start_ns;
    enum timeline_view view; /* of the track */
    uint32_t owner;          /* goroutine of the lane; TIMELINE_NONE: states say it */
    uint32_t task;           /* only regions of it; TIMELINE_NONE: all */
    bool failed;
    size_t n_items, most_items; /* boxes and marks */
    size_t n_bytes;             /* of texts */
    uint32_t n_texts;           /* that are counted */
    /* The cell that is being filled. */
    int64_t cell, cell_end_ns; /* the latest end in it */
    uint32_t n;
    unsigned used; /* kinds, as bits */
    int64_t spent_ns[TIMELINE_N_KINDS], longest_ns[TIMELINE_N_KINDS], busy_ns;
    struct timeline_state longest[TIMELINE_N_KINDS];
    struct timeline_segment lone;
    /* Marks of a cell, by kind. */
    int64_t mark_cell;
    size_t mark_at[TIMELINE_MARK_EVENT + 1];
    /* The text of the last box: runs of boxes have few names. */
    const char *last_name;
    uint32_t last_text;
};

static uint32_t goroutine_of(const struct joiner *j, const struct timeline_state *state)
{
    return j->owner != TIMELINE_NONE ? j->owner : state->g;
}

/* Is it more than an answer may be?  Then what comes is not needed. */
static bool is_over(const struct joiner *j)
{
    return j->most_items != SIZE_MAX &&
           (j->n_items > j->most_items || j->n_bytes > TIMELINE_TILE_TEXT_BYTES);
}

static void count_texts(struct joiner *j)
{
    for (; j->n_texts < j->texts->texts.n; j->n_texts++)
        j->n_bytes += j->texts->texts.strings[j->n_texts].len;
}

static uint32_t text_of(struct joiner *j, const char *name)
{
    if (name != j->last_name) {
        j->last_name = name;
        j->last_text = timeline_texts_add(j->texts, name, &j->failed);
    }
    return j->last_text;
}

static void put(struct joiner *j, int64_t start_ns, int64_t end_ns,
                const struct timeline_state *state, uint32_t joined, int64_t busy_ns)
{
    uint32_t go = goroutine_of(j, state);
    struct timeline_box box = {
        .start_ns = start_ns,
        .end_ns = end_ns,
        .goroutine = go,
        .name = text_of(j, timeline_name_of(j->tl, state, go)),
        .joined = joined,
        .kind = timeline_kind_of(j->tl, state, go),
        .busy_ns = busy_ns,
    };
    j->n_items++;
    if (!vec_push(&j->lane->boxes, box))
        j->failed = true;
}

/* The cell is full; what comes next begins at limit_ns. */
static void flush(struct joiner *j, int64_t limit_ns)
{
    if (!j->n)
        return;
    if (j->n == 1) {
        put(j, j->lone.start_ns, j->lone.end_ns, &j->lone.state, 0, 0);
    } else {
        int64_t start_ns = j->cell * j->step_ns, end_ns = start_ns + j->step_ns;
        size_t n = j->lane->boxes.n;
        if (n && j->lane->boxes.items[n - 1].end_ns > start_ns)
            start_ns = j->lane->boxes.items[n - 1].end_ns;
        if (end_ns > limit_ns)
            end_ns = limit_ns;
        if (end_ns < j->cell_end_ns)
            end_ns = j->cell_end_ns;
        int most = -1;
        for (int i = 0; i < TIMELINE_N_KINDS; i++)
            if (j->used >> i & 1 && (most < 0 || j->spent_ns[i] > j->spent_ns[most]))
                most = i;
        put(j, start_ns, end_ns, &j->longest[most], j->n, j->busy_ns);
    }
    j->n = 0;
    j->used = 0;
    j->busy_ns = 0;
}

/* Time of one kind of state, of which `state` is the longest. */
static void spend(struct joiner *j, const struct timeline_state *state, int64_t ns)
{
    uint8_t kind = state->kind;
    if (kind >= TIMELINE_N_KINDS)
        return;
    if (!(j->used >> kind & 1)) {
        j->used |= 1u << kind;
        j->spent_ns[kind] = 0;
        j->longest_ns[kind] = -1;
    }
    j->spent_ns[kind] += ns;
    if (ns > j->longest_ns[kind]) {
        j->longest_ns[kind] = ns;
        j->longest[kind] = *state;
    }
}

static bool is_busy(const struct joiner *j, uint8_t kind)
{
    if (j->view == TIMELINE_VIEW_GOROUTINE)
        return kind != TIMELINE_RUNNABLE && kind != TIMELINE_WAITING && kind != TIMELINE_SYSCALL;
    return true;
}

/* A mixture's kinds of states, with what each took. */
static void spend_mixture(struct joiner *j, const struct timeline_segment *s, bool is_states)
{
    static const uint8_t go_kinds[] = {TIMELINE_RUNNING, TIMELINE_RUNNABLE, TIMELINE_SYSCALL};
    static const uint8_t place_kinds[] = {TIMELINE_RUNNING, TIMELINE_GC_WORK, TIMELINE_SYSCALL};
    if (!is_states) { /* regions, and what is within: one kind */
        spend(j, &s->state, s->spent_ns[TIMELINE_SPENT_RUNNING]);
        j->busy_ns += s->spent_ns[TIMELINE_SPENT_RUNNING];
        return;
    }
    const uint8_t *kinds = j->view == TIMELINE_VIEW_GOROUTINE ? go_kinds : place_kinds;
    for (int i = 0; i < TIMELINE_N_SPENT; i++) {
        struct timeline_state state = {.since_ns = s->start_ns, .kind = kinds[i]};
        state.g = j->view == TIMELINE_VIEW_GOROUTINE ? TIMELINE_NONE : s->state.g;
        if (s->state.kind == kinds[i] && j->view == TIMELINE_VIEW_GOROUTINE)
            state.what = s->state.what;
        if (s->spent_ns[i])
            spend(j, &state, s->spent_ns[i]);
        if (is_busy(j, kinds[i]))
            j->busy_ns += s->spent_ns[i];
    }
    if (j->view == TIMELINE_VIEW_GOROUTINE && s->rest_ns) {
        struct timeline_state state = {
            .since_ns = s->start_ns, .g = TIMELINE_NONE, .kind = TIMELINE_WAITING};
        if (s->state.kind == TIMELINE_WAITING)
            state.what = s->state.what;
        spend(j, &state, s->rest_ns);
    }
    if (!j->used)
        spend(j, &s->state, 0);
}

static void add_to_cell(struct joiner *j, const struct timeline_segment *s, bool is_states)
{
    int64_t cell = s->start_ns / j->step_ns;
    if (j->n && cell != j->cell)
        flush(j, s->start_ns);
    if (!j->n) {
        j->cell = cell;
        j->lone = *s;
        j->cell_end_ns = 0;
    }
    if (s->n) {
        j->n += s->n + (j->n == 0 && s->n == 1); /* a lone mixture is no lone box */
        spend_mixture(j, s, is_states);
    } else {
        j->n++;
        spend(j, &s->state, s->end_ns - s->start_ns);
        if (is_busy(j, s->state.kind))
            j->busy_ns += s->end_ns - s->start_ns;
    }
    if (s->end_ns > j->cell_end_ns)
        j->cell_end_ns = s->end_ns;
}

static void add_segment(void *arg, const struct timeline_segment *s)
{
    struct joiner *j = arg;
    bool is_states = s->state.kind != TIMELINE_REGION && s->state.kind != TIMELINE_ASSIST &&
                     s->state.kind != TIMELINE_SWEEP && s->state.kind != TIMELINE_STW;
    if ((j->task != TIMELINE_NONE && (s->n || s->state.g != j->task)) || is_over(j))
        return;
    if (s->end_ns - s->start_ns < j->step_ns) {
        add_to_cell(j, s, is_states);
        return;
    }
    flush(j, s->start_ns);
    if (!s->n) {
        put(j, s->start_ns, s->end_ns, &s->state, 0, 0);
        return;
    }
    /* A box of its own for the mixture: what a cell would make of it. */
    j->n = s->n < 2 ? 2 : s->n;
    spend_mixture(j, s, is_states);
    int most = -1;
    for (int i = 0; i < TIMELINE_N_KINDS; i++)
        if (j->used >> i & 1 && (most < 0 || j->spent_ns[i] > j->spent_ns[most]))
            most = i;
    if (most >= 0)
        put(j, s->start_ns, s->end_ns, &j->longest[most], j->n, j->busy_ns);
    j->n = 0;
    j->used = 0;
    j->busy_ns = 0;
}

static void add_mark(void *arg, const struct timeline_state *state)
{
    struct joiner *j = arg;
    uint8_t kind = (uint8_t)(state->kind - TIMELINE_MARK);
    if (is_over(j))
        return;
    int64_t cell = state->since_ns / j->step_ns;
    if (cell != j->mark_cell) {
        j->mark_cell = cell;
        memset(j->mark_at, 0xff, sizeof j->mark_at);
    }
    if (j->mark_at[kind] != SIZE_MAX) {
        j->lane->marks.items[j->mark_at[kind]].count++;
        return;
    }
    struct timeline_mark mark = {
        .at_ns = state->since_ns, .goroutine = TIMELINE_NONE, .count = 1, .kind = kind};
    if (kind == TIMELINE_MARK_LOG) {
        char text[1024];
        const char *category = trace_string(j->tl->trace, state->what, NULL);
        snprintf(text, sizeof text, "%.200s%s%.800s", category, *category ? ": " : "",
                 trace_string(j->tl->trace, state->g, NULL));
        mark.name = timeline_texts_add(j->texts, text, &j->failed);
    } else if (kind == TIMELINE_MARK_SAMPLE) {
        mark.name =
            timeline_texts_add(j->texts, timeline_stack_name(j->tl, state->what), &j->failed);
    } else if (state->g != TIMELINE_NONE) {
        mark.goroutine = state->g;
        mark.name = timeline_texts_add(j->texts, timeline_function(j->tl, state->g), &j->failed);
    }
    count_texts(j);
    j->n_items++;
    j->mark_at[kind] = j->lane->marks.n;
    if (!vec_push(&j->lane->marks, mark))
        j->failed = true;
}

static void add_lane(struct joiner *j, const struct timeline_chunks *chunks, uint32_t lane,
                     struct timeline_lane *out, int64_t start_ns, int64_t end_ns, bool with_marks)
{
    struct timeline_sink sink = {j, add_segment, with_marks ? add_mark : NULL};
    j->lane = out;
    j->mark_cell = -1;
    j->n = 0;
    j->used = 0;
    j->busy_ns = 0;
    timeline_chunks_segments(chunks, lane, start_ns, end_ns, &sink);
    flush(j, INT64_MAX);
    count_texts(j);
}

static void add_goroutine(struct joiner *j, const struct timeline_chunks *chunks, uint32_t go,
                          struct timeline_tile_track *out, int64_t start_ns, int64_t end_ns)
{
    const struct timeline *tl = j->tl;
    j->owner = go;
    add_lane(j, chunks, tl->goes.items[go].lane, &out->lanes[0], start_ns, end_ns, true);
    uint32_t at = 1, within = timeline_lane_numbered(tl, go, TIMELINE_LANE_WITHIN);
    if (within != TIMELINE_NO_LANE && at < out->n_lanes)
        add_lane(j, chunks, within, &out->lanes[at++], start_ns, end_ns, false);
    for (unsigned i = 0; at < out->n_lanes && i < TIMELINE_REGION_LANES; i++) {
        uint32_t lane = timeline_lane_numbered(tl, go, TIMELINE_LANE_REGIONS + i);
        if (lane == TIMELINE_NO_LANE)
            break;
        add_lane(j, chunks, lane, &out->lanes[at++], start_ns, end_ns, false);
    }
}

static void add_task(struct joiner *j, const struct timeline_chunks *chunks,
                     const struct timeline_track *track, struct timeline_tile_track *out,
                     int64_t start_ns, int64_t end_ns)
{
    const struct timeline *tl = j->tl;
    const struct timeline_task *t = &tl->tasks.items[track->entity];
    if (track->first_ns < end_ns && track->last_ns > start_ns) {
        struct timeline_box box = {
            .start_ns = track->first_ns,
            .end_ns = track->last_ns,
            .goroutine = t->goroutine,
            .name =
                timeline_texts_add(j->texts, trace_string(tl->trace, t->name, NULL), &j->failed),
            .kind = TIMELINE_TASK,
        };
        if (!vec_push(&out->lanes[0].boxes, box))
            j->failed = true;
    }
    size_t at = timeline_task_lane(tl, track->entity);
    j->task = track->entity;
    for (uint32_t i = 1; i < out->n_lanes && at < tl->task_lanes.n &&
                         tl->task_lanes.items[at].task == track->entity;
         i++, at++) {
        uint32_t lane = tl->task_lanes.items[at].lane;
        j->owner = tl->lane_of.items[lane].goroutine;
        add_lane(j, chunks, lane, &out->lanes[i], start_ns, end_ns, false);
    }
    j->task = TIMELINE_NONE;
}

static enum timeline_class class_of(uint8_t kind)
{
    return kind == TIMELINE_VIEW_PROC     ? TIMELINE_CLASS_PROC
           : kind == TIMELINE_VIEW_THREAD ? TIMELINE_CLASS_THREAD
                                          : TIMELINE_CLASS_GO;
}

static void add_track(struct joiner *j, const struct timeline_chunks *chunks,
                      const struct timeline_track *track, struct timeline_tile_track *out,
                      int64_t start_ns, int64_t end_ns)
{
    j->view = track->kind;
    j->owner = TIMELINE_NONE;
    j->task = TIMELINE_NONE;
    switch (track->kind) {
    case TIMELINE_VIEW_PROC:
        for (uint32_t i = 0; i < out->n_lanes; i++)
            add_lane(j, chunks, 2 * track->entity + i, &out->lanes[i], start_ns, end_ns, i == 0);
        break;
    case TIMELINE_VIEW_THREAD:
        add_lane(j, chunks, track->entity, &out->lanes[0], start_ns, end_ns, true);
        break;
    case TIMELINE_VIEW_GOROUTINE:
        j->view = TIMELINE_VIEW_GOROUTINE;
        add_goroutine(j, chunks, track->entity, out, start_ns, end_ns);
        break;
    default:
        j->view = TIMELINE_VIEW_GOROUTINE;
        add_task(j, chunks, track, out, start_ns, end_ns);
        break;
    }
}

/* Lanes of [first, first + n), empty. */
static bool begin_tile(const struct timeline_tracks *tracks, uint32_t first, uint32_t n,
                       struct timeline_tile *out)
{
    *out = (struct timeline_tile){0};
    bool good = timeline_texts_init(&out->texts) &&
                (out->tracks = ARENA_ARRAY(&out->texts.arena, struct timeline_tile_track, n + 1u));
    for (uint32_t i = 0; i < n && good; i++) {
        struct timeline_tile_track *t = &out->tracks[i];
        t->lanes =
            ARENA_ARRAY(&out->texts.arena, struct timeline_lane, tracks->tracks[first + i].lanes);
        good = t->lanes;
        t->n_lanes = good ? tracks->tracks[first + i].lanes : 0;
        out->n_tracks = i + 1;
    }
    return good;
}

/* *times: the step that would do is so much longer; 1: it is done.  False: no memory. */
static bool fill_tile(const struct timeline_chunks *chunks, const struct timeline_tracks *tracks,
                      uint32_t first, int64_t start_ns, int64_t end_ns, int64_t step_ns,
                      struct timeline_tile *out, int64_t *times)
{
    struct joiner j = {.tl = chunks->tl,
                       .texts = &out->texts,
                       .step_ns = step_ns,
                       .most_items =
                           step_ns < end_ns - start_ns ? chunks->tl->tile_items : SIZE_MAX};
    uint32_t i = 0;
    for (; i < out->n_tracks && !j.failed && !is_over(&j); i++)
        add_track(&j, chunks, &tracks->tracks[first + i], &out->tracks[i], start_ns, end_ns);
    *times = 1;
    while (is_over(&j) && (*times == 1 || *times * i < out->n_tracks))
        *times *= 2;
    return !j.failed;
}

bool timeline_tile(const struct timeline *tl, const struct timeline_tracks *tracks, uint32_t first,
                   uint32_t n, int64_t start_ns, int64_t end_ns, int64_t step_ns,
                   struct timeline_tile *out, struct err *err)
{
    struct timeline_chunks chunks = {0};
    if (first > tracks->n)
        first = tracks->n;
    if (n > tracks->n - first)
        n = tracks->n - first;
    if (step_ns < 1)
        step_ns = 1;
    bool good = begin_tile(tracks, first, n, out);
    if (good && n && start_ns < end_ns) {
        /* All of a list are of one class, but for tasks in front of goroutines, which are of
         * the same. */
        good = timeline_chunks_get(&chunks, tl, class_of(tracks->tracks[first].kind), start_ns,
                                   end_ns);
        for (int64_t times; good; step_ns *= times) {
            good = fill_tile(&chunks, tracks, first, start_ns, end_ns, step_ns, out, &times);
            if (!good || times == 1)
                break;
            timeline_tile_release(out);
            good = begin_tile(tracks, first, n, out);
        }
        timeline_chunks_release(&chunks);
    }
    if (good)
        return true;
    timeline_tile_release(out);
    *out = (struct timeline_tile){0};
    return err_nomem(err);
}

void timeline_tile_release(struct timeline_tile *tile)
{
    for (uint32_t i = 0; i < tile->n_tracks; i++)
        for (uint32_t k = 0; k < tile->tracks[i].n_lanes; k++) {
            vec_release(&tile->tracks[i].lanes[k].boxes);
            vec_release(&tile->tracks[i].lanes[k].marks);
        }
    tile->n_tracks = 0;
    timeline_texts_release(&tile->texts);
}
