#include "timeline/timeline_answer.h"

#include "base/pool.h"

#include <stdatomic.h>
#include <string.h>

/* ---- texts ---- */

bool timeline_texts_init(struct timeline_texts *texts)
{
    arena_init(&texts->arena);
    return intern_init(&texts->texts, &texts->arena);
}

void timeline_texts_release(struct timeline_texts *texts)
{
    intern_release(&texts->texts);
    arena_release(&texts->arena);
}

uint32_t timeline_texts_add(struct timeline_texts *texts, const char *text, bool *failed)
{
    uint32_t id = *text ? intern_add(&texts->texts, str_of(text)) : 0;
    if (id != INTERN_NONE)
        return id;
    *failed = true;
    return 0;
}

/* ---- the whole trace ---- */

struct timeline_stats timeline_stats(const struct timeline *tl)
{
    struct timeline_stats stats = {
        .first_ns = tl->first_ns,
        .duration_ns = tl->last_ns,
        .n_events = tl->totals[TIMELINE_COUNT_EVENTS],
        .n_samples = tl->totals[TIMELINE_COUNT_SAMPLES],
        .n_regions = tl->n_regions,
        .n_logs = tl->n_logs,
        .n_wakes = tl->totals[TIMELINE_COUNT_WAKES],
        .n_creates = tl->totals[TIMELINE_COUNT_CREATES],
        .n_switches = tl->totals[TIMELINE_COUNT_SWITCHES],
        .n_goroutines = (uint32_t)tl->goes.n,
        .n_procs = (uint32_t)tl->procs.n,
        .n_threads = (uint32_t)tl->threads.n,
        .n_tasks = (uint32_t)tl->tasks.n,
        .n_cycles = (uint32_t)tl->cycles.n,
        .n_pauses = (uint32_t)tl->pauses.n,
    };
    stats.index_bytes =
        timeline_store_bytes(&tl->store) + timeline_past_bytes(&tl->past) +
        tl->goes.cap * sizeof *tl->goes.items + tl->go_of.n_slots * sizeof *tl->go_of.slots +
        tl->lane_of.cap * sizeof *tl->lane_of.items + tl->tasks.cap * sizeof *tl->tasks.items +
        tl->task_lanes.cap * sizeof *tl->task_lanes.items +
        (tl->cycles.cap + tl->pauses.cap) * sizeof *tl->cycles.items +
        tl->stretch_ns.cap * sizeof *tl->stretch_ns.items +
        tl->stretches.cap * sizeof *tl->stretches.items +
        tl->chunks.cap * sizeof *tl->chunks.items + tl->held.cap * sizeof *tl->held.items;
    for (int i = 0; i < TIMELINE_N_CLASSES; i++)
        stats.index_bytes += timeline_lanes_bytes(&tl->lanes[i]);
    return stats;
}

struct timeline_goroutine timeline_goroutine(const struct timeline *tl, uint32_t number)
{
    const struct timeline_go *g = &tl->goes.items[number];
    bool was_there = g->initial != TIMELINE_ABSENT;
    struct timeline_goroutine out = {
        .id = g->id,
        .begin_ns = was_there ? -1 : g->seen_ns,
        .end_ns = g->end_ns,
        .first_ns = was_there ? 0 : g->seen_ns,
        .last_ns = g->end_ns < 0 ? tl->last_ns : g->end_ns,
        .parent = g->parent,
        .start_frame = g->start_frame,
        .create_stack = g->create_stack,
        .lanes = 1,
    };
    for (uint32_t lane = tl->lane_of.items[g->lane].next; lane != TIMELINE_NO_LANE;
         lane = tl->lane_of.items[lane].next)
        out.lanes++;
    return out;
}

uint32_t timeline_find_goroutine(const struct timeline *tl, int64_t id)
{
    return timeline_go_of(tl, id);
}

const char *timeline_function(const struct timeline *tl, uint32_t number)
{
    uint32_t frame = tl->goes.items[number].start_frame;
    return frame == UINT32_MAX ? ""
                               : trace_string(tl->trace, trace_frame(tl->trace, frame)->func, NULL);
}

const int32_t *timeline_procs(const struct timeline *tl)
{
    return tl->sorted_procs;
}

const struct timeline_task *timeline_task(const struct timeline *tl, uint32_t number)
{
    return &tl->tasks.items[number];
}

