/* analysis_profile_waits: how long goroutines were in a state, by the stack with which they came
 * into it: the profiles net, sync, syscall and sched of go tool trace. Source of the rules:
 * cmd/trace/pprof.go (which transitions count), internal/trace/summary.go (what a goroutine is
 * called, when it started). */
#include "analysis/analysis.h"
#include "analysis/analysis_profile.h"
#include "analysis/analysis_wait.h"
#include "analysis/analysis_window.h"

#include <string.h>

struct goroutine {
    int64_t id;
    int64_t since_ns; /* in the state since; INT64_MIN: it is not */
    uint32_t stack;   /* with which it came */
    uint32_t name;    /* start function; 0: not known yet */
    bool has_run;
};

/* Waits that may not count: those of a goroutine before it runs for the first time count only
 * if it never does, and those of one without a name if it gets the right one. */
struct deferred {
    uint32_t goroutine, stack;
    int64_t ns;
    bool before_run;
};

struct states {
    const struct trace *trace;
    const struct analysis_options *options;
    struct analysis_window window;
    enum trace_go_state state;
    bool (*is_wanted)(const char *reason); /* NULL: all */
    VEC(int8_t) reasons;                   /* by string: 1 wanted, -1 not, 0 not looked at */
    struct map ids;                        /* of goroutines */
    VEC(struct goroutine) goroutines;
    VEC(struct deferred) deferred;
    struct analysis_profile profile;
    int64_t last_id; /* the goroutine looked up last, and its row */
    uint32_t last_row;
    int64_t last_ns;  /* of the events */
    int8_t is_native; /* of analysis_is_untold */
    bool failed;
};

static bool is_sync(const char *reason)
{
    return strstr(reason, "chan") || strstr(reason, "sync") || strstr(reason, "select");
}

static struct states *begin_states(const struct trace *trace,
                                   const struct analysis_options *options,
                                   enum trace_go_state state, bool (*is_wanted)(const char *),
                                   struct err *err)
{
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
    s->state = state;
    s->is_wanted = is_wanted;
    return s;
}

static void *begin_net(const struct trace *trace, const struct analysis_options *options,
                       struct buf *out, struct err *err)
{
    (void)out;
    return begin_states(trace, options, TRACE_GO_WAITING, analysis_is_network, err);
}
static void *begin_sync(const struct trace *trace, const struct analysis_options *options,
                        struct buf *out, struct err *err)
{
    (void)out;
    return begin_states(trace, options, TRACE_GO_WAITING, is_sync, err);
}
static void *begin_syscall(const struct trace *trace, const struct analysis_options *options,
                           struct buf *out, struct err *err)
{
    (void)out;
    return begin_states(trace, options, TRACE_GO_SYSCALL, NULL, err);
}
static void *begin_sched(const struct trace *trace, const struct analysis_options *options,
                         struct buf *out, struct err *err)
{
    (void)out;
    return begin_states(trace, options, TRACE_GO_RUNNABLE, NULL, err);
}

static bool wants_reason(struct states *s, uint32_t reason)
{
    if (!s->is_wanted)
        return true;
    while (s->reasons.n <= reason)
        if (!vec_push(&s->reasons, 0))
            return !(s->failed = true);
    int8_t *known = &s->reasons.items[reason];
    if (!*known)
        *known = s->is_wanted(trace_string(s->trace, reason, NULL)) ? 1 : -1;
    return *known > 0;
}

/* The row of a goroutine; UINT32_MAX when memory runs out. */
static uint32_t find_goroutine(struct states *s, int64_t id)
{
    if (s->goroutines.n && id == s->last_id)
        return s->last_row;
    uint32_t next = (uint32_t)s->goroutines.n;
    uint32_t row = map_get_or_put(&s->ids, (uint64_t)id, next);
    if (row == MAP_NONE ||
        (row == next &&
         !vec_push(&s->goroutines, (struct goroutine){.id = id, .since_ns = INT64_MIN}))) {
        s->failed = true;
        return UINT32_MAX;
    }
    s->last_id = id;
    s->last_row = row;
    return row;
}

static bool has_name(const struct states *s, const struct goroutine *g)
{
    const char *wanted = s->options->goroutine_name;
    return !wanted || !strcmp(trace_string(s->trace, g->name, NULL), wanted);
}

