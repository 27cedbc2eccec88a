/* The index, made in one pass. */
#include "timeline/timeline_index.h"

#include "timeline/timeline_cache.h"
#include "timeline/timeline_numbers.h"

#include <stdlib.h>
#include <string.h>

#define MOST_TASK_LANES 1000000
#define FEW_SUMS 50000 /* that need not be joined, however small the file is */
#define FEW_PAST_BYTES ((size_t)1 << 20)
#define MOST_PAST_BYTES ((size_t)1 << 30)
/* No program has so many at once; a trace that says so is read in a bounded time and memory. */
#define HELD_MAX 8192  /* goroutines that assist or sweep where a chunk begins */
#define STOPS_MAX 1000 /* stops of the world that go on */

struct timeline_building {
    struct timeline *tl; /* that it is of: the argument of the machine */
    VEC(struct timeline_machine_proc) proc_states;
    struct timeline_numbers numbers;
    int64_t series[TIMELINE_N_SERIES];
    struct timeline_stretch stretch;
    int64_t stretch_begin_ns;
    uint32_t n_in_stretch, n_in_chunk;     /* events; stretches */
    int32_t initial[TIMELINE_N_KINDS + 1]; /* goroutines that were in that state before the trace */
    uint64_t counts[TIMELINE_N_COUNTS];
    VEC(uint32_t) held;  /* goroutines that hold something */
    uint32_t collecting; /* the cycle that goes on; TIMELINE_NONE */
    VEC(uint32_t) stops; /* pauses that go on */
    uint64_t file_bytes;
    int64_t now_ns;
};

struct timeline *timeline_new(void)
{
    struct timeline *tl = calloc(1, sizeof *tl);
    struct timeline_building *b = calloc(1, sizeof *b);
    if (!tl || !b || !(tl->cache = timeline_cache_new())) {
        free(tl);
        free(b);
        return NULL;
    }
    timeline_store_init(&tl->store);
    tl->failed = !timeline_past_init(&tl->past);
    tl->stretch_events = TIMELINE_STRETCH_EVENTS;
    tl->exact_events = TIMELINE_EXACT_EVENTS;
    tl->tile_items = TIMELINE_TILE_ITEMS;
    tl->building = b;
    b->tl = tl;
    b->collecting = TIMELINE_NONE;
    timeline_numbers_init(&b->numbers, tl);
    for (int i = 0; i < TIMELINE_N_SERIES; i++)
        b->series[i] = tl->series_max[i] =
            i == TIMELINE_HEAP || i == TIMELINE_GOAL || i == TIMELINE_N_PROCS ? -1 : 0;
    return tl;
}

static void free_building(struct timeline *tl)
{
    struct timeline_building *b = tl->building;
    if (!b)
        return;
    vec_release(&b->proc_states);
    vec_release(&b->held);
    vec_release(&b->stops);
    free(b);
    tl->building = NULL;
}

void timeline_free(struct timeline *tl)
{
    if (!tl)
        return;
    free_building(tl);
    timeline_cache_free(tl->cache);
    timeline_store_release(&tl->store);
    timeline_past_release(&tl->past);
    for (int i = 0; i < TIMELINE_N_CLASSES; i++)
        timeline_lanes_release(&tl->lanes[i]);
    vec_release(&tl->lane_of);
    vec_release(&tl->goes);
    map_release(&tl->go_of);
    vec_release(&tl->procs);
    vec_release(&tl->threads);
    map_release(&tl->proc_of);
    map_release(&tl->thread_of);
    free(tl->sorted_procs);
    vec_release(&tl->tasks);
    map_release(&tl->task_of);
    vec_release(&tl->task_lanes);
    map_release(&tl->task_lane_of);
    vec_release(&tl->cycles);
    vec_release(&tl->pauses);
    vec_release(&tl->stretch_ns);
    vec_release(&tl->stretches);
    vec_release(&tl->chunks);
    vec_release(&tl->held);
    free(tl);
}

/* Of the file 1/2 % for processors, half of that for threads, 1/2 % for goroutines, 1 % for what
 * was before chunks. */
