/* analysis_export_perfetto: a trace of Perfetto (ui.perfetto.dev, trace_processor): tracks for
 * processors, goroutines with their regions, tasks, the garbage collector; flows from who woke
 * a goroutine to where it ran; counters.  Written as it goes: Perfetto sorts by time.
 * Source of the format: perfetto.dev/docs/reference/trace-packet-proto. */
#include "analysis/analysis_proto.h"
#include "analysis/analysis_text.h"
#include "analysis/analysis_tracks.h"

#define SEQUENCE 1
#define CLOCK_MONOTONIC 3

/* Fields of the messages that are written. */
enum { TRACE_PACKET = 1 };
enum { /* TracePacket */
       PACKET_TIMESTAMP = 8,
       PACKET_SEQUENCE = 10,
       PACKET_TRACK_EVENT = 11,
       PACKET_INTERNED = 12,
       PACKET_FLAGS = 13,
       PACKET_CLOCK = 58,
       PACKET_DEFAULTS = 59,
       PACKET_DESCRIPTOR = 60
};
enum { FLAG_CLEARED = 1, FLAG_NEEDS = 2 };
enum { DESCRIPTOR_UUID = 1, DESCRIPTOR_NAME = 2, DESCRIPTOR_PARENT = 5, DESCRIPTOR_COUNTER = 8 };
enum { COUNTER_UNIT = 3, UNIT_COUNT = 2, UNIT_BYTES = 3 };
enum { /* TrackEvent */
       EVENT_CATEGORIES = 3,
       EVENT_ANNOTATIONS = 4,
       EVENT_TYPE = 9,
       EVENT_NAME = 10,
       EVENT_TRACK = 11,
       EVENT_COUNTER = 30,
       EVENT_FLOWS = 47,
       EVENT_FLOWS_END = 48
};
enum { TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3, TYPE_COUNTER = 4 };
enum { /* InternedData */
       INTERNED_CATEGORIES = 1,
       INTERNED_NAMES = 2,
       INTERNED_KEYS = 3,
       INTERNED_TEXTS = 29
};
enum { ANNOTATION_KEY = 1, ANNOTATION_INT = 4, ANNOTATION_TEXT = 17 };

/* Keys of annotations, as interned. */
enum { KEY_STACK = 1, KEY_END_STACK, KEY_GOROUTINE, KEY_TASK, KEY_TARGET, KEY_THREAD, N_KEYS };
static const char *const keys[N_KEYS] = {
    [KEY_STACK] = "stack", [KEY_END_STACK] = "end stack", [KEY_GOROUTINE] = "goroutine",
    [KEY_TASK] = "task",   [KEY_TARGET] = "wakes",        [KEY_THREAD] = "thread"};

static const char *const categories[ANALYSIS_N_WHATS] = {
    [ANALYSIS_RUNNING] = "running",     [ANALYSIS_RUNNABLE] = "runnable",
    [ANALYSIS_WAITING] = "waiting",     [ANALYSIS_SYSCALL] = "syscall",
    [ANALYSIS_ASSIST] = "gc",           [ANALYSIS_SWEEP] = "gc",
    [ANALYSIS_STOPPED] = "gc",          [ANALYSIS_CYCLE] = "gc",
    [ANALYSIS_REGION] = "region",       [ANALYSIS_TASK] = "task",
    [ANALYSIS_WAKE] = "wake",           [ANALYSIS_CREATE] = "wake",
    [ANALYSIS_SYSCALL_EXIT] = "wake",   [ANALYSIS_PROC_START] = "processor",
    [ANALYSIS_PROC_STOP] = "processor", [ANALYSIS_LOG] = "log",
    [ANALYSIS_SAMPLE] = "sample"};
/* Names of what has none of its own; those of strings of the trace come after. */
static const char *const names[ANALYSIS_N_WHATS] = {[ANALYSIS_RUNNING] = "running",
                                                    [ANALYSIS_RUNNABLE] = "runnable",
                                                    [ANALYSIS_WAITING] = "waiting",
                                                    [ANALYSIS_SYSCALL] = "syscall",
                                                    [ANALYSIS_ASSIST] = "GC mark assist",
                                                    [ANALYSIS_SWEEP] = "GC incremental sweep",
                                                    [ANALYSIS_STOPPED] = "stop-the-world",
                                                    [ANALYSIS_CYCLE] = "GC concurrent mark phase",
                                                    [ANALYSIS_REGION] = "region",
                                                    [ANALYSIS_TASK] = "task",
                                                    [ANALYSIS_WAKE] = "unblock",
                                                    [ANALYSIS_CREATE] = "go",
                                                    [ANALYSIS_SYSCALL_EXIT] =
                                                        "exit blocked syscall",
                                                    [ANALYSIS_PROC_START] = "proc start",
                                                    [ANALYSIS_PROC_STOP] = "proc stop",
                                                    [ANALYSIS_LOG] = "log",
                                                    [ANALYSIS_SAMPLE] = "CPU profile sample"};

