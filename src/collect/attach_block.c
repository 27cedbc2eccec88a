#include "collect/attach_block.h"

#include "base/map.h"
#include "collect/block.h"
#include "collect/gather.h"
#include "collect/perf_feed.h"
#include "collect/track.h"
#include "collect/wakers.h"
#include "os/proc.h"
#include "sym/resolve.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_RATE_NS 10000
#define ROUND_MS 50
#define CHAIN_MAX 128
#define STACKS_ENOUGH 32 /* of a site, to say how its waits are shared out */

/* A row of the profile as far as it is of one site of a thread. */
struct part {
    unsigned site;
    uint32_t row;
    double n, ns; /* of its waits, and those they stand for */
};

struct site {
    struct perf_wait_sum all; /* its waits */
    uint32_t n_stacks;
    bool by_chance; /* some of them */
};

/* A thread, and the stack with which it left its processor last. */
struct waiter {
    bool waits;
    uint64_t since_ns;
    double weight;             /* of the sample */
    struct perf_record sample; /* its pointers go into what follows */
    uint64_t chain[CHAIN_MAX];
    uint8_t *stack;
    size_t stack_room;
    struct site sites[PERF_WAIT_SITES];
    VEC(struct part) parts;
    struct map by_site_row; /* -> index of parts */
};

