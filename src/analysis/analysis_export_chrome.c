/* analysis_export_chrome: Chrome's JSON, as /jsontrace of go tool trace: goroutines on
 * processors with their stacks, arrows for who let them run, counters, the garbage collector.
 * Written as it goes; the names of rows and the stacks come last.
 * Source of the format: cmd/trace/procgen.go, internal/trace/traceviewer/emitter.go. */
#include "analysis/analysis_text.h"
#include "analysis/analysis_tracks.h"

#include <stdio.h>

/* Sections, and rows of the first that are no processors: as Go's. */
enum { PROCS, STATS, TASKS };
#define ROW_TIMERS 1000001
#define ROW_NETWORK 1000002
#define ROW_SYSCALLS 1000003
#define ROW_GC 1000004
#define ROW_STW 1000005

struct chrome_node {
    uint32_t parent, frame;
};

struct chrome_task {
    uint64_t id;
    uint32_t name;
};

struct chrome {
    struct analysis_tracks tracks;
    struct buf *out;
    struct json j;
    bool has_events;
    uint64_t n_arrows, n_regions;
    VEC(uint8_t) procs; /* 1: has a row */
    VEC(struct chrome_task) tasks;
    struct map nodes;             /* parent << 32 | frame: number of a node of the tree of frames */
    VEC(struct chrome_node) tree; /* place 0 is the root */
    struct map stacks;            /* stack: its node */
    bool failed;
};

/* The node of a stack, from the outermost frame inwards; 0: no stack. */
static uint32_t node_of(struct chrome *c, uint32_t stack)
{
    struct trace_stack s = trace_stack(c->tracks.trace, stack);
    uint32_t node = stack ? map_get(&c->stacks, stack) : 0;
    if (node != MAP_NONE)
        return node;
    node = 0;
    for (uint32_t i = s.n_frames; i-- > 0;) {
        uint32_t next = (uint32_t)c->tree.n;
        uint32_t child = map_get_or_put(&c->nodes, (uint64_t)node << 32 | s.frames[i], next);
        if (child == MAP_NONE ||
            (child == next && !vec_push(&c->tree, (struct chrome_node){node, s.frames[i]}))) {
            c->failed = true;
            return 0;
        }
        node = child;
    }
    if (!map_put(&c->stacks, stack, node))
        c->failed = true;
    return node;
}

/* --- events --- */

static void json_us(struct json *j, const char *key, int64_t ns)
{
    json_key(j, key);
    json_decimal(j, ns, 3);
}

static void begin_event(struct chrome *c, const char *phase, int section, int64_t row)
{
    if (c->has_events)
        buf_puts(c->out, ",\n");
    c->has_events = true;
    c->j = (struct json){.out = c->out};
    json_open(&c->j, '{');
    json_member(&c->j, "ph", str_of(phase));
    json_member_int(&c->j, "pid", section);
    json_member_int(&c->j, "tid", row);
}

static void end_event(struct chrome *c)
{
    json_close(&c->j, '}');
    buf_drain(c->out);
}

static void json_time(struct chrome *c, int64_t time_ns)
{
    json_us(&c->j, "ts", time_ns - c->tracks.first_ns);
}

static void json_node(struct chrome *c, const char *key, uint32_t stack)
{
    uint32_t node = node_of(c, stack);
    if (node)
        json_member_int(&c->j, key, node);
}

static int64_t row_of(struct chrome *c, enum analysis_track track, int64_t id)
{
    switch (track) {
    case ANALYSIS_TRACK_GC:
        return ROW_GC;
    case ANALYSIS_TRACK_STW:
        return ROW_STW;
    case ANALYSIS_TRACK_RUNTIME:
        return ROW_TIMERS;
    case ANALYSIS_TRACK_NETWORK:
        return ROW_NETWORK;
    case ANALYSIS_TRACK_SYSCALLS:
        return ROW_SYSCALLS;
    default:
        break;
    }
    while (track == ANALYSIS_TRACK_PROC && id >= 0 && id < 1 << 16 && c->procs.n <= (size_t)id)
        if (!vec_push(&c->procs, 0)) {
            c->failed = true;
            return id;
        }
    if (track == ANALYSIS_TRACK_PROC && id >= 0 && (size_t)id < c->procs.n)
        c->procs.items[id] = 1;
    return id;
}