/* Tracks have numbers: what they are of in the upper half of the byte in front. */
enum {
    ROOT_PROCS = 1,
    ROOT_GOROUTINES,
    ROOT_TASKS,
    ROOT_GC,
    TRACK_STW,
    TRACK_TIMERS,
    TRACK_NETWORK,
    TRACK_SYSCALLS,
    TRACK_HEAP,
    TRACK_GOAL,
    TRACK_RUNNING,
    TRACK_RUNNABLE,
    TRACK_THREADS
};
#define OF_PROC 1ull
#define OF_GOROUTINE 2ull
#define OF_REGIONS 3ull
#define OF_TASK 4ull

struct perfetto {
    struct analysis_tracks tracks;
    struct buf *out;
    struct map described; /* tracks: the name (string + 1) that they were described with */
    VEC(uint8_t) told_names, told_stacks; /* of strings and stacks: 1 told */
    bool failed;
};

static size_t begin_packet(struct perfetto *p)
{
    return analysis_proto_begin(p->out, TRACE_PACKET);
}

static void end_packet(struct perfetto *p, size_t packet)
{
    analysis_proto_uint(p->out, PACKET_SEQUENCE, SEQUENCE);
    analysis_proto_uint(p->out, PACKET_FLAGS, FLAG_NEEDS);
    analysis_proto_end(p->out, packet);
    buf_drain(p->out);
}

static void interned(struct buf *out, uint32_t field, uint64_t id, const char *text, size_t n)
{
    size_t entry = analysis_proto_begin(out, field);
    analysis_proto_uint(out, 1, id);
    analysis_proto_text(out, 2, text, n);
    analysis_proto_end(out, entry);
}

/* --- tracks --- */

static void describe(struct perfetto *p, uint64_t uuid, uint64_t parent, const char *name, int unit)
{
    size_t packet = begin_packet(p), descriptor = analysis_proto_begin(p->out, PACKET_DESCRIPTOR);
    analysis_proto_uint(p->out, DESCRIPTOR_UUID, uuid);
    analysis_proto_text(p->out, DESCRIPTOR_NAME, name, strlen(name));
    if (parent)
        analysis_proto_uint(p->out, DESCRIPTOR_PARENT, parent);
    if (unit) {
        size_t counter = analysis_proto_begin(p->out, DESCRIPTOR_COUNTER);
        analysis_proto_uint(p->out, COUNTER_UNIT, (uint64_t)unit);
        analysis_proto_end(p->out, counter);
    }
    analysis_proto_end(p->out, descriptor);
    end_packet(p, packet);
}

static uint64_t uuid_of(uint64_t kind, int64_t id)
{
    return kind << 56 | ((uint64_t)id & (((uint64_t)1 << 56) - 1));
}

/* The number of a track, which is described before its first event, and a goroutine's once
 * more when its name is known. */
static uint64_t track_of(struct perfetto *p, enum analysis_track track, int64_t id, uint32_t name)
{
    static const uint64_t fixed[ANALYSIS_N_TRACKS] = {[ANALYSIS_TRACK_GC] = ROOT_GC,
                                                      [ANALYSIS_TRACK_STW] = TRACK_STW,
                                                      [ANALYSIS_TRACK_RUNTIME] = TRACK_TIMERS,
                                                      [ANALYSIS_TRACK_NETWORK] = TRACK_NETWORK,
                                                      [ANALYSIS_TRACK_SYSCALLS] = TRACK_SYSCALLS};
    static const struct {
        uint64_t kind, root;
        const char *format;
    } many[ANALYSIS_N_TRACKS] = {
        [ANALYSIS_TRACK_PROC] = {OF_PROC, ROOT_PROCS, "Proc %lld"},
        [ANALYSIS_TRACK_GOROUTINE] = {OF_GOROUTINE, ROOT_GOROUTINES, "G%lld"},
        [ANALYSIS_TRACK_REGIONS] = {OF_REGIONS, ROOT_GOROUTINES, "G%lld regions"},
        [ANALYSIS_TRACK_TASK] = {OF_TASK, ROOT_TASKS, "T%lld"}};
    if (fixed[track])
        return fixed[track];
    uint64_t uuid = uuid_of(many[track].kind, id), parent = many[track].root;
    uint32_t told = map_get(&p->described, uuid);
    if (told != MAP_NONE && (told == name + 1 || !name))
        return uuid;
    AUTO_BUF text = {0};
    buf_printf(&text, many[track].format, (long long)id);
    if (name)
        buf_printf(&text, " %s", trace_string(p->tracks.trace, name, NULL));
    if (track == ANALYSIS_TRACK_REGIONS)
        parent = track_of(p, ANALYSIS_TRACK_GOROUTINE, id, name);
    describe(p, uuid, parent, buf_str(&text), 0);
    if (text.failed || !map_put(&p->described, uuid, name + 1))
        p->failed = true;
    return uuid;
}

