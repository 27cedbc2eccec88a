#include "collect/attach_block.h"

#include "base/map.h"
#include "collect/block.h"
#include "collect/gather.h"
#include "collect/perf_feed.h"
#include "collect/track.h"
#include "collect/wakers.h"
#include "os/proc.h"
#include "sym/resolve.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_RATE_NS 10000
#define ROUND_MS 50
#define CHAIN_MAX 128

/* A thread, and the stack with which it left its processor last. */
struct waiter {
    bool waits;
    uint64_t since_ns;
    struct perf_record sample; /* its pointers go into what follows */
    uint64_t chain[CHAIN_MAX];
    uint8_t *stack;
    size_t stack_room;
};

struct attach_block {
    struct attach_block_request request;
    struct proc proc;
    struct gather *gather;
    struct track *track;
    struct perf *events;
    struct perf_feed feed;
    struct wakers *wakers; /* NULL: not permitted */
    struct err no_wakers;  /* why */
    struct map by_tid;     /* -> index of waiters */
    VEC(struct waiter *) waiters;
    uint64_t random;
    uint64_t n_lost; /* for want of memory */
    uint64_t start_unix_ns, start_ns, end_ns;
    pthread_t thread;
    bool has_thread;
    int stop; /* atomic */
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- waits --- */

static struct waiter *waiter_of(struct attach_block *b, pid_t tid)
{
    uint32_t next = (uint32_t)b->waiters.n;
    uint32_t i = map_get_or_put(&b->by_tid, (uint64_t)tid, next);
    if (i == MAP_NONE)
        return NULL;
    if (i < next)
        return b->waiters.items[i];
    struct waiter *w = calloc(1, sizeof *w);
    if (w && vec_push(&b->waiters, w))
        return w;
    free(w);
    return NULL;
}

static bool keep_stack(struct waiter *w, const struct perf_record *sample)
{
    if (w->stack_room < sample->n_stack) {
        uint8_t *bigger = realloc(w->stack, sample->n_stack);
        if (!bigger)
            return false;
        w->stack = bigger;
        w->stack_room = sample->n_stack;
    }
    w->sample = *sample;
    if (sample->n_stack)
        memcpy(w->stack, sample->stack, sample->n_stack);
    w->sample.stack = w->stack;
    if (w->sample.n_chain > CHAIN_MAX)
        w->sample.n_chain = CHAIN_MAX;
    if (sample->n_chain)
        memcpy(w->chain, sample->chain, w->sample.n_chain * sizeof *w->chain);
    w->sample.chain = w->chain;
    w->waits = false;
    return true;
}

static uint64_t next_random(struct attach_block *b)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return b->random;
}

/* As Go's runtime samples: a wait that is shorter than the rate stands for others. */
static bool weigh(struct attach_block *b, uint64_t wait_ns, int64_t values[2])
{
    uint64_t rate = b->request.rate_ns;
    values[0] = 1;
    values[1] = (int64_t)wait_ns;
    if (wait_ns >= rate)
        return true;
    if (wait_ns == 0 || next_random(b) % rate > wait_ns)
        return false;
    values[0] = (int64_t)((rate + wait_ns / 2) / wait_ns);
    values[1] = (int64_t)rate;
    return true;
}

static bool take_switch(struct attach_block *b, const struct perf_record *record)
{
    struct waiter *w = waiter_of(b, record->tid);
    int64_t values[2];
    if (!w)
        return false;
    if (record->leaves) {
        w->waits = !record->is_ready;
        w->since_ns = record->time_ns;
        return true;
    }
    bool waited = w->waits && w->sample.kind == PERF_SAMPLE && record->time_ns >= w->since_ns;
    bool ok = true;
    if (waited && weigh(b, record->time_ns - w->since_ns, values)) {
        uint32_t labels =
            b->wakers ? wakers_of(b->wakers, record->tid, w->since_ns, record->time_ns) : 0;
        ok = track_sample(b->track, &w->sample, values, labels, NULL);
    }
    w->waits = false;
    w->sample.kind = PERF_NONE;
    return ok;
}

static void take(void *arg, const struct perf_record *record)
{
    struct attach_block *b = arg;
    bool ok = true;
    if (record->kind == PERF_SAMPLE) {
        struct waiter *w = waiter_of(b, record->tid);
        bool waits = w && w->waits; /* the kernel may tell of the switch first */
        ok = w && keep_stack(w, record);
        if (ok)
            w->waits = waits;
    } else if (record->kind == PERF_SWITCH) {
        ok = take_switch(b, record);
    } else {
        if (record->kind == PERF_FORK && record->pid != record->parent_pid && b->wakers)
            wakers_add_process(b->wakers, record->pid);
        track_record(b->track, record);
    }
    b->n_lost += !ok;
}

/* --- the recording --- */