struct attach_block {
    struct attach_block_request request;
    struct proc proc;
    struct gather *gather;
    struct track *track;
    struct perf_waits *waits; /* NULL: not permitted */
    struct perf *switches;    /* in place of them */
    struct err no_waits;      /* why */
    struct wakers *wakers;    /* NULL: not permitted */
    struct err no_wakers;     /* why */
    struct perf_feed feed;
    struct map by_tid; /* -> index of waiters */
    VEC(struct waiter *) waiters;
    struct waiter pool; /* its first site is all those that have too few stacks, together */
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

static void release_waiter(struct waiter *w)
{
    free(w->stack);
    vec_release(&w->parts);
    map_release(&w->by_site_row);
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
static bool weigh(struct attach_block *b, uint64_t rate, uint64_t wait_ns, int64_t values[2])
{
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

/* --- by the records of switches --- */

static bool take_switch(struct attach_block *b, const struct perf_record *record)
{
    struct waiter *w = waiter_of(b, record->tid);
    uint64_t rate = b->request.rate_ns ? b->request.rate_ns : DEFAULT_RATE_NS;
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
    if (waited && weigh(b, rate, record->time_ns - w->since_ns, values))
        ok = track_sample(b->track, &w->sample, values, 0, NULL);
    w->waits = false;
    w->sample.kind = PERF_NONE;
    return ok;
}

static void take_record(void *arg, const struct perf_record *record)
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
        track_record(b->track, record);
    }
    b->n_lost += !ok;
}

/* --- by notes of waits --- */

static bool take_begin(struct attach_block *b, const struct perf_record *record,
                       const struct perf_wait_note *note)
{
    struct waiter *w = waiter_of(b, (pid_t)note->tid);
    if (!w || !keep_stack(w, record))
        return false;
    w->since_ns = note->since_ns;
    w->weight = (double)note->weight;
    return true;
}

static bool add_part(struct waiter *w, const struct part *part)
{
    uint32_t next = (uint32_t)w->parts.n;
    uint64_t key = (uint64_t)part->site << 32 | part->row;
    uint32_t i = map_get_or_put(&w->by_site_row, key, next);
    if (i == MAP_NONE || (i == next && !vec_push(&w->parts, (struct part){part->site, part->row})))
        return false;
    w->parts.items[i].n += part->n;
    w->parts.items[i].ns += part->ns;
    return true;
}

/* With its stack, it stands for others of its site. */
static bool take_end(struct attach_block *b, const struct perf_wait_note *note)
{
    static const int64_t none[COLLECT_TYPES_MAX];
    struct waiter *w = waiter_of(b, (pid_t)note->tid);
    struct part part = {.site = note->site};
    int64_t values[2];
    bool ok = true;
    if (!w)
        return false;
    struct site *site = &w->sites[note->site];
    site->all.n += 1 + note->others.n;
    site->all.ns += note->ns + note->others.ns;
    if (w->sample.kind == PERF_SAMPLE && w->since_ns == note->since_ns &&
        weigh(b, b->request.rate_ns, note->ns, values)) {
        ok = track_sample(b->track, &w->sample, none, b->wakers ? wakers_of(b->wakers, note) : 0,
                          &part.row);
        part.n = (double)values[0] * w->weight;
        part.ns = (double)values[1] * w->weight;
        if (ok && part.row != PROFILE_NONE)
            ok = add_part(w, &part);
        site->n_stacks++;
        site->by_chance |= part.n > 1;
    }
    w->sample.kind = PERF_NONE;
    return ok;
}

static uint32_t row_without_stack(const struct attach_block *b)
{
    static const int64_t none[COLLECT_TYPES_MAX];
    uint32_t mapping =
        gather_mapping(b->gather, &(struct gather_map){.file = STR("[waits]"), .limit = 1});
    uint32_t location =
        gather_named_location(b->gather, mapping, 0, STR("[waits without a stack]"));
    const struct gather_stack stack = {
        .process = gather_process(b->gather, b->proc.pid, str_of(b->proc.comm)),
        .locations = &location,
        .n_locations = 1};
    return gather_sample(b->gather, &stack, none);
}

/* Shares out what is exactly known of a site: as its parts say it by chance. */
static void share_out(struct attach_block *b, const struct waiter *w, unsigned site)
{
    const struct perf_wait_sum all = w->sites[site].all;
    double n = 0, ns = 0, n_shared = 0, ns_shared = 0;
    int64_t n_given = 0, ns_given = 0;
    for (size_t i = 0; i < w->parts.n; i++)
        if (w->parts.items[i].site == site) {
            n += w->parts.items[i].n;
            ns += w->parts.items[i].ns;
        }
    if (n == 0 && all.n)
        gather_add(b->gather, row_without_stack(b),
                   (const int64_t[]){(int64_t)all.n, (int64_t)all.ns});
    for (size_t i = 0; i < w->parts.n && n > 0; i++) {
        const struct part *part = &w->parts.items[i];
        if (part->site != site)
            continue;
        n_shared += part->n / n * (double)all.n;
        ns_shared += (ns > 0 ? part->ns / ns : part->n / n) * (double)all.ns;
        const int64_t values[] = {llround(n_shared) - n_given, llround(ns_shared) - ns_given};
        gather_add(b->gather, part->row, values);
        n_given += values[0];
        ns_given += values[1];
    }
}

static bool add_to_pool(struct attach_block *b, const struct waiter *w, unsigned site)
{
    bool ok = true;
    b->pool.sites[0].all.n += w->sites[site].all.n;
    b->pool.sites[0].all.ns += w->sites[site].all.ns;
    for (size_t i = 0; i < w->parts.n; i++) {
        struct part part = w->parts.items[i];
        if (part.site != site)
            continue;
        part.site = 0;
        ok &= add_part(&b->pool, &part);
    }
    return ok;
}

/* The thread has ended, or is not followed any further. */
static bool take_rest(struct attach_block *b, const struct perf_wait_note *note)
{
    struct waiter *w = waiter_of(b, (pid_t)note->tid);
    bool ok = w != NULL;
    for (unsigned i = 0; i < PERF_WAIT_SITES && w; i++) {
        struct site *site = &w->sites[i];
        site->all.n += note->rest[i].n;
        site->all.ns += note->rest[i].ns;
        bool is_whole = site->n_stacks == site->all.n && !site->by_chance;
        if (is_whole || site->n_stacks >= STACKS_ENOUGH)
            share_out(b, w, i);
        else
            ok &= add_to_pool(b, w, i);
    }
    if (w) {
        release_waiter(w);
        *w = (struct waiter){0}; /* another thread may get its number */
    }
    return ok;
}

static void take_last_rest(void *arg, const struct perf_wait_note *note)
{
    struct attach_block *b = arg;
    b->n_lost += !take_rest(b, note);
}

static void take_note(void *arg, const struct perf_record *record)
{
    struct attach_block *b = arg;
    struct perf_wait_note note;
    if (!perf_waits_note(record, &note)) {
        track_record(b->track, record);
        if (b->wakers)
            wakers_record(b->wakers, record);
    } else if (note.kind == PERF_WAIT_BEGINS) {
        b->n_lost += !take_begin(b, record, &note);
    } else if (note.kind == PERF_WAIT_ENDS) {
        b->n_lost += !take_end(b, &note);
    } else if (note.kind == PERF_WAIT_REST) {
        b->n_lost += !take_rest(b, &note);
    } else if (b->wakers) {
        wakers_take(b->wakers, record, &note);
    }
}

/* --- the recording --- */

static struct perf *events_of(const struct attach_block *b)
{
    return b->waits ? perf_waits_events(b->waits) : b->switches;
}

static void take_round(struct attach_block *b, uint64_t limit_ns)
{
    perf_feed_round(&b->feed, events_of(b), limit_ns, b->waits ? take_note : take_record, b);
}

/* No further records. */
static void stop_events(struct attach_block *b)
{
    if (b->waits)
        perf_waits_stop(b->waits);
    else
        perf_stop(b->switches);
    b->end_ns = now_ns(CLOCK_MONOTONIC);
}

static void *run(void *arg)
{
    struct attach_block *b = arg;
    uint64_t duration_ns = b->request.duration_ns ? b->request.duration_ns : UINT64_MAX;
    while (!__atomic_load_n(&b->stop, __ATOMIC_ACQUIRE) &&
           now_ns(CLOCK_MONOTONIC) - b->start_ns < duration_ns) {
        perf_wait(events_of(b), ROUND_MS);
        take_round(b, perf_feed_settled_ns());
    }
    stop_events(b);
    return NULL;
}

/* By notes of waits, or where these are not permitted by the records of switches. */
static bool start_events(struct attach_block *b, struct err *err)
{
    const struct perf_waits_options waits = {
        .pid = b->request.pid, .children = !b->request.no_children, .wakers = b->wakers != NULL};
    const struct perf_options switches = {.pid = b->request.pid,
                                          .period_ns = 1000000,
                                          .children = !b->request.no_children,
                                          .switches = true};
    bool everything = true;
    b->waits = perf_waits_new(&waits, &b->no_waits);
    if (!b->waits && !(b->switches = perf_attach(&switches, &everything, err)))
        return false;
    track_set_events(b->track, switches.period_ns, everything);
    return true;
}

static bool start(struct attach_block *b, struct err *err)
{
    const struct track_options track_options = {
        .scope = TRACK_PROCESS, .root = b->request.pid, .children = !b->request.no_children};
    if (!proc_open(&b->proc, b->request.pid, err) ||
        !(b->gather = gather_new(&collect_block, err)) ||
        !(b->track = track_new(b->gather, &track_options, err)) || !track_adopt_root(b->track, err))
        return false;
    b->wakers = wakers_new(b->gather, b->request.pid, &b->no_wakers);
    b->start_unix_ns = now_ns(CLOCK_REALTIME);
    b->start_ns = now_ns(CLOCK_MONOTONIC);
    if (!start_events(b, err) || !track_adopt_root(b->track, err))
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
        release_waiter(b->waiters.items[i]);
        free(b->waiters.items[i]);
    }
    vec_release(&b->waiters);
    release_waiter(&b->pool);
    map_release(&b->by_tid);
    perf_feed_release(&b->feed);
    perf_waits_free(b->waits);
    perf_free(b->switches);
    wakers_free(b->wakers);
    track_free(b->track);
    gather_free(b->gather);
    proc_release(&b->proc);
    free(b);
}