/* --- what is told once --- */

/* Whether number `i` was not told yet; then it is now. */
#define IS_NEW(p, list, i)                                                                         \
    is_new(&(p)->failed, (void *)&(p)->list.items, &(p)->list.n, &(p)->list.cap, (i))

static bool is_new(bool *failed, void **items, size_t *n, size_t *cap, uint32_t i)
{
    if (i >= *n) {
        if (!vec_grow_(items, cap, (size_t)i + 1, 1)) {
            *failed = true;
            return false;
        }
        memset((uint8_t *)*items + *n, 0, *cap - *n);
        *n = *cap;
    }
    uint8_t *told = (uint8_t *)*items + i;
    bool new = !*told;
    *told = 1;
    return new;
}

/* What an event refers to, in a packet that has it for those to come. */
struct words {
    size_t packet, data;
    bool is_open;
};

static void open_words(struct perfetto *p, struct words *w)
{
    if (w->is_open)
        return;
    w->is_open = true;
    w->packet = begin_packet(p);
    w->data = analysis_proto_begin(p->out, PACKET_INTERNED);
}

static void close_words(struct perfetto *p, struct words *w)
{
    if (!w->is_open)
        return;
    analysis_proto_end(p->out, w->data);
    end_packet(p, w->packet);
}

static uint64_t name_id(struct perfetto *p, struct words *w, enum analysis_what what, uint32_t text)
{
    size_t n;
    if (!text)
        return (uint64_t)what + 1;
    if (IS_NEW(p, told_names, text)) {
        const char *s = trace_string(p->tracks.trace, text, &n);
        open_words(p, w);
        interned(p->out, INTERNED_NAMES, ANALYSIS_N_WHATS + (uint64_t)text, s, n);
    }
    return ANALYSIS_N_WHATS + (uint64_t)text;
}

static uint64_t stack_id(struct perfetto *p, struct words *w, uint32_t stack)
{
    uint64_t id = stack;
    if (!stack || !IS_NEW(p, told_stacks, stack))
        return id;
    AUTO_BUF text = {0};
    struct trace_stack s = trace_stack(p->tracks.trace, stack);
    for (uint32_t i = 0; i < s.n_frames; i++) {
        const struct trace_frame *frame = trace_frame(p->tracks.trace, s.frames[i]);
        buf_printf(
            &text, "%s%s %s:%llu", i ? "\n" : "", trace_string(p->tracks.trace, frame->func, NULL),
            trace_string(p->tracks.trace, frame->file, NULL), (unsigned long long)frame->line);
    }
    p->failed |= text.failed;
    open_words(p, w);
    interned(p->out, INTERNED_TEXTS, id, buf_str(&text), text.len);
    return id;
}

/* --- events --- */

static size_t begin_event(struct perfetto *p, int64_t time_ns, int type, uint64_t track,
                          size_t *packet)
{
    *packet = begin_packet(p);
    /* Traces of Go up to 1.21 begin at -1. */
    int64_t first_ns = p->tracks.first_ns;
    analysis_proto_uint(p->out, PACKET_TIMESTAMP,
                        (uint64_t)(first_ns < 0 ? time_ns - first_ns : time_ns));
    size_t event = analysis_proto_begin(p->out, PACKET_TRACK_EVENT);
    analysis_proto_uint(p->out, EVENT_TYPE, (uint64_t)type);
    analysis_proto_uint(p->out, EVENT_TRACK, track);
    return event;
}

static void end_event(struct perfetto *p, size_t event, size_t packet)
{
    analysis_proto_end(p->out, event);
    end_packet(p, packet);
}

