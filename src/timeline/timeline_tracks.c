#include "timeline/timeline_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RELATED_CHUNKS 16 /* that are looked through for who wakes whom */
#define TASK_LANES 15     /* lanes of a task, beside its own */

struct making {
    const struct timeline *tl;
    struct timeline_tracks *out;
    bool failed;
    VEC(uint32_t) chosen; /* goroutines or tasks */
    struct map is_chosen;
};

static void choose(struct making *m, uint32_t entity)
{
    uint32_t n = (uint32_t)m->chosen.n;
    if (entity == TIMELINE_NONE)
        return;
    uint32_t at = map_get_or_put(&m->is_chosen, entity, n);
    if (at == MAP_NONE || (at == n && !vec_push(&m->chosen, entity)))
        m->failed = true;
}

static uint64_t key_of(enum timeline_view kind, uint32_t entity)
{
    return (uint64_t)kind << 32 | entity;
}

uint32_t timeline_tracks_find(const struct timeline_tracks *tracks, enum timeline_view kind,
                              uint32_t entity)
{
    return entity == TIMELINE_NONE ? UINT32_MAX : map_get(&tracks->of, key_of(kind, entity));
}

static void add_track(struct making *m, struct timeline_track track, const char *name)
{
    struct timeline_tracks *out = m->out;
    if (out->n == TIMELINE_TRACKS_MAX) {
        out->more++;
        return;
    }
    track.name = timeline_texts_add(&out->texts, name, &m->failed);
    if (!map_put(&out->of, key_of(track.kind, track.entity), out->n))
        m->failed = true;
    out->tracks[out->n++] = track;
}

/* ---- processors and threads ---- */

struct by_id {
    int64_t id;
    uint32_t entity;
};