static void json_name(struct chrome *c, const struct analysis_slice *s)
{
    AUTO_BUF name = {0};
    const struct trace *trace = c->tracks.trace;
    switch (s->what) {
    case ANALYSIS_RUNNING:
        buf_printf(&name, "G%lld", (long long)s->g);
        if (s->name)
            buf_printf(&name, " %s", trace_string(trace, s->name, NULL));
        if (s->label)
            buf_printf(&name, " (%s)", trace_string(trace, s->label, NULL));
        break;
    case ANALYSIS_SYSCALL:
        buf_puts(&name, "syscall");
        break;
    case ANALYSIS_ASSIST:
        buf_puts(&name, "GC mark assist");
        break;
    case ANALYSIS_SWEEP:
        buf_puts(&name, "GC incremental sweep");
        break;
    case ANALYSIS_STOPPED:
        buf_printf(&name, "stop-the-world (%s)", trace_string(trace, s->text, NULL));
        break;
    case ANALYSIS_CYCLE:
        buf_puts(&name, "GC concurrent mark phase");
        break;
    default:
        buf_puts(&name, trace_string(trace, s->text, NULL));
        break;
    }
    json_member(&c->j, "name", (struct str){buf_str(&name), name.len});
}

static void on_region(struct chrome *c, const struct analysis_slice *s)
{
    c->n_regions++;
    for (int is_end = 0; is_end < 2; is_end++) {
        begin_event(c, is_end ? "e" : "b", PROCS, s->g);
        json_name(c, s);
        json_member(&c->j, "cat", STR("Region"));
        json_member_int(&c->j, "id", (int64_t)c->n_regions);
        json_time(c, is_end ? s->end_ns : s->start_ns);
        json_node(c, "sf", is_end ? s->end_stack : s->stack);
        if (is_end) {
            json_key(&c->j, "args");
            json_open(&c->j, '{');
            json_member_int(&c->j, "taskid", (int64_t)s->task);
            json_member_int(&c->j, "g", s->g);
            json_close(&c->j, '}');
        }
        end_event(c);
    }
}

static void on_slice(void *arg, const struct analysis_slice *s)
{
    struct chrome *c = arg;
    if (s->track == ANALYSIS_TRACK_GOROUTINE)
        return; /* it is on its processor */
    if (s->track == ANALYSIS_TRACK_REGIONS) {
        on_region(c, s);
        return;
    }
    bool is_task = s->track == ANALYSIS_TRACK_TASK;
    if (is_task && !vec_push(&c->tasks, (struct chrome_task){(uint64_t)s->id, s->text}))
        c->failed = true;
    begin_event(c, "X", is_task ? TASKS : PROCS, row_of(c, s->track, s->id));
    json_name(c, s);
    json_time(c, s->start_ns);
    json_us(&c->j, "dur", s->end_ns - s->start_ns);
    json_node(c, "sf", s->stack);
    json_node(c, "esf", s->end_stack);
    if (s->what == ANALYSIS_SYSCALL) {
        json_key(&c->j, "args");
        json_open(&c->j, '{');
        json_member(&c->j, "blocked", s->has_blocked ? STR("yes") : STR("no"));
        json_close(&c->j, '}');
    }
    end_event(c);
}

static void json_cause(struct chrome *c, enum analysis_what what, uint32_t reason)
{
    char text[256];
    if (what == ANALYSIS_CREATE)
        snprintf(text, sizeof text, "go");
    else if (what == ANALYSIS_SYSCALL_EXIT)
        snprintf(text, sizeof text, "exit blocked syscall");
    else if (reason)
        snprintf(text, sizeof text, "unblock (%s)", trace_string(c->tracks.trace, reason, NULL));
    else
        snprintf(text, sizeof text, "unblock");
    json_member(&c->j, "name", str_of(text));
}

