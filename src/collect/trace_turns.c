#include "collect/trace_turns.h"

#include "collect/perf_feed.h"

#include <stdlib.h>
#include <unistd.h>

struct trace_turns {
    struct perf *events;
    struct perf_feed feed;
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
    perf_feed_release(&t->feed);
    free(t);
}

uint32_t trace_turns_n_cpus(const struct trace_turns *t)
{
    return t->n_cpus;
}

static void take(void *arg, const struct perf_record *record)
{
    struct trace_turns *t = arg;
    if (record->kind == PERF_LOST)
        t->n_lost += record->n_lost;
    if (record->kind != PERF_SWITCH || record->cpu >= t->n_cpus)
        return;
    const struct trace_turn turn = {.ns = record->time_ns,
                                    .tid = record->tid,
                                    .cpu = record->cpu & 0x3fffffffu,
                                    .leaves = record->leaves,
                                    .is_ready = record->is_ready};
    trace_merge_turn(t->merge, &turn);
}

void trace_turns_step(struct trace_turns *t, struct trace_merge *merge, bool is_last)
{
    t->merge = merge;
    if (is_last)
        perf_stop(t->events);
    perf_feed_round(&t->feed, t->events, is_last ? UINT64_MAX : perf_feed_settled_ns(), take, t);
}

uint64_t trace_turns_n_lost(const struct trace_turns *t)
{
    return t->n_lost + __atomic_load_n(&t->feed.n_lost, __ATOMIC_RELAXED);
}
