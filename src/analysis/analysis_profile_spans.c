/* analysis_profile_spans: times between a begin and an end, by the stack of the begin and with
 * their name as a label: the profiles gc (collections, assists, sweeps, stops of the world),
 * regions and tasks.  What has not ended counts up to the last event.
 * A span that began before the trace has no stack. */
#include "analysis/analysis.h"
#include "analysis/analysis_profile.h"
#include "analysis/analysis_window.h"

struct span {
    int64_t g; /* whose; of regions the innermost is the last one */
    uint64_t key;
    int64_t since_ns;
    uint32_t stack, label;
};

struct spans {
    const struct trace *trace;
    const struct analysis_options *options;
    struct analysis_window window;
    struct analysis_profile profile;
    VEC(struct span) open; /* of gc */
    /* of regions and tasks: rows of `open` by goroutine or task; free rows and a goroutine's outer
     * region are chained by `next` */
    VEC(uint32_t) next;
    struct map last; /* the innermost of each key */
    uint32_t free_row;
    int64_t first_ns, end_ns;
    const struct analysis_types *types;
    bool failed;
};

#define NO_ROW UINT32_MAX           /* also what map_get says of a key that was never there */
#define ALL_CLOSED (UINT32_MAX - 1) /* in `last`: the key was there, and all its spans ended */

static const struct analysis_types gc_types = {.type = {"contentions", "delay"},
                                               .unit = {"count", "nanoseconds"},
                                               .period_type = "trace",
                                               .period_unit = "count",
                                               .period = 1,
                                               .label = "range"};
static const struct analysis_types region_types = {.type = {"regions", "time"},
                                                   .unit = {"count", "nanoseconds"},
                                                   .period_type = "trace",
                                                   .period_unit = "count",
                                                   .period = 1,
                                                   .label = "region"};
static const struct analysis_types task_types = {.type = {"tasks", "time"},
                                                 .unit = {"count", "nanoseconds"},
                                                 .period_type = "trace",
                                                 .period_unit = "count",
                                                 .period = 1,
                                                 .label = "task"};

static struct spans *begin_spans(const struct trace *trace, const struct analysis_options *options,
                                 const struct analysis_types *types, struct err *err)
{
    if (options->goroutine_name) {
        err_set(err, ERR_USAGE, "this profile cannot be had for a start function; use -goroutine");
        return NULL;
    }
    struct spans *s = calloc(1, sizeof *s);
    if (!s) {
        err_nomem(err);
        return NULL;
    }
    s->trace = trace;
    analysis_profile_init(&s->profile, trace);
    s->options = options;
    s->types = types;
    s->free_row = NO_ROW;
    return s;
}

static void *begin_gc(const struct trace *trace, const struct analysis_options *options,
                      struct buf *out, struct err *err)
{
    (void)out;
    return begin_spans(trace, options, &gc_types, err);
}
static void *begin_regions(const struct trace *trace, const struct analysis_options *options,
                           struct buf *out, struct err *err)
{
    (void)out;
    return begin_spans(trace, options, &region_types, err);
}
static void *begin_tasks(const struct trace *trace, const struct analysis_options *options,
                         struct buf *out, struct err *err)
{
    (void)out;
    return begin_spans(trace, options, &task_types, err);
}

static void count(struct spans *s, const struct span *span, int64_t end_ns)
{
    int64_t ns = analysis_window_clip_of(&s->window, span->g, span->since_ns, end_ns);
    if (ns > 0 && (!s->options->goroutine || span->g == s->options->goroutine))
        analysis_profile_add(&s->profile, span->stack, span->label, 1, ns);
}

/* The innermost open span of `key`; NO_ROW: none. */
static uint32_t innermost(const struct spans *s, uint64_t key)
{
    uint32_t row = map_get(&s->last, key);
    return row == ALL_CLOSED ? NO_ROW : row;
}

/* A span of `key` begins inside the one that is open there already, if any. */
static void open_span(struct spans *s, const struct span *span)
{
    uint32_t row = s->free_row;
    if (row != NO_ROW) {
        s->free_row = s->next.items[row];
    } else {
        row = (uint32_t)s->open.n;
        if (!vec_push(&s->open, *span) || !vec_push(&s->next, NO_ROW)) {
            s->failed = true;
            return;
        }
    }
    s->open.items[row] = *span;
    s->next.items[row] = innermost(s, span->key);
    s->failed |= !map_put(&s->last, span->key, row);
}

/* The innermost span of `key` ends; if none is open it began before the trace. */
static void close_span(struct spans *s, const struct span *unknown, int64_t end_ns)
{
    uint32_t row = innermost(s, unknown->key);
    if (row == NO_ROW) {
        count(s, unknown, end_ns);
        return;
    }
    count(s, &s->open.items[row], end_ns);
    uint32_t outer = s->next.items[row];
    map_put(&s->last, unknown->key, outer == NO_ROW ? ALL_CLOSED : outer);
    s->next.items[row] = s->free_row;
    s->free_row = row;
    s->open.items[row].since_ns = INT64_MIN;
}