static void on_point(void *arg, const struct analysis_point *p)
{
    struct chrome *c = arg;
    if (p->track == ANALYSIS_TRACK_GOROUTINE)
        return;
    begin_event(c, "I", PROCS, row_of(c, p->track, p->id));
    json_member(&c->j, "s", STR("t"));
    json_time(c, p->time_ns);
    json_node(c, "sf", p->stack);
    if (p->what == ANALYSIS_LOG) {
        AUTO_BUF name = {0};
        if (p->category)
            buf_printf(&name, "[%s] ", trace_string(c->tracks.trace, p->category, NULL));
        buf_puts(&name, trace_string(c->tracks.trace, p->text, NULL));
        json_member(&c->j, "name", (struct str){buf_str(&name), name.len});
        json_member(&c->j, "cat", STR("user event"));
    } else if (p->what == ANALYSIS_SAMPLE) {
        json_member(&c->j, "name", STR("CPU profile sample"));
    } else if (p->what == ANALYSIS_PROC_START || p->what == ANALYSIS_PROC_STOP) {
        json_member(&c->j, "name",
                    p->what == ANALYSIS_PROC_START ? STR("proc start") : STR("proc stop"));
        json_key(&c->j, "args");
        json_open(&c->j, '{');
        json_member_int(&c->j, "thread", p->m);
        json_member_int(&c->j, "proc", p->id);
        json_close(&c->j, '}');
    } else {
        json_cause(c, p->what, p->text);
    }
    end_event(c);
}

static void on_arrow(void *arg, const struct analysis_arrow *a)
{
    struct chrome *c = arg;
    c->n_arrows++;
    for (int is_end = 0; is_end < 2; is_end++) {
        begin_event(c, is_end ? "t" : "s", PROCS,
                    is_end ? row_of(c, ANALYSIS_TRACK_PROC, a->to_p)
                           : row_of(c, a->from, a->from_id));
        json_cause(c, a->what, a->text);
        json_member_int(&c->j, "id", (int64_t)c->n_arrows);
        json_time(c, is_end ? a->to_ns : a->from_ns);
        if (!is_end)
            json_node(c, "sf", a->stack);
        end_event(c);
    }
}

static void on_counts(void *arg, enum analysis_counters which, int64_t time_ns,
                      const struct analysis_counts *n)
{
    struct chrome *c = arg;
    static const char *const names[] = {"Heap", "Goroutines", "Threads"};
    begin_event(c, "C", STATS, 0);
    json_member(&c->j, "name", str_of(names[which]));
    json_time(c, time_ns);
    json_key(&c->j, "args");
    json_open(&c->j, '{');
    if (which == ANALYSIS_COUNT_HEAP) {
        json_member_int(&c->j, "Allocated", (int64_t)n->heap);
        json_member_int(&c->j, "NextGC", n->goal > n->heap ? (int64_t)(n->goal - n->heap) : 0);
    } else if (which == ANALYSIS_COUNT_GOROUTINES) {
        json_member_int(&c->j, "Running", n->running);
        json_member_int(&c->j, "Runnable", n->runnable);
        json_member_int(&c->j, "GCWaiting", n->gc_waiting);
    } else {
        json_member_int(&c->j, "Running", n->threads);
        json_member_int(&c->j, "InSyscall", 0);
    }
    json_close(&c->j, '}');
    end_event(c);
}

/* --- the analysis --- */

static void name_row(struct chrome *c, int section, int64_t row, const char *what, const char *name,
                     int64_t order)
{
    for (int is_order = 0; is_order < 2; is_order++) {
        char key[32];
        snprintf(key, sizeof key, "%s_%s", what, is_order ? "sort_index" : "name");
        begin_event(c, "M", section, row);
        json_member(&c->j, "name", str_of(key));
        json_key(&c->j, "args");
        json_open(&c->j, '{');
        if (is_order)
            json_member_int(&c->j, "sort_index", order);
        else
            json_member(&c->j, "name", str_of(name));
        json_close(&c->j, '}');
        end_event(c);
    }
}