static void set_bounds(struct timeline *tl, uint64_t file_bytes)
{
    size_t most = (size_t)(file_bytes / 200 / sizeof(struct timeline_sum));
    most = most < FEW_SUMS ? FEW_SUMS : most;
    tl->lanes[TIMELINE_CLASS_PROC].most = most;
    tl->lanes[TIMELINE_CLASS_THREAD].most = most / 2;
    tl->lanes[TIMELINE_CLASS_GO].most = most;
    uint64_t past = file_bytes / 100;
    tl->past.most = past < FEW_PAST_BYTES    ? FEW_PAST_BYTES
                    : past > MOST_PAST_BYTES ? MOST_PAST_BYTES
                                             : (size_t)past;
}

struct trace_reader *timeline_open(struct timeline *tl, const char *path, struct err *err)
{
    struct trace_marks *marks = trace_marks_new();
    if (!marks) {
        err_nomem(err);
        return NULL;
    }
    if (!timeline_store_file(&tl->store, path, marks, err)) /* it has the marks in any case */
        return NULL;
    struct trace_reader *reader = trace_reader_open_marked(path, marks, err);
    if (!reader)
        return NULL;
    tl->trace = trace_reader_trace(reader);
    set_bounds(tl, tl->store.file.len);
    return reader;
}

void timeline_open_events(struct timeline *tl, const struct trace *trace)
{
    tl->trace = trace;
    set_bounds(tl, 0);
}

/* ---- what the machine asks ---- */

static uint32_t go_number(void *arg, int64_t id, bool make)
{
    struct timeline_building *b = arg;
    return timeline_number_go(&b->numbers, id, make, b->now_ns);
}

static uint32_t proc_number(void *arg, int32_t id)
{
    struct timeline_building *b = arg;
    uint32_t number = timeline_number_proc(&b->numbers, id);
    if (number == TIMELINE_NONE || number < b->proc_states.n)
        return number;
    if (b->tl->failed ||
        !vec_push(&b->proc_states, (struct timeline_machine_proc){.g = TIMELINE_NONE})) {
        b->tl->failed = true;
        return TIMELINE_NONE;
    }
    return number;
}

static uint32_t thread_number(void *arg, int64_t id)
{
    struct timeline_building *b = arg;
    return timeline_number_thread(&b->numbers, id);
}

static uint32_t task_number(void *arg, uint64_t id)
{
    struct timeline_building *b = arg;
    return timeline_number_task(b->tl, id);
}

static struct timeline_machine_proc *proc_state(void *arg, uint32_t proc)
{
    struct timeline_building *b = arg;
    return &b->proc_states.items[proc];
}

static bool is_first(void *arg, uint32_t go, int64_t now_ns, uint8_t kind)
{
    struct timeline_building *b = arg;
    struct timeline_go *g = &b->tl->goes.items[go];
    if (g->seen_ns != now_ns || go + 1 != b->tl->goes.n)
        return false;
    g->initial = kind;
    timeline_lanes_set_initial(&b->tl->lanes[TIMELINE_CLASS_GO], g->lane, kind);
    b->initial[kind]++;
    return true;
}

static uint8_t *held(void *arg, uint32_t go)
{
    struct timeline_building *b = arg;
    return &b->tl->goes.items[go].held;
}

/* Also keeps the list of goroutines that hold something: it is asked before each change. */
static uint32_t within_lane(void *arg, uint32_t go)
{
    struct timeline_building *b = arg;
    struct timeline *tl = b->tl;
    if (!tl->goes.items[go].is_listed && !vec_push(&b->held, go))
        tl->failed = true;
    tl->goes.items[go].is_listed = true;
    uint32_t lane = timeline_lane_numbered(tl, go, TIMELINE_LANE_WITHIN);
    return lane == TIMELINE_NO_LANE ? timeline_number_lane(tl, go, TIMELINE_LANE_WITHIN) : lane;
}

static uint32_t region_lane(void *arg, uint32_t go, bool begins)
{
    struct timeline_building *b = arg;
    struct timeline_go *g = &b->tl->goes.items[go];
    if (begins ? g->depth == UINT16_MAX : g->depth == 0)
        return TIMELINE_NO_LANE;
    unsigned depth = begins ? g->depth++ : --g->depth;
    if (depth >= TIMELINE_REGION_LANES)
        return TIMELINE_NO_LANE;
    uint8_t number = (uint8_t)(TIMELINE_LANE_REGIONS + depth);
    uint32_t lane = timeline_lane_numbered(b->tl, go, number);
    return lane == TIMELINE_NO_LANE ? timeline_number_lane(b->tl, go, number) : lane;
}

