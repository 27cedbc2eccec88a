/* analysis_profile_states: where the time of goroutines went, all of it: by state (a label) and by
 * the goroutine's own stack.  Waits and system calls have the stack in which they began; running
 * has that in which it ended, which is the next the trace tells; a goroutine that waits for a
 * processor is where it was stopped last. */
#include "analysis/analysis.h"
#include "analysis/analysis_profile.h"
#include "analysis/analysis_window.h"

#include <stdio.h>
#include <string.h>

static const struct analysis_types types = {.type = {"states", "time"},
                                            .unit = {"count", "nanoseconds"},
                                            .period_type = "trace",
                                            .period_unit = "count",
                                            .period = 1,
                                            .label = "state"};

struct goroutine {
    int64_t id;
    int64_t since_ns;
    uint32_t stack, name, reason;
    uint8_t state; /* enum trace_go_state */
};

struct states {
    const struct trace *trace;
    const struct analysis_options *options;
    struct analysis_window window;
    struct map ids;
    VEC(struct goroutine) goroutines;
    VEC(uint32_t) labels; /* of reasons, + 1; 0: none yet */
    struct analysis_profile profile;
    int64_t first_ns, end_ns;
    bool failed;
};

static void *begin(const struct trace *trace, const struct analysis_options *options,
                   struct buf *out, struct err *err)
{
    (void)out;
    if (options->task) {
        err_set(err, ERR_USAGE, "this profile cannot be had for a task; use -goroutine or a time");
        return NULL;
    }
    struct states *s = calloc(1, sizeof *s);
    if (!s) {
        err_nomem(err);
        return NULL;
    }
    s->trace = trace;
    analysis_profile_init(&s->profile, trace);
    s->options = options;
    return s;
}

/* "waiting: chan receive" */
static uint32_t waiting_label(struct states *s, uint32_t reason)
{
    while (s->labels.n <= reason)
        if (!vec_push(&s->labels, 0)) {
            s->failed = true;
            return 0;
        }
    if (!s->labels.items[reason]) {
        char text[GOTRACE_STRING_MAX + 16];
        snprintf(text, sizeof text, "waiting%s%s", reason ? ": " : "",
                 trace_string(s->trace, reason, NULL));
        s->labels.items[reason] = analysis_profile_label(&s->profile, text) + 1;
    }
    return s->labels.items[reason] - 1;
}

static uint32_t label_of(struct states *s, const struct goroutine *g)
{
    if (g->state == TRACE_GO_WAITING)
        return waiting_label(s, g->reason);
    return analysis_profile_label(&s->profile, g->state == TRACE_GO_RUNNING    ? "running"
                                               : g->state == TRACE_GO_RUNNABLE ? "runnable"
                                                                               : "syscall");
}

static void count(struct states *s, const struct goroutine *g, int64_t end_ns, uint32_t stack)
{
    int64_t ns = analysis_window_clip_of(&s->window, g->id, g->since_ns, end_ns);
    if (g->state < TRACE_GO_RUNNABLE || ns <= 0)
        return;
    if (s->options->goroutine_name &&
        strcmp(trace_string(s->trace, g->name, NULL), s->options->goroutine_name) != 0)
        return;
    analysis_profile_add(&s->profile, stack, label_of(s, g), 1, ns);
}

static struct goroutine *find(struct states *s, int64_t id)
{
    uint32_t next = (uint32_t)s->goroutines.n;
    uint32_t row = map_get_or_put(&s->ids, (uint64_t)id, next);
    if (row == MAP_NONE ||
        (row == next && !vec_push(&s->goroutines, (struct goroutine){.id = id}))) {
        s->failed = true;
        return NULL;
    }
    return &s->goroutines.items[row];
}

static void on_transition(struct states *s, int64_t time_ns, const struct trace_transition *t)
{
    if (s->options->goroutine && t->id != s->options->goroutine)
        return;
    struct goroutine *g = find(s, t->id);
    if (!g)
        return;
    if (t->stack && !g->name) {
        struct trace_stack stack = trace_stack(s->trace, t->stack);
        if (stack.n_frames)
            g->name = trace_frame(s->trace, stack.frames[stack.n_frames - 1])->func;
    }
    if (t->from == TRACE_GO_UNDETERMINED) {
        /* It has been so since the trace began. */
        g->state = t->to;
        g->since_ns = s->first_ns;
        g->stack = t->stack;
        g->reason = t->reason;
        return;
    }
    if (t->from == t->to) {
        if (t->stack)
            g->stack = t->stack;
        return;
    }
    count(s, g, time_ns, g->state == TRACE_GO_RUNNING && t->stack ? t->stack : g->stack);
    if (t->stack)
        g->stack = t->stack;
    g->state = t->to;
    g->since_ns = time_ns;
    g->reason = t->reason;
}

static void on_events(void *state, const struct trace_event *events, size_t n)
{
    struct states *s = state;
    struct trace_transition t;
    if (!n)
        return;
    if (!s->window.is_set)
        s->first_ns = events[0].time_ns;
    analysis_window_begin(&s->window, s->options, events);
    s->end_ns = events[n - 1].time_ns;
    for (size_t i = 0; i < n; i++)
        if (trace_event_transition(&events[i], &t) && t.scope == TRACE_SCOPE_GOROUTINE)
            on_transition(s, events[i].time_ns, &t);
}

static bool end(void *state, struct err *err)
{
    struct states *s = state;
    for (size_t i = 0; i < s->goroutines.n; i++)
        count(s, &s->goroutines.items[i], s->end_ns, s->goroutines.items[i].stack);
    return !s->failed || err_nomem(err);
}

static struct profile *make_profile(const void *state, struct err *err)
{
    const struct states *s = state;
    return analysis_profile_seal(&s->profile, &types, err);
}

static void free_states(void *state)
{
    struct states *s = state;
    vec_release(&s->goroutines);
    vec_release(&s->labels);
    map_release(&s->ids);
    analysis_profile_release(&s->profile);
    free(s);
}

extern const struct analysis_ops analysis_profile_states;
const struct analysis_ops analysis_profile_states = {.name = "states",
                                                     .help = "All the time of goroutines, by state",
                                                     .group = ANALYSIS_PROFILE,
                                                     .extension = ".pb.gz",
                                                     .begin = begin,
                                                     .events = on_events,
                                                     .end = end,
                                                     .free = free_states,
                                                     .profile = make_profile};