static void name_rows(struct chrome *c)
{
    char name[64];
    name_row(c, STATS, 0, "process", "STATS", 0);
    if (c->tasks.n)
        name_row(c, TASKS, 0, "process", "TASKS", 1);
    for (size_t i = 0; i < c->tasks.n; i++) {
        AUTO_BUF text = {0};
        buf_printf(&text, "T%llu %s", (unsigned long long)c->tasks.items[i].id,
                   trace_string(c->tracks.trace, c->tasks.items[i].name, NULL));
        name_row(c, TASKS, (int64_t)c->tasks.items[i].id, "thread", buf_str(&text), (int64_t)i);
    }
    name_row(c, PROCS, 0, "process", "PROCS", 2);
    name_row(c, PROCS, ROW_GC, "thread", "GC", -6);
    name_row(c, PROCS, ROW_STW, "thread", "STW", -5);
    name_row(c, PROCS, ROW_NETWORK, "thread", "Network", -4);
    name_row(c, PROCS, ROW_TIMERS, "thread", "Timers", -2);
    name_row(c, PROCS, ROW_SYSCALLS, "thread", "Syscalls", -3);
    for (size_t i = 0; i < c->procs.n; i++) {
        if (!c->procs.items[i])
            continue;
        snprintf(name, sizeof name, "Proc %zu", i);
        name_row(c, PROCS, (int64_t)i, "thread", name, (int64_t)i);
    }
}

static void write_frames(struct chrome *c)
{
    AUTO_BUF name = {0};
    const struct trace *trace = c->tracks.trace;
    buf_puts(c->out, "],\n\"stackFrames\":{");
    for (size_t i = 1; i < c->tree.n; i++) {
        const struct chrome_node *node = &c->tree.items[i];
        const struct trace_frame *frame = trace_frame(trace, node->frame);
        struct json j = {.out = c->out};
        buf_printf(c->out, "%s\n\"%zu\":", i > 1 ? "," : "", i);
        buf_clear(&name);
        buf_printf(&name, "%s:%llu", trace_string(trace, frame->func, NULL),
                   (unsigned long long)frame->line);
        json_open(&j, '{');
        json_member(&j, "name", (struct str){buf_str(&name), name.len});
        if (node->parent)
            json_member_int(&j, "parent", node->parent);
        json_close(&j, '}');
        buf_drain(c->out);
    }
    buf_puts(c->out, "}}\n");
}

static void *begin(const struct trace *trace, const struct analysis_options *options,
                   struct buf *out, struct err *err)
{
    static const struct analysis_track_ops ops = {on_slice, on_point, on_arrow, on_counts};
    if (options->task) {
        err_set(err, ERR_USAGE, "an export cannot be had for a task; use -goroutine or a time");
        return NULL;
    }
    struct chrome *c = calloc(1, sizeof *c);
    if (!c || !vec_push(&c->tree, (struct chrome_node){0})) {
        free(c);
        err_nomem(err);
        return NULL;
    }
    c->out = out;
    analysis_tracks_init(&c->tracks, trace, options, &ops, c);
    buf_puts(out, "{\"displayTimeUnit\":\"ns\",\n\"traceEvents\":[\n");
    return c;
}

static void on_events(void *state, const struct trace_event *events, size_t n)
{
    struct chrome *c = state;
    if (!c->out->failed)
        analysis_tracks_events(&c->tracks, events, n);
}

static bool end(void *state, struct err *err)
{
    struct chrome *c = state;
    bool ok = analysis_tracks_end(&c->tracks);
    name_rows(c);
    write_frames(c);
    return (ok && !c->failed) || err_nomem(err);
}

static void release(void *state)
{
    struct chrome *c = state;
    if (!c)
        return;
    analysis_tracks_release(&c->tracks);
    vec_release(&c->procs);
    vec_release(&c->tasks);
    vec_release(&c->tree);
    map_release(&c->nodes);
    map_release(&c->stacks);
    free(c);
}

extern const struct analysis_ops analysis_export_chrome;
const struct analysis_ops analysis_export_chrome = {.name = "chrome",
                                                    .help = "JSON of Chrome's trace viewer",
                                                    .group = ANALYSIS_EXPORT,
                                                    .extension = ".json",
                                                    .begin = begin,
                                                    .events = on_events,
                                                    .end = end,
                                                    .free = release};