static uint32_t lane_of_go(void *arg, uint32_t go)
{
    struct timeline_building *b = arg;
    return b->tl->goes.items[go].lane;
}

static inline int series_of(uint8_t kind)
{
    switch (kind) {
    case TIMELINE_RUNNING:
        return TIMELINE_N_RUNNING;
    case TIMELINE_RUNNABLE:
        return TIMELINE_N_RUNNABLE;
    case TIMELINE_SYSCALL:
        return TIMELINE_N_SYSCALL;
    case TIMELINE_WAITING:
        return TIMELINE_N_WAITING;
    default:
        return -1;
    }
}

static inline void set_series(struct timeline_building *b, int i, int64_t value)
{
    struct timeline_stretch *s = &b->stretch;
    b->series[i] = value;
    if (i < 2) {
        s->most[i] = value > s->most[i] ? value : s->most[i];
        s->least[i] = value < s->least[i] ? value : s->least[i];
    } else {
        int32_t v = (int32_t)value, *most = &s->n_most[i - 2], *least = &s->n_least[i - 2];
        *most = v > *most ? v : *most;
        *least = v < *least ? v : *least;
    }
}

static void change(void *arg, enum timeline_class class, uint32_t lane, int64_t since_ns,
                   uint8_t kind, uint32_t what, uint32_t g)
{
    struct timeline_building *b = arg;
    struct timeline *tl = b->tl;
    struct timeline_lanes *lanes = &tl->lanes[class];
    uint8_t before = timeline_lanes_now(lanes, lane)->kind;
    if (before == TIMELINE_ABSENT && kind == TIMELINE_ABSENT)
        return;
    if (class == TIMELINE_CLASS_GO) {
        if (tl->lane_of.items[lane].number == TIMELINE_LANE_STATES) {
            int from = series_of(before), to = series_of(kind);
            if (from >= 0)
                set_series(b, from, b->series[from] - 1);
            if (to >= 0)
                set_series(b, to, b->series[to] + 1);
        }
    } else if (kind == TIMELINE_RUNNING && g != TIMELINE_NONE && tl->goes.items[g].is_collector) {
        kind = TIMELINE_GC_WORK;
    }
    timeline_lanes_change(lanes, lane, since_ns, kind, what, g);
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

/* ---- what else events tell ---- */

static void set_start(struct timeline *tl, uint32_t go, uint32_t stack)
{
    struct timeline_go *g = &tl->goes.items[go];
    struct trace_stack frames = trace_stack(tl->trace, stack);
    if (g->start_frame != UINT32_MAX || !stack || !frames.n_frames)
        return;
    g->start_frame = frames.frames[frames.n_frames - 1];
    const char *name = trace_string(tl->trace, trace_frame(tl->trace, g->start_frame)->func, NULL);
    if (strncmp(name, "runtime.", 8) != 0)
        return;
    g->is_collector |= strcmp(name, "runtime.gcBgMarkWorker") == 0;
    static const char *const background[] = {
        "runtime.bgsweep",        "runtime.bgscavenge", "runtime.forcegchelper",
        "runtime.gcBgMarkWorker", "runtime.runfinq",    "runtime.runFinalizers",
        "runtime.runCleanups",    "runtime.timerproc",  "runtime/trace.Start.func1"};
    for (size_t i = 0; i < sizeof background / sizeof *background; i++)
        g->is_background |= strcmp(name, background[i]) == 0;
}

static void end_spans(struct timeline *tl, int64_t now_ns, int64_t g)
{
    struct timeline_building *b = tl->building;
    uint32_t go = g == TRACE_NONE ? TIMELINE_NONE : go_number(b, g, false);
    for (size_t i = b->stops.n, last = i > STOPS_MAX ? i - STOPS_MAX : 0; i-- > last;) {
        struct timeline_span *span = &tl->pauses.items[b->stops.items[i]];
        if (span->goroutine != go)
            continue;
        span->end_ns = now_ns;
        b->stops.items[i] = b->stops.items[--b->stops.n];
        return;
    }
}

static void add_task_lane(struct timeline *tl, uint32_t task, uint32_t lane)
{
    if (task == TIMELINE_NONE || lane == TIMELINE_NO_LANE || tl->task_lanes.n == MOST_TASK_LANES)
        return;
    uint32_t new = (uint32_t)tl->task_lanes.n;
    uint32_t at = map_get_or_put(&tl->task_lane_of, (uint64_t)task << 32 | lane, new);
    if (at == new && !vec_push(&tl->task_lanes, (struct timeline_task_lane){task, lane}))
        tl->failed = true;
}

static void note_create(struct timeline *tl, const struct trace_event *e)
{
    struct timeline_building *b = tl->building;
    b->counts[TIMELINE_COUNT_CREATES]++;
    uint32_t parent = e->g == TRACE_NONE ? TIMELINE_NONE : go_number(b, e->g, true);
    uint32_t go = go_number(b, (int64_t)e->args[0], false);
    if (go == TIMELINE_NONE)
        return;
    struct timeline_go *g = &tl->goes.items[go];
    g->parent = parent;
    g->end_ns = -1;
    if (e->type != GOTRACE_GO_CREATE_SYSCALL) {
        g->create_stack = (uint32_t)e->args[2];
        set_start(tl, go, (uint32_t)e->args[1]);
    }
}

static void note_label(struct timeline *tl, const struct trace_event *e)
{
    const char *label = trace_string(tl->trace, (uint32_t)e->args[0], NULL);
    uint32_t go;
    if (e->g != TRACE_NONE && strncmp(label, "GC (", 4) == 0 &&
        (go = go_number(tl->building, e->g, false)) != TIMELINE_NONE)
        tl->goes.items[go].is_collector = tl->goes.items[go].is_background = true;
}

static void note_cycle(struct timeline *tl, const struct trace_event *e)
{
    struct timeline_building *b = tl->building;
    if (e->type == GOTRACE_GC_END) {
        if (b->collecting != TIMELINE_NONE)
            tl->cycles.items[b->collecting].end_ns = b->now_ns;
        b->collecting = TIMELINE_NONE;
        return;
    }
    if (b->collecting != TIMELINE_NONE)
        return;
    struct timeline_span cycle = {e->type == GOTRACE_GC_BEGIN ? b->now_ns : 0, -1, TIMELINE_NONE,
                                  0};
    b->collecting = (uint32_t)tl->cycles.n;
    if (!vec_push(&tl->cycles, cycle)) {
        tl->failed = true;
        b->collecting = TIMELINE_NONE;
    }
}

static void note_stop(struct timeline *tl, const struct trace_event *e)
{
    struct timeline_building *b = tl->building;
    b->counts[TIMELINE_COUNT_PAUSES]++;
    struct timeline_span span = {b->now_ns, -1,
                                 e->g == TRACE_NONE ? TIMELINE_NONE : go_number(b, e->g, false),
                                 (uint32_t)e->args[0]};
    if (!vec_push(&b->stops, (uint32_t)tl->pauses.n) || !vec_push(&tl->pauses, span))
        tl->failed = true;
}

static void note_task(struct timeline *tl, const struct trace_event *e)
{
    struct timeline_building *b = tl->building;
    struct trace_task task;
    uint32_t number = task_number(b, e->args[0]);
    if (number == TIMELINE_NONE || !trace_event_task(e, &task))
        return;
    struct timeline_task *t = &tl->tasks.items[number];
    if (e->type == GOTRACE_USER_TASK_BEGIN) {
        t->begin_ns = b->now_ns;
        t->goroutine = e->g == TRACE_NONE ? TIMELINE_NONE : go_number(b, e->g, false);
    } else {
        t->end_ns = b->now_ns;
    }
    if (task.name)
        t->name = task.name;
    if (task.parent != TRACE_NO_TASK && task.parent != TRACE_BACKGROUND_TASK)
        t->parent = task.parent;
}

static void note_region(struct timeline *tl, const struct trace_event *e)
{
    uint32_t task = task_number(tl->building, e->args[0]), go;
    tl->n_regions++;
    if (task == TIMELINE_NONE)
        return;
    tl->tasks.items[task].n_regions++;
    if (e->g == TRACE_NONE || (go = go_number(tl->building, e->g, false)) == TIMELINE_NONE ||
        !tl->goes.items[go].depth)
        return;
    add_task_lane(
        tl, task,
        timeline_lane_numbered(tl, go, TIMELINE_LANE_REGIONS + tl->goes.items[go].depth - 1u));
}

static void note_log(struct timeline *tl, const struct trace_event *e)
{
    uint32_t task = task_number(tl->building, e->args[0]);
    tl->n_logs++;
    if (task != TIMELINE_NONE)
        tl->tasks.items[task].n_logs++;
}

/* Behind the machine. */
static void note(struct timeline *tl, const struct trace_event *e)
{
    struct timeline_building *b = tl->building;
    uint32_t go;
    switch (e->type) {
    case GOTRACE_GO_CREATE:
    case GOTRACE_GO_CREATE_BLOCKED:
    case GOTRACE_GO_CREATE_SYSCALL:
        note_create(tl, e);
        break;
    case GOTRACE_GO_START:
        b->counts[TIMELINE_COUNT_SWITCHES]++;
        break;
    case GOTRACE_GO_UNBLOCK:
    case GOTRACE_GO_SWITCH:
    case GOTRACE_GO_SWITCH_DESTROY:
        b->counts[TIMELINE_COUNT_WAKES]++;
        break;
    case GOTRACE_GO_DESTROY:
    case GOTRACE_GO_DESTROY_SYSCALL:
        b->counts[TIMELINE_COUNT_ENDED]++;
        if (e->g != TRACE_NONE && (go = go_number(b, e->g, false)) != TIMELINE_NONE)
            tl->goes.items[go].end_ns = b->now_ns;
        break;
    case GOTRACE_GO_SYSCALL_BEGIN:
        b->counts[TIMELINE_COUNT_SYSCALLS]++;
        /* fall through */
    case GOTRACE_GO_STOP:
    case GOTRACE_GO_BLOCK:
        if (e->g != TRACE_NONE && (go = go_number(b, e->g, false)) != TIMELINE_NONE &&
            tl->goes.items[go].start_frame == UINT32_MAX)
            set_start(tl, go, (uint32_t)e->args[1]);
        break;
    case GOTRACE_GO_STATUS_STACK:
        if ((go = go_number(b, (int64_t)e->args[0], false)) != TIMELINE_NONE)
            set_start(tl, go, (uint32_t)e->args[3]);
        break;
    case GOTRACE_GO_LABEL:
        note_label(tl, e);
        break;
    case GOTRACE_CPU_SAMPLE:
        b->counts[TIMELINE_COUNT_SAMPLES]++;
        break;
    case GOTRACE_HEAP_ALLOC:
        set_series(b, TIMELINE_HEAP, (int64_t)e->args[0]);
        break;
    case GOTRACE_HEAP_GOAL:
        /* What has no goal is said to have the largest number. */
        set_series(b, TIMELINE_GOAL, e->args[0] >> 62 ? -1 : (int64_t)e->args[0]);
        break;
    case GOTRACE_PROCS_CHANGE:
        set_series(b, TIMELINE_N_PROCS, (int32_t)e->args[0]);
        break;
    case GOTRACE_GC_ACTIVE:
    case GOTRACE_GC_BEGIN:
    case GOTRACE_GC_END:
        note_cycle(tl, e);
        break;
    case GOTRACE_STW_BEGIN:
        note_stop(tl, e);
        break;
    case GOTRACE_STW_END:
        end_spans(tl, b->now_ns, e->g);
        break;
    case GOTRACE_USER_TASK_BEGIN:
    case GOTRACE_USER_TASK_END:
        note_task(tl, e);
        break;
    case GOTRACE_USER_REGION_BEGIN:
        note_region(tl, e);
        break;
    case GOTRACE_USER_LOG:
        note_log(tl, e);
        break;
    default:
        break;
    }
}

/* ---- stretches and chunks ---- */

static void begin_stretch(struct timeline_building *b, int64_t now_ns)
{
    b->stretch_begin_ns = now_ns;
    b->n_in_stretch = 0;
    memset(b->counts, 0, sizeof b->counts);
    for (int i = 0; i < 2; i++)
        b->stretch.most[i] = b->stretch.least[i] = b->series[i];
    for (int i = 2; i < TIMELINE_N_SERIES; i++)
        b->stretch.n_most[i - 2] = b->stretch.n_least[i - 2] = (int32_t)b->series[i];
    if (!vec_push(&b->tl->stretch_ns, now_ns))
        b->tl->failed = true;
}

static void end_stretch(struct timeline_building *b, bool chunk_ends)
{
    struct timeline *tl = b->tl;
    if (!tl->stretch_ns.n || tl->failed)
        return;
    uint32_t number = (uint32_t)tl->stretch_ns.n - 1;
    for (int i = 0; i < TIMELINE_N_CLASSES; i++)
        timeline_lanes_end_stretch(&tl->lanes[i], number, tl->stretch_ns.items, chunk_ends);
    b->counts[TIMELINE_COUNT_EVENTS] = b->n_in_stretch;
    for (int i = 0; i < TIMELINE_N_COUNTS; i++) {
        tl->totals[i] += b->counts[i];
        b->stretch.counts[i] = (uint16_t)b->counts[i];
    }
    if (!vec_push(&tl->stretches, b->stretch))
        tl->failed = true;
}

/* Numbers of stretches that the chunk has no events for: they are as long as nothing. */
static void fill_chunk(struct timeline_building *b, int64_t now_ns)
{
    struct timeline *tl = b->tl;
    while (tl->stretch_ns.n % TIMELINE_STRETCHES && !tl->failed) {
        begin_stretch(b, now_ns);
        memset(b->stretch.counts, 0, sizeof b->stretch.counts);
        if (!vec_push(&tl->stretches, b->stretch))
            tl->failed = true;
    }
}

/* Who holds something where the chunk begins.  Those that do not any more leave the list. */
static void keep_held(struct timeline *tl)
{
    struct timeline_building *b = tl->building;
    size_t n = 0;
    for (size_t i = 0; i < b->held.n; i++) {
        struct timeline_go *go = &tl->goes.items[b->held.items[i]];
        struct timeline_held h = {b->held.items[i], go->held};
        go->is_listed = go->held != 0;
        if (!go->is_listed)
            continue;
        b->held.items[n++] = h.goroutine;
        if (n <= HELD_MAX && !vec_push(&tl->held, h))
            tl->failed = true;
    }
    b->held.n = n;
}

static void begin_chunk(struct timeline_building *b, int64_t now_ns)
{
    struct timeline *tl = b->tl;
    struct timeline_chunk_begin begin = {.first_held = (uint32_t)tl->held.n};
    end_stretch(b, true);
    fill_chunk(b, now_ns);
    memcpy(begin.series, b->series, sizeof begin.series);
    if (!vec_push(&tl->chunks, begin))
        tl->failed = true;
    keep_held(tl);
    timeline_past_chunk(&tl->past, tl->chunks.n - 1);
    begin_stretch(b, now_ns);
    b->n_in_chunk = 1;
}

/* Most events are such; false: it is another. */
static bool keep_step(struct timeline *tl, const struct trace_event *e)
{
    int64_t g = e->g;
    uint32_t stack = 0;
    switch (e->type) {
    case GOTRACE_GO_START:
    case GOTRACE_GO_UNBLOCK:
        g = (int64_t)e->args[0];
        break;
    case GOTRACE_GO_BLOCK:
    case GOTRACE_GO_STOP:
    case GOTRACE_GO_SYSCALL_BEGIN:
        stack = (uint32_t)e->args[1];
        break;
    case GOTRACE_GO_SYSCALL_END:
        break;
    default:
        return false;
    }
    return timeline_past_step(&tl->past, go_number(tl->building, g, false), e, stack,
                              e->type == GOTRACE_GO_START);
}

/* Behind the machine, which has made the goroutine's number. */
static void keep_past(struct timeline *tl, const struct trace_event *e)
{
    struct trace_transition t;
    if (keep_step(tl, e))
        return;
    if (trace_event_is_first_status(e))
        tl->status_ns = tl->last_ns;
    if (!trace_event_transition(e, &t)) {
        timeline_past_event(&tl->past, e);
    } else if (t.scope == TRACE_SCOPE_GOROUTINE) {
        uint32_t go = go_number(tl->building, t.id, false);
        uint32_t stack = timeline_past_change(&tl->past, tl->trace, go, e, &t);
        if (stack)
            tl->goes.items[go].name_stack = stack;
    }
}

void timeline_events(struct timeline *tl, const struct trace_event *events, size_t n)
{
    struct timeline_building *b = tl->building;
    for (size_t i = 0; i < n && !tl->failed; i++) {
        const struct trace_event *e = &events[i];
        if (!tl->has_first) {
            tl->has_first = true;
            tl->first_ns = e->time_ns;
            tl->past.first = *e;
        }
        int64_t now_ns = (int64_t)((uint64_t)e->time_ns - (uint64_t)tl->first_ns);
        b->now_ns = now_ns;
        if (b->n_in_stretch >= tl->stretch_events ||
            now_ns - b->stretch_begin_ns > TIMELINE_STRETCH_MAX_NS) {
            if (b->n_in_chunk == TIMELINE_STRETCHES)
                timeline_store_cut(&tl->store);
        }
        if (timeline_store_add(&tl->store, e)) {
            begin_chunk(b, now_ns);
        } else if ((b->n_in_stretch >= tl->stretch_events ||
                    now_ns - b->stretch_begin_ns > TIMELINE_STRETCH_MAX_NS) &&
                   b->n_in_chunk < TIMELINE_STRETCHES) {
            end_stretch(b, false);
            begin_stretch(b, now_ns);
            b->n_in_chunk++;
        }
        b->n_in_stretch++;
        tl->last_ns = now_ns;
        timeline_machine_event(&ops, b, lane_of_go, e, now_ns);
        note(tl, e);
        keep_past(tl, e);
    }
    tl->failed |= tl->past.failed;
}

/* ---- the end ---- */

static int compare_i32(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static int compare_task_lanes(const void *a, const void *b)
{
    const struct timeline_task_lane *x = a, *y = b;
    if (x->task != y->task)
        return x->task < y->task ? -1 : 1;
    return (x->lane > y->lane) - (x->lane < y->lane);
}

/* Goroutines that were there before the trace count from its beginning. */
static void add_initial(struct timeline *tl)
{
    struct timeline_building *b = tl->building;
    for (uint8_t kind = 0; kind <= TIMELINE_N_KINDS; kind++) {
        int i = series_of(kind);
        int32_t n = b->initial[kind];
        if (i < 0 || !n)
            continue;
        for (size_t k = 0; k < tl->stretches.n; k++) {
            tl->stretches.items[k].n_most[i - 2] += n;
            tl->stretches.items[k].n_least[i - 2] += n;
        }
        for (size_t k = 0; k < tl->chunks.n; k++)
            tl->chunks.items[k].series[i] += n;
    }
    for (size_t k = 0; k < tl->stretches.n; k++)
        for (int i = 0; i < TIMELINE_N_SERIES; i++) {
            const struct timeline_stretch *s = &tl->stretches.items[k];
            int64_t v = i < 2 ? s->most[i] : s->n_most[i - 2];
            tl->series_max[i] = v > tl->series_max[i] ? v : tl->series_max[i];
        }
}

bool timeline_end(struct timeline *tl, struct err *err)
{
    struct timeline_building *b = tl->building;
    if (tl->has_first) {
        end_stretch(b, true);
        fill_chunk(b, tl->last_ns);
    }
    bool good =
        !tl->failed && vec_push(&tl->stretch_ns, tl->last_ns) && timeline_store_seal(&tl->store);
    if (good) {
        add_initial(tl);
        for (int i = 0; i < TIMELINE_N_CLASSES; i++)
            good = timeline_lanes_seal(&tl->lanes[i], tl->stretch_ns.items,
                                       (uint32_t)tl->stretch_ns.n - 1) &&
                   good;
        tl->sorted_procs = malloc(tl->procs.n * sizeof *tl->sorted_procs + 1);
        good = good && tl->sorted_procs;
    }
    if (good) {
        if (tl->procs.n)
            memcpy(tl->sorted_procs, tl->procs.items, tl->procs.n * sizeof *tl->sorted_procs);
        qsort(tl->sorted_procs, tl->procs.n, sizeof *tl->sorted_procs, compare_i32);
        if (tl->task_lanes.n)
            qsort(tl->task_lanes.items, tl->task_lanes.n, sizeof *tl->task_lanes.items,
                  compare_task_lanes);
    }
    timeline_past_seal(&tl->past);
    map_release(&tl->task_lane_of);
    free_building(tl);
    tl->is_sealed = good;
    return good || err_nomem(err);
}