static int compare_ids(const void *a, const void *b)
{
    const struct by_id *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static void add_places(struct making *m, enum timeline_view kind)
{
    const struct timeline *tl = m->tl;
    bool procs = kind == TIMELINE_VIEW_PROC;
    size_t n = procs ? tl->procs.n : tl->threads.n;
    struct by_id *order = malloc(n * sizeof *order + 1);
    if (!order) {
        m->failed = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        order[i] = (struct by_id){procs ? tl->procs.items[i] : tl->threads.items[i], i};
    qsort(order, n, sizeof *order, compare_ids);
    for (size_t i = 0; i < n; i++) {
        char name[64];
        uint32_t place = order[i].entity, within = 2 * place + 1;
        const uint32_t *begins = tl->lanes[TIMELINE_CLASS_PROC].begins;
        snprintf(name, sizeof name, "%s %" PRId64, procs ? "Proc" : "Thread", order[i].id);
        add_track(m,
                  (struct timeline_track){
                      .kind = (uint8_t)kind,
                      .lanes = procs && begins[within] < begins[within + 1] ? 2 : 1,
                      .entity = place,
                      .id = order[i].id,
                      .last_ns = tl->last_ns,
                  },
                  name);
    }
    free(order);
}

/* ---- goroutines ---- */

struct by_time {
    int64_t ns, id;
    uint32_t entity;
};

static int compare_times(const void *a, const void *b)
{
    const struct by_time *x = a, *y = b;
    if (x->ns != y->ns)
        return x->ns < y->ns ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void add_goroutines(struct making *m, bool all)
{
    const struct timeline *tl = m->tl;
    size_t n = all ? tl->goes.n : m->chosen.n;
    struct by_time *order = malloc(n * sizeof *order + 1);
    if (!order) {
        m->failed = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t go = all ? i : m->chosen.items[i];
        const struct timeline_go *g = &tl->goes.items[go];
        order[i] = (struct by_time){g->initial != TIMELINE_ABSENT ? 0 : g->seen_ns, g->id, go};
    }
    qsort(order, n, sizeof *order, compare_times);
    for (size_t i = 0; i < n; i++) {
        struct timeline_goroutine g = timeline_goroutine(tl, order[i].entity);
        add_track(m,
                  (struct timeline_track){.kind = TIMELINE_VIEW_GOROUTINE,
                                          .lanes = g.lanes,
                                          .entity = order[i].entity,
                                          .id = g.id,
                                          .first_ns = g.first_ns,
                                          .last_ns = g.last_ns},
                  timeline_function(tl, order[i].entity));
    }
    free(order);
}

struct related {
    struct making *m;
    struct map of; /* ids of goroutines */
};

static bool look_for_wakes(void *arg, const struct trace_event *events, size_t n)
{
    struct related *r = arg;
    for (size_t i = 0; i < n; i++) {
        const struct trace_event *e = &events[i];
        if ((e->type == GOTRACE_GO_UNBLOCK || e->type == GOTRACE_GO_SWITCH) && e->g != TRACE_NONE &&
            map_get(&r->of, e->args[0]) != MAP_NONE)
            choose(r->m, timeline_go_of(r->m->tl, e->g));
    }
    return !r->m->failed;
}

/* Who created those that are chosen, and who woke them in some of the chunks in which they do
 * something: chunks of all of the trace, if there are more.  Some 5 ms each. */
static void choose_related(struct making *m)
{
    const struct timeline *tl = m->tl;
    const struct timeline_lanes *lanes = &tl->lanes[TIMELINE_CLASS_GO];
    const size_t n_chosen = m->chosen.n;
    struct related r = {.m = m};
    uint8_t *is_wanted = calloc(tl->chunks.n + 1, 1);
    size_t n = 0, seen = 0;
    m->failed |= !is_wanted;
    for (size_t i = 0; i < n_chosen && !m->failed; i++) {
        const struct timeline_go *g = &tl->goes.items[m->chosen.items[i]];
        m->failed |= !map_put(&r.of, (uint64_t)g->id, 1);
        choose(m, g->parent);
        for (uint32_t k = lanes->begins[g->lane]; k < lanes->begins[g->lane + 1]; k++) {
            size_t chunk = lanes->sums[k].stretch / TIMELINE_STRETCHES;
            n += !is_wanted[chunk];
            is_wanted[chunk] = 1;
        }
    }
    const size_t most = n < RELATED_CHUNKS ? n : RELATED_CHUNKS;
    for (size_t chunk = 0; chunk < tl->chunks.n && !m->failed; chunk++) {
        if (!is_wanted[chunk])
            continue;
        bool is_next = seen * most / n != (seen + 1) * most / n;
        seen++;
        if (is_next && !timeline_store_replay(&tl->store, chunk, look_for_wakes, &r))
            m->failed = true;
    }
    map_release(&r.of);
    free(is_wanted);
}

/* ---- tasks ---- */

enum { WITHIN_UNKNOWN, WITHIN_NOT, WITHIN };

/* Which tasks are `ancestor`, or within it: of each one of these; NULL: no memory.  O(tasks). */
static uint8_t *all_within(const struct timeline *tl, uint64_t ancestor)
{
    uint8_t *is = calloc(tl->tasks.n + 1, 1);
    uint32_t *way = malloc(tl->tasks.n * sizeof *way + 1);
    for (uint32_t i = 0; is && way && i < tl->tasks.n; i++) {
        uint8_t found = WITHIN_NOT;
        size_t n = 0;
        for (uint32_t task = i; task < tl->tasks.n;
             task = map_get(&tl->task_of, tl->tasks.items[task].parent)) {
            const struct timeline_task *t = &tl->tasks.items[task];
            if (is[task] == WITHIN_UNKNOWN && t->id == ancestor)
                is[task] = WITHIN;
            found = is[task];
            if (found != WITHIN_UNKNOWN)
                break;
            way[n++] = task;
            is[task] = WITHIN_NOT; /* who comes here again goes round */
            found = WITHIN_NOT;
            if (!t->parent)
                break;
        }
        while (n)
            is[way[--n]] = found;
    }
    if (!way) {
        free(is);
        is = NULL;
    }
    free(way);
    return is;
}

size_t timeline_task_lane(const struct timeline *tl, uint32_t task)
{
    size_t low = 0, high = tl->task_lanes.n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (tl->task_lanes.items[mid].task < task)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void add_task(struct making *m, uint32_t task)
{
    const struct timeline *tl = m->tl;
    const struct timeline_task *t = &tl->tasks.items[task];
    size_t at = timeline_task_lane(tl, task);
    unsigned lanes = 1;
    while (at < tl->task_lanes.n && tl->task_lanes.items[at].task == task && lanes <= TASK_LANES) {
        at++;
        lanes++;
    }
    add_track(m,
              (struct timeline_track){.kind = TIMELINE_VIEW_TASK,
                                      .lanes = (uint8_t)lanes,
                                      .entity = task,
                                      .id = (int64_t)t->id,
                                      .first_ns = t->begin_ns < 0 ? 0 : t->begin_ns,
                                      .last_ns = t->end_ns < 0 ? tl->last_ns : t->end_ns},
              trace_string(tl->trace, t->name, NULL));
}

static void add_tasks(struct making *m, uint64_t ancestor)
{
    const struct timeline *tl = m->tl;
    uint8_t *is_within = ancestor ? all_within(tl, ancestor) : NULL;
    m->failed |= ancestor && !is_within;
    for (uint32_t i = 0; i < tl->tasks.n && !m->failed; i++)
        if (!ancestor || is_within[i] == WITHIN)
            add_task(m, i);
    free(is_within);
}

/* Goroutines that have regions of the task or those within it. */
static void choose_of_task(struct making *m, uint64_t ancestor)
{
    const struct timeline *tl = m->tl;
    uint8_t *is_within = all_within(tl, ancestor);
    m->failed |= !is_within;
    for (size_t i = 0; i < tl->task_lanes.n && !m->failed; i++)
        if (is_within[tl->task_lanes.items[i].task] == WITHIN)
            choose(m, tl->lane_of.items[tl->task_lanes.items[i].lane].goroutine);
    free(is_within);
}

bool timeline_tracks(const struct timeline *tl, const struct timeline_selection *selection,
                     struct timeline_tracks *out, struct err *err)
{
    struct making m = {.tl = tl, .out = out};
    *out = (struct timeline_tracks){.view = selection->view};
    size_t most = tl->goes.n + tl->tasks.n + tl->procs.n + tl->threads.n;
    if (most > TIMELINE_TRACKS_MAX)
        most = TIMELINE_TRACKS_MAX;
    m.failed = !timeline_texts_init(&out->texts) ||
               !(out->tracks = ARENA_ARRAY(&out->texts.arena, struct timeline_track, most + 1));
    if (!m.failed && selection->with_tasks)
        add_tasks(&m, selection->task);
    if (m.failed || (selection->view == TIMELINE_VIEW_TASK && selection->with_tasks)) {
        /* they are there */
    } else if (selection->view == TIMELINE_VIEW_TASK) {
        add_tasks(&m, selection->task);
    } else if (selection->view != TIMELINE_VIEW_GOROUTINE) {
        add_places(&m, selection->view);
    } else if (!selection->n_goids && !selection->function && !selection->task) {
        add_goroutines(&m, true);
    } else {
        for (uint32_t i = 0; i < selection->n_goids; i++)
            choose(&m, timeline_go_of(tl, selection->goids[i]));
        if (selection->related)
            choose_related(&m);
        for (uint32_t i = 0; i < tl->goes.n && selection->function; i++)
            if (strcmp(timeline_function(tl, i), selection->function) == 0)
                choose(&m, i);
        if (selection->task)
            choose_of_task(&m, selection->task);
        add_goroutines(&m, false);
    }
    vec_release(&m.chosen);
    map_release(&m.is_chosen);
    if (!m.failed)
        return true;
    timeline_tracks_release(out);
    *out = (struct timeline_tracks){0};
    return err_nomem(err);
}

void timeline_tracks_release(struct timeline_tracks *tracks)
{
    map_release(&tracks->of);
    timeline_texts_release(&tracks->texts);
}

/* ---- where a goroutine is ---- */

struct place {
    const struct timeline *tl;
    int64_t id, at_ns;
    int64_t m;
    int32_t p;
};

static bool look_for_place(void *arg, const struct trace_event *events, size_t n)
{
    struct place *place = arg;
    for (size_t i = 0; i < n; i++) {
        const struct trace_event *e = &events[i];
        if ((int64_t)((uint64_t)e->time_ns - (uint64_t)place->tl->first_ns) > place->at_ns)
            return false;
        if (e->type == GOTRACE_GO_START && (int64_t)e->args[0] == place->id) {
            place->m = e->m;
            place->p = e->p;
        } else if (e->g == place->id) {
            place->m = e->m;
            place->p = e->p;
        }
    }
    return true;
}

uint32_t timeline_track_of(const struct timeline *tl, const struct timeline_tracks *tracks,
                           uint32_t goroutine, int64_t at_ns)
{
    if (goroutine == TIMELINE_NONE || !tracks || !tl->chunks.n)
        return UINT32_MAX;
    if (tracks->view == TIMELINE_VIEW_GOROUTINE || tracks->view == TIMELINE_VIEW_TASK)
        return timeline_tracks_find(tracks, TIMELINE_VIEW_GOROUTINE, goroutine);
    struct place place = {tl, tl->goes.items[goroutine].id, at_ns, TRACE_NONE, TRACE_NONE};
    if (!timeline_store_replay(&tl->store, timeline_chunk_at(tl, at_ns), look_for_place, &place))
        return UINT32_MAX;
    if (tracks->view == TIMELINE_VIEW_PROC)
        return place.p == TRACE_NONE
                   ? UINT32_MAX
                   : timeline_tracks_find(tracks, TIMELINE_VIEW_PROC,
                                          map_get(&tl->proc_of, (uint64_t)(uint32_t)place.p));
    return place.m == TRACE_NONE ? UINT32_MAX
                                 : timeline_tracks_find(tracks, TIMELINE_VIEW_THREAD,
                                                        map_get(&tl->thread_of, (uint64_t)place.m));
}