const struct timeline_task *timeline_task_of(const struct timeline *tl, uint64_t id)
{
    uint32_t number = map_get(&tl->task_of, id);
    return number == MAP_NONE ? NULL : &tl->tasks.items[number];
}

const struct timeline_span *timeline_cycles(const struct timeline *tl, uint32_t *n)
{
    *n = (uint32_t)tl->cycles.n;
    return tl->cycles.items;
}

const struct timeline_span *timeline_pauses(const struct timeline *tl, uint32_t *n)
{
    *n = (uint32_t)tl->pauses.n;
    return tl->pauses.items;
}

size_t timeline_chunk_at(const struct timeline *tl, int64_t ns)
{
    size_t low = 0, high = tl->chunks.n;
    while (low < high) { /* the first that begins behind it */
        size_t mid = low + (high - low) / 2;
        if (tl->stretch_ns.items[mid * TIMELINE_STRETCHES] <= ns)
            low = mid + 1;
        else
            high = mid;
    }
    return low ? low - 1 : 0;
}

uint64_t timeline_n_events(const struct timeline *tl, size_t from, size_t to)
{
    if (to >= tl->chunks.n)
        return 0;
    return tl->store.chunks.items[to].first_event + timeline_store_n(&tl->store, to) -
           tl->store.chunks.items[from].first_event;
}

/* ---- names ---- */

static uint8_t kind_of_reason(const char *reason)
{
    static const struct {
        const char *part;
        uint8_t kind;
    } kinds[] = {
        {"GC background sweeper wait", TIMELINE_IDLE},
        {"system goroutine wait", TIMELINE_IDLE},
        {"GC worker (idle)", TIMELINE_IDLE},
        {"GC weak to strong wait", TIMELINE_WAIT_GC},
        {"wait until GC ends", TIMELINE_WAIT_GC},
        {"GC ", TIMELINE_WAIT_GC},
        {"network", TIMELINE_NETWORK},
        {"IO wait", TIMELINE_NETWORK},
        {"socket", TIMELINE_NETWORK},
        {"poll", TIMELINE_NETWORK},
        {"sleep", TIMELINE_SLEEP},
        {"chan ", TIMELINE_SYNC},
        {"select", TIMELINE_SYNC},
        {"sync", TIMELINE_SYNC},
        {"semacquire", TIMELINE_SYNC},
        {"mutex", TIMELINE_SYNC},
        {"lock", TIMELINE_SYNC},
        {"condition", TIMELINE_SYNC},
        {"semaphore", TIMELINE_SYNC},
        {"barrier", TIMELINE_SYNC},
        {"futex", TIMELINE_SYNC},
        {"join", TIMELINE_SYNC},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(reason, kinds[i].part, strlen(kinds[i].part)) == 0)
            return kinds[i].kind;
    return strstr(reason, "lock") ? TIMELINE_SYNC : TIMELINE_WAITING;
}

uint8_t timeline_kind_of(const struct timeline *tl, const struct timeline_state *state,
                         uint32_t goroutine)
{
    const struct timeline_go *g = goroutine == TIMELINE_NONE ? NULL : &tl->goes.items[goroutine];
    if (state->kind == TIMELINE_RUNNING && g && g->is_collector)
        return TIMELINE_GC_WORK;
    if (state->kind != TIMELINE_WAITING)
        return state->kind;
    if (g && g->is_background)
        return TIMELINE_IDLE;
    return state->what ? kind_of_reason(trace_string(tl->trace, state->what, NULL))
                       : TIMELINE_WAITING;
}

const char *timeline_stack_name(const struct timeline *tl, uint32_t stack)
{
    static const char *const inner[] = {
        "runtime.",           "internal/runtime/",  "runtime/internal/",      "syscall.Syscall",
        "syscall.RawSyscall", "syscall.rawSyscall", "syscall.rawVforkSyscall"};
    if (!stack || stack >= trace_n_stacks(tl->trace))
        return "";
    struct trace_stack frames = trace_stack(tl->trace, stack);
    for (uint32_t i = 0; i < frames.n_frames; i++) {
        const char *name =
            trace_string(tl->trace, trace_frame(tl->trace, frames.frames[i])->func, NULL);
        bool is_inner = false;
        for (size_t k = 0; k < sizeof inner / sizeof *inner && !is_inner; k++)
            is_inner = strncmp(name, inner[k], strlen(inner[k])) == 0;
        if (!is_inner)
            return name;
    }
    return frames.n_frames
               ? trace_string(tl->trace, trace_frame(tl->trace, frames.frames[0])->func, NULL)
               : "";
}

