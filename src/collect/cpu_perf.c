#include "collect/cpu_perf.h"

#include "collect/perf_feed.h"
#include "collect/track.h"
#include "os/perf.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define ROUND_MS 50

struct cpu_perf {
    struct perf *events;
    struct track *track;
    struct perf_feed feed;
    pthread_t thread;
    bool has_thread;
    int stop; /* atomic */
};

bool cpu_perf_permitted(bool *kernel, struct err *err)
{
    return perf_permitted(kernel, err);
}

/* Hand on, in the order of time, what happened up to `limit_ns`. */
static void round_until(struct cpu_perf *p, uint64_t limit_ns)
{
    perf_feed_round(&p->feed, p->events, limit_ns, track_take, p->track);
}

static void *run(void *arg)
{
    struct cpu_perf *p = arg;
    while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
        perf_wait(p->events, ROUND_MS);
        round_until(p, perf_feed_settled_ns());
    }
    return NULL;
}

struct cpu_perf *cpu_perf_new(pid_t pid, unsigned hz, bool children, struct gather *gather,
                              struct err *err)
{
    struct cpu_perf *p = calloc(1, sizeof *p);
    if (!p) {
        err_nomem(err);
        return NULL;
    }
    const struct perf_options options = {
        .pid = pid, .period_ns = 1000000000u / hz, .children = children};
    const struct track_options track_options = {
        .scope = TRACK_COMMAND, .root = pid, .period_ns = options.period_ns};
    p->track = track_new(gather, &track_options, err);
    p->events = p->track ? perf_new(&options, err) : NULL;
    if (!p->events) {
        cpu_perf_free(p);
        return NULL;
    }
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int e = pthread_create(&p->thread, NULL, run, p);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    p->has_thread = e == 0;
    if (e) {
        cpu_perf_free(p);
        err_sys(err, e, "cannot start a thread");
        return NULL;
    }
    return p;
}

static void end_thread(struct cpu_perf *p)
{
    __atomic_store_n(&p->stop, 1, __ATOMIC_RELEASE);
    if (p->has_thread)
        pthread_join(p->thread, NULL);
    p->has_thread = false;
}

void cpu_perf_free(struct cpu_perf *p)
{
    if (!p)
        return;
    end_thread(p);
    perf_feed_release(&p->feed);
    perf_free(p->events);
    track_free(p->track);
    free(p);
}

void cpu_perf_status(struct cpu_perf *p, struct recorder_status *status)
{
    const struct track_counts *counts = track_counts(p->track);
    struct recorder_counts *cpu = &status->counts[WIRE_CPU];
    cpu->n_samples = __atomic_load_n(&counts->n_samples, __ATOMIC_RELAXED);
    cpu->n_truncated = __atomic_load_n(&counts->n_truncated, __ATOMIC_RELAXED);
    cpu->n_dropped = __atomic_load_n(&counts->n_lost, __ATOMIC_RELAXED) +
                     __atomic_load_n(&p->feed.n_lost, __ATOMIC_RELAXED);
    status->n_processes = __atomic_load_n(&counts->n_processes, __ATOMIC_RELAXED);
}

void cpu_perf_finish(struct cpu_perf *p, struct str *main_file, unsigned *n_running)
{
    end_thread(p);
    perf_stop(p->events);
    round_until(p, UINT64_MAX);
    track_finish(p->track);
    *main_file = track_main_file(p->track);
    *n_running = track_n_running(p->track);
}