static void annotate(struct perfetto *p, int key, uint32_t field, uint64_t value)
{
    if (!value)
        return;
    size_t a = analysis_proto_begin(p->out, EVENT_ANNOTATIONS);
    analysis_proto_uint(p->out, ANNOTATION_KEY, (uint64_t)key);
    analysis_proto_uint(p->out, field, value);
    analysis_proto_end(p->out, a);
}

static void on_slice(void *arg, const struct analysis_slice *s)
{
    struct perfetto *p = arg;
    struct words w = {0};
    size_t packet;
    uint32_t label = s->track == ANALYSIS_TRACK_TASK ? s->text : s->g != TRACE_NONE ? s->name : 0;
    uint64_t track = track_of(p, s->track, s->id, label);
    /* A goroutine's name on its processor; why it waits, what the region is. */
    uint32_t text = s->what == ANALYSIS_RUNNING && s->track == ANALYSIS_TRACK_PROC ? s->name
                    : s->what == ANALYSIS_WAITING || s->what == ANALYSIS_REGION ||
                            s->what == ANALYSIS_TASK || s->what == ANALYSIS_STOPPED
                        ? s->text
                        : 0;
    uint64_t name = name_id(p, &w, s->what, text), stack = stack_id(p, &w, s->stack),
             end_stack = stack_id(p, &w, s->end_stack);
    close_words(p, &w);
    /* Of two that begin at the same time, which is within which is told by the order. */
    int64_t start_ns = s->start_ns + (s->is_inner && s->end_ns > s->start_ns + 1);
    size_t event = begin_event(p, start_ns, TYPE_BEGIN, track, &packet);
    analysis_proto_uint(p->out, EVENT_CATEGORIES, (uint64_t)s->what + 1);
    analysis_proto_uint(p->out, EVENT_NAME, name);
    if (s->g != TRACE_NONE)
        annotate(p, KEY_GOROUTINE, ANNOTATION_INT, (uint64_t)s->g);
    annotate(p, KEY_TASK, ANNOTATION_INT, s->what == ANALYSIS_REGION ? s->task : 0);
    annotate(p, KEY_STACK, ANNOTATION_TEXT, stack);
    annotate(p, KEY_END_STACK, ANNOTATION_TEXT, end_stack);
    if (s->flow)
        analysis_proto_fixed64(p->out, EVENT_FLOWS_END, s->flow);
    end_event(p, event, packet);
    event = begin_event(p, s->end_ns, TYPE_END, track, &packet);
    end_event(p, event, packet);
}

static void on_point(void *arg, const struct analysis_point *o)
{
    struct perfetto *p = arg;
    struct words w = {0};
    size_t packet;
    uint64_t track = track_of(p, o->track, o->id, 0);
    uint64_t name = name_id(p, &w, o->what, o->what == ANALYSIS_LOG ? o->text : 0),
             stack = stack_id(p, &w, o->stack);
    close_words(p, &w);
    size_t event = begin_event(p, o->time_ns, TYPE_INSTANT, track, &packet);
    analysis_proto_uint(p->out, EVENT_CATEGORIES, (uint64_t)o->what + 1);
    analysis_proto_uint(p->out, EVENT_NAME, name);
    if (o->target != TRACE_NONE)
        annotate(p, KEY_TARGET, ANNOTATION_INT, (uint64_t)o->target);
    if (o->what == ANALYSIS_PROC_START && o->m != TRACE_NONE)
        annotate(p, KEY_THREAD, ANNOTATION_INT, (uint64_t)o->m);
    annotate(p, KEY_STACK, ANNOTATION_TEXT, stack);
    if (o->flow)
        analysis_proto_fixed64(p->out, EVENT_FLOWS, o->flow);
    end_event(p, event, packet);
}

static void count(struct perfetto *p, int64_t time_ns, uint64_t track, int64_t value)
{
    size_t packet, event = begin_event(p, time_ns, TYPE_COUNTER, track, &packet);
    analysis_proto_uint(p->out, EVENT_COUNTER, (uint64_t)value);
    end_event(p, event, packet);
}

static void on_counts(void *arg, enum analysis_counters which, int64_t time_ns,
                      const struct analysis_counts *n)
{
    struct perfetto *p = arg;
    const struct analysis_counts *told = &p->tracks.told;
    if (which == ANALYSIS_COUNT_HEAP) {
        if (n->heap != told->heap)
            count(p, time_ns, TRACK_HEAP, (int64_t)n->heap);
        if (n->goal != told->goal)
            count(p, time_ns, TRACK_GOAL, (int64_t)n->goal);
    } else if (which == ANALYSIS_COUNT_GOROUTINES) {
        if (n->running != told->running)
            count(p, time_ns, TRACK_RUNNING, n->running);
        if (n->runnable != told->runnable)
            count(p, time_ns, TRACK_RUNNABLE, n->runnable);
    } else {
        count(p, time_ns, TRACK_THREADS, n->threads);
    }
}

