#include "collect/cpu_perf.h"

#include "base/vec.h"
#include "collect/track.h"
#include "os/perf.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUND_MS 50
/* A record is in its ring this long after the time it tells. */
#define SETTLED_NS 1000000u

struct entry {
    uint64_t time_ns;
    size_t at; /* in the bytes */
};

/* Records taken from the rings and not yet handed on. */
struct queue {
    VEC(uint8_t) bytes;
    VEC(struct entry) entries;
};

struct cpu_perf {
    struct perf *events;
    struct track *track;
    struct queue queue;
    uint64_t n_lost; /* for want of memory; atomic */
    pthread_t thread;
    bool has_thread;
    int stop; /* atomic */
};

bool cpu_perf_permitted(bool *kernel, struct err *err)
{
    return perf_permitted(kernel, err);
}

static void take(void *arg, const struct perf_event_header *record)
{
    struct cpu_perf *p = arg;
    struct queue *q = &p->queue;
    size_t at = q->bytes.n, room = (record->size + 7u) & ~7u;
    if (!vec_reserve(&q->bytes, at + room) ||
        !vec_push(&q->entries, (struct entry){perf_record_time(record), at})) {
        __atomic_fetch_add(&p->n_lost, 1, __ATOMIC_RELAXED);
        return;
    }
    memcpy(q->bytes.items + at, record, record->size);
    q->bytes.n = at + room;
}

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return x->at < y->at ? -1 : 1; /* as the kernel wrote them */
}

/* Empty the rings and hand on, in the order of time, what happened up to `limit_ns`:
 * what is older can no longer be missing. */
static void round_until(struct cpu_perf *p, uint64_t limit_ns)
{
    perf_drain(p->events, take, p);
    struct queue q = p->queue;
    p->queue = (struct queue){0};
    if (q.entries.n)
        qsort(q.entries.items, q.entries.n, sizeof *q.entries.items, compare);
    for (size_t i = 0; i < q.entries.n; i++) {
        const void *raw = q.bytes.items + q.entries.items[i].at;
        if (q.entries.items[i].time_ns > limit_ns) {
            take(p, raw);
            continue;
        }
        struct perf_record record;
        perf_decode(raw, &record);
        track_record(p->track, &record);
    }
    vec_release(&q.bytes);
    vec_release(&q.entries);
}

static void *run(void *arg)
{
    struct cpu_perf *p = arg;
    while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
        perf_wait(p->events, ROUND_MS);
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        round_until(p, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - SETTLED_NS);
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
    const struct perf_options options = {.pid = pid, .hz = hz, .children = children};
    p->track = track_new(gather, pid, 1000000000u / hz, err);
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
    vec_release(&p->queue.bytes);
    vec_release(&p->queue.entries);
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
                     __atomic_load_n(&p->n_lost, __ATOMIC_RELAXED);
    status->n_processes = __atomic_load_n(&counts->n_processes, __ATOMIC_RELAXED);
}

void cpu_perf_finish(struct cpu_perf *p, struct str *main_file, unsigned *n_running)
{
    end_thread(p);
    perf_stop(p->events);
    round_until(p, UINT64_MAX);
    *main_file = track_main_file(p->track);
    *n_running = track_n_running(p->track);
}