static void take_round(struct attach_block *b, uint64_t limit_ns)
{
    if (b->wakers) /* first: a wait ends after the wake-up */
        wakers_round(b->wakers, limit_ns);
    perf_feed_round(&b->feed, b->events, limit_ns, take, b);
}

/* No further records. */
static void stop_events(struct attach_block *b)
{
    perf_stop(b->events);
    if (b->wakers)
        wakers_stop(b->wakers);
    b->end_ns = now_ns(CLOCK_MONOTONIC);
}

static void *run(void *arg)
{
    struct attach_block *b = arg;
    uint64_t duration_ns = b->request.duration_ns ? b->request.duration_ns : UINT64_MAX;
    while (!__atomic_load_n(&b->stop, __ATOMIC_ACQUIRE) &&
           now_ns(CLOCK_MONOTONIC) - b->start_ns < duration_ns) {
        perf_wait(b->events, ROUND_MS);
        take_round(b, perf_feed_settled_ns());
    }
    stop_events(b);
    return NULL;
}

static bool start(struct attach_block *b, struct err *err)
{
    const struct perf_options options = {.pid = b->request.pid,
                                         .period_ns = 1000000,
                                         .children = !b->request.no_children,
                                         .switches = true};
    const struct track_options track_options = {.scope = TRACK_PROCESS,
                                                .root = b->request.pid,
                                                .children = options.children,
                                                .period_ns = options.period_ns};
    bool everything;
    if (!proc_open(&b->proc, b->request.pid, err) ||
        !(b->gather = gather_new(&collect_block, err)) ||
        !(b->track = track_new(b->gather, &track_options, err)) || !track_adopt_root(b->track, err))
        return false;
    b->wakers = wakers_new(b->gather, b->request.pid, &b->no_wakers);
    b->start_unix_ns = now_ns(CLOCK_REALTIME);
    b->start_ns = now_ns(CLOCK_MONOTONIC);
    if (!(b->events = perf_attach(&options, &everything, err)) || !track_adopt_root(b->track, err))
        return false;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int e = pthread_create(&b->thread, NULL, run, b);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    b->has_thread = e == 0;
    return e == 0 || err_sys(err, e, "cannot start a thread");
}

struct attach_block *attach_block_begin(const struct attach_block_request *request, struct err *err)
{
    struct attach_block *b = calloc(1, sizeof *b);
    if (!b) {
        err_nomem(err);
        return NULL;
    }
    b->request = *request;
    if (!b->request.rate_ns)
        b->request.rate_ns = DEFAULT_RATE_NS;
    b->random = now_ns(CLOCK_MONOTONIC) | 1;
    map_init(&b->by_tid);
    if (start(b, err))
        return b;
    attach_block_free(b);
    return NULL;
}

static void end_thread(struct attach_block *b)
{
    __atomic_store_n(&b->stop, 1, __ATOMIC_RELEASE);
    if (b->has_thread)
        pthread_join(b->thread, NULL);
    b->has_thread = false;
}

void attach_block_free(struct attach_block *b)
{
    if (!b)
        return;
    end_thread(b);
    for (size_t i = 0; i < b->waiters.n; i++) {
        free(b->waiters.items[i]->stack);
        free(b->waiters.items[i]);
    }
    vec_release(&b->waiters);
    map_release(&b->by_tid);
    perf_feed_release(&b->feed);
    perf_free(b->events);
    wakers_free(b->wakers);
    track_free(b->track);
    gather_free(b->gather);
    proc_release(&b->proc);
    free(b);
}

struct profile *attach_block_end(struct attach_block *b, struct diag *diag, struct err *err)
{
    end_thread(b);
    uint64_t duration_ns = b->end_ns - b->start_ns;
    take_round(b, UINT64_MAX);
    track_finish(b->track);
    uint64_t n_lost = track_counts(b->track)->n_lost + b->feed.n_lost + b->n_lost;
    if (!proc_runs(&b->proc))
        diag_add(diag, "process %d (%s) has ended: its waits up to then", (int)b->request.pid,
                 b->proc.comm);
    if (n_lost)
        diag_add(diag, "%llu waits were lost: there were more than sonde could take",
                 (unsigned long long)n_lost);
    if (!b->wakers)
        diag_add(diag, "who ended the waits is not known: %s", b->no_wakers.msg);
    else if (!wakers_finish(b->wakers, b->request.debuginfod, diag, err))
        return NULL;
    const struct gather_header header = {.period = 1,
                                         .time_unix_ns = b->start_unix_ns,
                                         .duration_ns = duration_ns,
                                         .main_file = track_main_file(b->track)};
    const struct resolve_options options = {
        .debuginfod = b->request.debuginfod, .locate = track_locate, .locate_arg = b->track};
    struct profile *profile = gather_seal(b->gather, &header, diag, err);
    return profile ? resolve_profile(profile, &options, diag, err) : NULL;
}