static uint32_t label_of(struct spans *s, uint32_t string)
{
    return analysis_profile_label(&s->profile, trace_string(s->trace, string, NULL));
}

static void on_gc(struct spans *s, const struct trace_event *event)
{
    char buf[256];
    struct trace_range range;
    enum trace_kind kind = trace_event_kind(event);
    if (kind < TRACE_KIND_RANGE_BEGIN || kind > TRACE_KIND_RANGE_END ||
        !trace_event_range(s->trace, event, buf, &range))
        return;
    struct span span = {.g = range.scope == TRACE_SCOPE_GOROUTINE ? range.id : event->g,
                        .label = analysis_profile_label(&s->profile, range.name)};
    span.key = (uint64_t)span.label << 40 ^ (uint64_t)range.scope << 60 ^ (uint64_t)range.id;
    span.since_ns = kind == TRACE_KIND_RANGE_BEGIN ? event->time_ns : s->first_ns;
    span.stack = trace_event_stack(event);
    if (kind == TRACE_KIND_RANGE_END)
        close_span(s, &span, event->time_ns);
    else if (kind == TRACE_KIND_RANGE_BEGIN || innermost(s, span.key) == NO_ROW)
        open_span(s, &span); /* active again in a later generation is the same one */
}

static void on_region(struct spans *s, const struct trace_event *event)
{
    struct trace_region region;
    if (!trace_event_region(event, &region) ||
        (s->options->task && region.task != s->options->task))
        return;
    struct span span = {.g = event->g, .key = (uint64_t)event->g, .since_ns = s->first_ns};
    span.label = label_of(s, region.name);
    if (event->type == GOTRACE_USER_REGION_END) {
        close_span(s, &span, event->time_ns);
        return;
    }
    span.since_ns = event->time_ns;
    span.stack = trace_event_stack(event);
    open_span(s, &span);
}

static void on_task(struct spans *s, const struct trace_event *event)
{
    struct trace_task task;
    if (!trace_event_task(event, &task) || (s->options->task && task.id != s->options->task))
        return;
    struct span span = {.g = event->g, .key = task.id, .since_ns = s->first_ns};
    span.label = label_of(s, task.name);
    if (event->type == GOTRACE_USER_TASK_END) {
        close_span(s, &span, event->time_ns);
        return;
    }
    span.since_ns = event->time_ns;
    span.stack = trace_event_stack(event);
    open_span(s, &span);
}

static void on_events(struct spans *s, const struct trace_event *events, size_t n,
                      void (*fn)(struct spans *, const struct trace_event *))
{
    if (!n)
        return;
    if (!s->window.is_set)
        s->first_ns = events[0].time_ns;
    analysis_window_begin(&s->window, s->options, events);
    s->end_ns = events[n - 1].time_ns;
    for (size_t i = 0; i < n; i++)
        fn(s, &events[i]);
}
static void on_gc_events(void *state, const struct trace_event *events, size_t n)
{
    on_events(state, events, n, on_gc);
}
static void on_region_events(void *state, const struct trace_event *events, size_t n)
{
    on_events(state, events, n, on_region);
}
static void on_task_events(void *state, const struct trace_event *events, size_t n)
{
    on_events(state, events, n, on_task);
}

static bool end_spans(void *state, struct err *err)
{
    struct spans *s = state;
    for (size_t i = 0; i < s->open.n; i++)
        if (s->open.items[i].since_ns != INT64_MIN)
            count(s, &s->open.items[i], s->end_ns);
    return !s->failed || err_nomem(err);
}

static struct profile *make_profile(const void *state, struct err *err)
{
    const struct spans *s = state;
    return analysis_profile_seal(&s->profile, s->types, err);
}

static void free_spans(void *state)
{
    struct spans *s = state;
    vec_release(&s->open);
    vec_release(&s->next);
    map_release(&s->last);
    analysis_profile_release(&s->profile);
    free(s);
}

#define SPANS(SYMBOL, NAME, BEGIN, EVENTS, HELP)                                                   \
    extern const struct analysis_ops SYMBOL;                                                       \
    const struct analysis_ops SYMBOL = {.name = NAME,                                              \
                                        .help = HELP,                                              \
                                        .group = ANALYSIS_PROFILE,                                 \
                                        .extension = ".pb.gz",                                     \
                                        .begin = BEGIN,                                            \
                                        .events = EVENTS,                                          \
                                        .end = end_spans,                                          \
                                        .free = free_spans,                                        \
                                        .profile = make_profile}
SPANS(analysis_profile_gc, "gc", begin_gc, on_gc_events,
      "Time of collections, assists, sweeps and stops of the world");
SPANS(analysis_profile_regions, "regions", begin_regions, on_region_events,
      "Time in user regions, by region");
SPANS(analysis_profile_tasks, "tasks", begin_tasks, on_task_events, "Time of user tasks, by task");