const char *timeline_name_of(const struct timeline *tl, const struct timeline_state *state,
                             uint32_t goroutine)
{
    switch (state->kind) {
    case TIMELINE_RUNNING:
    case TIMELINE_GC_WORK:
        return goroutine == TIMELINE_NONE ? "" : timeline_function(tl, goroutine);
    case TIMELINE_SYSCALL:
        return timeline_stack_name(tl, state->what);
    case TIMELINE_RUNNABLE:
    case TIMELINE_WAITING:
    case TIMELINE_REGION:
        return state->what ? trace_string(tl->trace, state->what, NULL) : "";
    case TIMELINE_ASSIST:
        return "mark assist";
    case TIMELINE_SWEEP:
        return "sweep";
    case TIMELINE_STW:
        return "stop the world";
    default:
        return "";
    }
}

/* ---- chunks ---- */

static void get_one(void *arg, size_t i)
{
    struct timeline_chunks *chunks = arg;
    chunks->changes[i] = timeline_cache_get(chunks->tl, chunks->from + i, chunks->class);
}

bool timeline_chunks_get(struct timeline_chunks *chunks, const struct timeline *tl,
                         enum timeline_class class, int64_t start_ns, int64_t end_ns)
{
    *chunks = (struct timeline_chunks){.tl = tl, .class = class};
    if (!tl->chunks.n)
        return true;
    chunks->from = timeline_chunk_at(tl, start_ns);
    chunks->to = timeline_chunk_at(tl, end_ns);
    if (timeline_n_events(tl, chunks->from, chunks->to) > tl->exact_events)
        return true;
    size_t n = chunks->to - chunks->from + 1;
    if (!(chunks->changes = calloc(n, sizeof *chunks->changes)))
        return false;
    chunks->is_exact = true;
    pool_run(n, 0, get_one, chunks);
    for (size_t i = 0; i < n; i++)
        if (!chunks->changes[i])
            return false;
    return true;
}

void timeline_chunks_release(struct timeline_chunks *chunks)
{
    if (!chunks->changes)
        return;
    for (size_t i = 0; i <= chunks->to - chunks->from; i++)
        timeline_cache_put(chunks->tl, chunks->changes[i]);
    free(chunks->changes);
    chunks->changes = NULL;
}

static void put_box(const struct timeline_sink *sink, const struct timeline_state *state,
                    int64_t to_ns, int64_t start_ns, int64_t end_ns)
{
    if (state->kind == TIMELINE_ABSENT || state->since_ns >= end_ns || to_ns <= start_ns ||
        to_ns <= state->since_ns)
        return;
    struct timeline_segment box = {.start_ns = state->since_ns, .end_ns = to_ns, .state = *state};
    sink->segment(sink->arg, &box);
}

void timeline_chunks_segments(const struct timeline_chunks *chunks, uint32_t lane, int64_t start_ns,
                              int64_t end_ns, const struct timeline_sink *sink)
{
    const struct timeline *tl = chunks->tl;
    const struct timeline_lanes *lanes = &tl->lanes[chunks->class];
    if (!tl->chunks.n || lane >= lanes->n)
        return;
    if (!chunks->is_exact) {
        timeline_lanes_segments(lanes, lane, start_ns, end_ns, sink->segment, sink->arg);
        return;
    }
    struct timeline_state state =
        timeline_lanes_before(lanes, lane, (uint32_t)(chunks->from * TIMELINE_STRETCHES));
    for (size_t i = 0; i <= chunks->to - chunks->from; i++) {
        uint32_t n;
        const struct timeline_state *items = timeline_changes_of(chunks->changes[i], lane, &n);
        for (uint32_t k = 0; k < n; k++) {
            if (items[k].kind >= TIMELINE_MARK) {
                if (sink->mark && items[k].since_ns >= start_ns && items[k].since_ns < end_ns)
                    sink->mark(sink->arg, &items[k]);
                continue;
            }
            put_box(sink, &state, items[k].since_ns, start_ns, end_ns);
            state = items[k];
            if (state.since_ns >= end_ns)
                return;
        }
    }
    int64_t to_ns =
        timeline_lanes_next(lanes, lane, (uint32_t)((chunks->to + 1) * TIMELINE_STRETCHES));
    put_box(sink, &state, to_ns == INT64_MAX ? tl->last_ns : to_ns, start_ns, end_ns);
}