static void add_wait(struct states *s, uint32_t row, int64_t end_ns)
{
    const struct goroutine *g = &s->goroutines.items[row];
    int64_t ns = analysis_window_clip_of(&s->window, g->id, g->since_ns, end_ns);
    if (ns <= 0 ||
        (s->state == TRACE_GO_RUNNABLE && analysis_is_untold(s->trace, ns, &s->is_native)))
        return;
    if (!g->has_run || (s->options->goroutine_name && !g->name)) {
        struct deferred d = {row, g->stack, ns, !g->has_run};
        s->failed |= !vec_push(&s->deferred, d);
    } else if (has_name(s, g)) {
        analysis_profile_add(&s->profile, g->stack, 0, 1, ns);
    }
}

static void on_transition(struct states *s, const struct trace_event *event,
                          const struct trace_transition *t)
{
    if (s->options->goroutine && t->id != s->options->goroutine)
        return;
    uint32_t row = find_goroutine(s, t->id);
    if (row == UINT32_MAX)
        return;
    struct goroutine *g = &s->goroutines.items[row];
    if (g->since_ns != INT64_MIN && (t->to != s->state || t->from != t->to)) {
        add_wait(s, row, event->time_ns);
        g->since_ns = INT64_MIN;
    }
    if (g->since_ns == INT64_MIN && t->to == s->state && wants_reason(s, t->reason)) {
        g->since_ns = event->time_ns;
        g->stack = trace_event_stack(event);
    }
    if (t->from == t->to)
        return;
    if (!g->name && t->stack) {
        struct trace_stack stack = trace_stack(s->trace, t->stack);
        if (stack.n_frames)
            g->name = trace_frame(s->trace, stack.frames[stack.n_frames - 1])->func;
    }
    g->has_run |= t->to == TRACE_GO_RUNNING;
}

static void on_events(void *state, const struct trace_event *events, size_t n)
{
    struct states *s = state;
    struct trace_transition t;
    if (!n)
        return;
    analysis_window_begin(&s->window, s->options, events);
    s->last_ns = events[n - 1].time_ns;
    for (size_t i = 0; i < n; i++)
        if (trace_event_transition(&events[i], &t) && t.scope == TRACE_SCOPE_GOROUTINE)
            on_transition(s, &events[i], &t);
}

static bool end_states(void *state, struct err *err)
{
    struct states *s = state;
    /* What goes on at the end of the window counts up to there; at the end of the trace, as with
     * go tool trace, it does not. */
    bool is_cut = s->window.is_set && s->last_ns >= s->window.end_ns;
    for (uint32_t row = 0; is_cut && row < s->goroutines.n; row++)
        if (s->goroutines.items[row].since_ns != INT64_MIN)
            add_wait(s, row, s->window.end_ns);
    for (size_t i = 0; i < s->deferred.n; i++) {
        const struct deferred *d = &s->deferred.items[i];
        const struct goroutine *g = &s->goroutines.items[d->goroutine];
        if (!(d->before_run && g->has_run) && has_name(s, g))
            analysis_profile_add(&s->profile, d->stack, 0, 1, d->ns);
    }
    return !s->failed || err_nomem(err);
}

static struct profile *make_profile(const void *state, struct err *err)
{
    const struct states *s = state;
    return analysis_profile_seal(&s->profile, &analysis_delays, err);
}

static void free_states(void *state)
{
    struct states *s = state;
    vec_release(&s->reasons);
    vec_release(&s->goroutines);
    vec_release(&s->deferred);
    map_release(&s->ids);
    analysis_profile_release(&s->profile);
    free(s);
}

#define STATES(NAME, HELP)                                                                         \
    const struct analysis_ops analysis_profile_##NAME = {.name = #NAME,                            \
                                                         .help = HELP,                             \
                                                         .group = ANALYSIS_PROFILE,                \
                                                         .extension = ".pb.gz",                    \
                                                         .begin = begin_##NAME,                    \
                                                         .events = on_events,                      \
                                                         .end = end_states,                        \
                                                         .free = free_states,                      \
                                                         .profile = make_profile}

extern const struct analysis_ops analysis_profile_net, analysis_profile_sync,
    analysis_profile_syscall, analysis_profile_sched;
STATES(net, "Time goroutines waited for the network");
STATES(sync, "Time goroutines waited for channels, locks and the like");
STATES(syscall, "Time goroutines were in system calls");
STATES(sched, "Time goroutines waited for a processor");