static void tell_notes(const struct attach_block *b, struct diag *diag)
{
    uint64_t n_lost = track_counts(b->track)->n_lost + b->feed.n_lost + b->n_lost;
    uint64_t n_unseen = b->waits ? perf_waits_n_unseen(b->waits) : 0;
    if (!proc_runs(&b->proc))
        diag_add(diag, "process %d (%s) has ended: its waits up to then", (int)b->request.pid,
                 b->proc.comm);
    if (n_lost && b->waits)
        diag_add(diag,
                 "%llu records were lost: sonde came too late to take them; number and time of "
                 "the waits are whole, but fewer have stacks of their own",
                 (unsigned long long)n_lost);
    else if (n_lost)
        diag_add(diag, "%llu waits were lost: there were more than sonde could take",
                 (unsigned long long)n_lost);
    if (n_unseen)
        diag_add(diag, "%llu waits are missing: there are too many threads",
                 (unsigned long long)n_unseen);
    if (!b->waits)
        diag_add(diag, "each switch was recorded, and who ended the waits is not known: %s",
                 b->no_waits.msg);
    else if (!b->wakers)
        diag_add(diag, "who ended the waits is not known: %s", b->no_wakers.msg);
}

struct profile *attach_block_end(struct attach_block *b, struct diag *diag, struct err *err)
{
    end_thread(b);
    uint64_t duration_ns = b->end_ns - b->start_ns;
    take_round(b, UINT64_MAX);
    if (b->waits) {
        perf_waits_rest(b->waits, take_last_rest, b);
        share_out(b, &b->pool, 0);
    }
    track_finish(b->track);
    tell_notes(b, diag);
    if (b->wakers && b->waits && !wakers_finish(b->wakers, b->request.debuginfod, diag, err))
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