static void on_arrow(void *arg, const struct analysis_arrow *arrow)
{
    (void)arg; /* they are flows from the points */
    (void)arrow;
}

/* --- the analysis --- */

static void write_header(struct perfetto *p)
{
    struct buf *out = p->out;
    size_t packet = begin_packet(p);
    analysis_proto_uint(out, PACKET_SEQUENCE, SEQUENCE);
    analysis_proto_uint(out, PACKET_FLAGS, FLAG_CLEARED);
    size_t defaults = analysis_proto_begin(out, PACKET_DEFAULTS);
    analysis_proto_uint(out, PACKET_CLOCK, CLOCK_MONOTONIC);
    analysis_proto_end(out, defaults);
    size_t data = analysis_proto_begin(out, PACKET_INTERNED);
    for (unsigned i = 0; i < ANALYSIS_N_WHATS; i++) {
        interned(out, INTERNED_CATEGORIES, i + 1, categories[i], strlen(categories[i]));
        interned(out, INTERNED_NAMES, i + 1, names[i], strlen(names[i]));
    }
    for (unsigned i = 1; i < N_KEYS; i++)
        interned(out, INTERNED_KEYS, i, keys[i], strlen(keys[i]));
    analysis_proto_end(out, data);
    analysis_proto_end(out, packet);
    describe(p, ROOT_PROCS, 0, "Processors", 0);
    describe(p, ROOT_GOROUTINES, 0, "Goroutines", 0);
    describe(p, ROOT_TASKS, 0, "Tasks", 0);
    describe(p, ROOT_GC, 0, "GC", 0);
    describe(p, TRACK_STW, ROOT_GC, "Stop the world", 0);
    describe(p, TRACK_TIMERS, ROOT_PROCS, "Timers", 0);
    describe(p, TRACK_NETWORK, ROOT_PROCS, "Network", 0);
    describe(p, TRACK_SYSCALLS, ROOT_PROCS, "Syscalls", 0);
    describe(p, TRACK_HEAP, 0, "Heap", UNIT_BYTES);
    describe(p, TRACK_GOAL, 0, "Heap goal", UNIT_BYTES);
    describe(p, TRACK_RUNNING, 0, "Running goroutines", UNIT_COUNT);
    describe(p, TRACK_RUNNABLE, 0, "Runnable goroutines", UNIT_COUNT);
    describe(p, TRACK_THREADS, 0, "Threads with a processor", UNIT_COUNT);
}

static void *begin(const struct trace *trace, const struct analysis_options *options,
                   struct buf *out, struct err *err)
{
    static const struct analysis_track_ops ops = {on_slice, on_point, on_arrow, on_counts};
    if (options->task) {
        err_set(err, ERR_USAGE, "an export cannot be had for a task; use -goroutine or a time");
        return NULL;
    }
    struct perfetto *p = calloc(1, sizeof *p);
    if (!p) {
        err_nomem(err);
        return NULL;
    }
    p->out = out;
    analysis_tracks_init(&p->tracks, trace, options, &ops, p);
    write_header(p);
    return p;
}

static void on_events(void *state, const struct trace_event *events, size_t n)
{
    struct perfetto *p = state;
    if (!p->out->failed)
        analysis_tracks_events(&p->tracks, events, n);
}

static bool end(void *state, struct err *err)
{
    struct perfetto *p = state;
    bool ok = analysis_tracks_end(&p->tracks);
    return (ok && !p->failed) || err_nomem(err);
}

static void release(void *state)
{
    struct perfetto *p = state;
    if (!p)
        return;
    analysis_tracks_release(&p->tracks);
    map_release(&p->described);
    vec_release(&p->told_names);
    vec_release(&p->told_stacks);
    free(p);
}

extern const struct analysis_ops analysis_export_perfetto;
const struct analysis_ops analysis_export_perfetto = {.name = "perfetto",
                                                      .help = "A trace of Perfetto",
                                                      .group = ANALYSIS_EXPORT,
                                                      .extension = ".pftrace",
                                                      .begin = begin,
                                                      .events = on_events,
                                                      .end = end,
                                                      .free = release};
