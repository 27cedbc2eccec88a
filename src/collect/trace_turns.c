#include "collect/trace_turns.h"

#include "base/vec.h"
#include "collect/perf_feed.h"
#include "os/bpf_wakes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct trace_turns {
    struct perf *events;
    struct perf_feed feed;
    struct bpf_wakes *wakes;      /* NULL: none */
    VEC(struct trace_turn) woken; /* that are to come; in the order of time */
    size_t first_woken;
    struct trace_merge *merge; /* of the step */
    uint32_t n_cpus;
    uint64_t n_lost;
};

struct trace_turns *trace_turns_new(pid_t pid, bool children, struct err *err)
{
    const struct perf_options options = {.pid = pid, .children = children, .only_turns = true};
    struct trace_turns *t = calloc(1, sizeof *t);
    if (!t) {
        err_nomem(err);
        return NULL;
    }
    t->n_cpus = (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
    t->events = perf_new(&options, err);
    if (t->events)
        return t;
    free(t);
    return NULL;
}

void trace_turns_free(struct trace_turns *t)
{
    if (!t)
        return;
    perf_free(t->events);
    bpf_wakes_free(t->wakes);
    vec_release(&t->woken);
    perf_feed_release(&t->feed);
    free(t);
}

bool trace_turns_add_wakes(struct trace_turns *t, pid_t pid, bool children, struct err *err)
{
    t->wakes = bpf_wakes_new(pid, children, err);
    return t->wakes != NULL;
}

uint32_t trace_turns_n_cpus(const struct trace_turns *t)
{
    return t->n_cpus;
}

/* Wake-ups. */

static void keep_wake(void *arg, const struct bpf_wake *wake)
{
    struct trace_turns *t = arg;
    const struct trace_turn turn = {.ns = wake->time_ns,
                                    .tid = wake->tid,
                                    .cpu_or_by = (uint32_t)wake->by & 0x3fffffffu,
                                    .kind = TRACE_TURN_WAKES};
    if (!vec_push(&t->woken, turn)) {
        t->n_lost++;
        return;
    }
    /* They come almost in order. */
    for (size_t i = t->woken.n - 1; i > t->first_woken && t->woken.items[i - 1].ns > turn.ns; i--) {
        t->woken.items[i] = t->woken.items[i - 1];
        t->woken.items[i - 1] = turn;
    }
}

static void tell_wakes(struct trace_turns *t, uint64_t until_ns)
{
    while (t->first_woken < t->woken.n && t->woken.items[t->first_woken].ns <= until_ns)
        trace_merge_turn(t->merge, &t->woken.items[t->first_woken++]);
}

static void read_wakes(struct trace_turns *t)
{
    size_t n = t->woken.n - t->first_woken;
    if (n && t->first_woken)
        memmove(t->woken.items, t->woken.items + t->first_woken, n * sizeof *t->woken.items);
    t->woken.n = n;
    t->first_woken = 0;
    bpf_wakes_drain(t->wakes, keep_wake, t);
}

/* Switches. */

static void take(void *arg, const struct perf_record *record)
{
    struct trace_turns *t = arg;
    if (record->kind == PERF_LOST)
        t->n_lost += record->n_lost;
    if (record->kind != PERF_SWITCH || record->cpu >= t->n_cpus)
        return;
    const struct trace_turn turn = {.ns = record->time_ns,
                                    .tid = record->tid,
                                    .cpu_or_by = record->cpu & 0x3fffffffu,
                                    .kind = !record->leaves    ? TRACE_TURN_COMES
                                            : record->is_ready ? TRACE_TURN_IS_PREEMPTED
                                                               : TRACE_TURN_LEAVES};
    tell_wakes(t, turn.ns);
    trace_merge_turn(t->merge, &turn);
}

void trace_turns_step(struct trace_turns *t, struct trace_merge *merge, bool is_last)
{
    t->merge = merge;
    if (is_last)
        perf_stop(t->events);
    if (is_last && t->wakes)
        bpf_wakes_stop(t->wakes);
    uint64_t until_ns = is_last ? UINT64_MAX : perf_feed_settled_ns();
    if (t->wakes)
        read_wakes(t);
    perf_feed_round(&t->feed, t->events, until_ns, take, t);
    tell_wakes(t, until_ns);
}

uint64_t trace_turns_n_lost(const struct trace_turns *t)
{
    return t->n_lost + __atomic_load_n(&t->feed.n_lost, __ATOMIC_RELAXED) +
           (t->wakes ? bpf_wakes_n_lost(t->wakes) : 0);
}
