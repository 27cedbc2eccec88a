/* Sums of a part of a trace. */
#include "timeline/timeline_answer.h"

#include <string.h>

struct summing {
    const struct timeline *tl;
    struct timeline_range *out;
    int64_t start_ns, end_ns;
    bool failed;
    uint32_t go; /* whose lane is being summed */
    struct timeline_times times;
    struct map group_of;   /* by start frame */
    struct map waited_of;  /* by start frame, reason */
    struct map blocked_of; /* by kind, reason; by stack if exact */
    struct timeline_range_proc *proc;
};

/* ---- goroutines ---- */

static int64_t *waited(struct timeline_times *t, uint8_t kind)
{
    switch (kind) {
    case TIMELINE_SYNC:
        return &t->sync;
    case TIMELINE_NETWORK:
        return &t->network;
    case TIMELINE_SLEEP:
        return &t->sleep;
    case TIMELINE_WAIT_GC:
        return &t->gc;
    case TIMELINE_IDLE:
        return &t->idle;
    case TIMELINE_UNKNOWN:
        return &t->unknown;
    default:
        return &t->other;
    }
}

static void add_waited(struct summing *s, uint32_t reason, int64_t ns)
{
    uint32_t frame = s->tl->goes.items[s->go].start_frame, n = (uint32_t)s->out->waited.n;
    uint32_t at = map_get_or_put(&s->waited_of, (uint64_t)frame << 32 | reason, n);
    struct timeline_waited new = {.frame = frame};
    if (at == MAP_NONE) {
        s->failed = true;
        return;
    }
    if (at == n) {
        new.reason = timeline_texts_add(&s->out->texts, trace_string(s->tl->trace, reason, NULL),
                                        &s->failed);
        if (!vec_push(&s->out->waited, new)) {
            s->failed = true;
            return;
        }
    }
    s->out->waited.items[at].total_ns += ns;
}

static void add_blocked(struct summing *s, uint8_t kind, uint32_t reason, uint64_t count,
                        int64_t ns, int64_t start_ns, int64_t length_ns)
{
    add_waited(s, reason, ns);
    uint32_t n = (uint32_t)s->out->blocked.n;
    uint32_t at = map_get_or_put(&s->blocked_of, (uint64_t)kind << 32 | reason, n);
    if (at == MAP_NONE) {
        s->failed = true;
        return;
    }
    if (at == n) {
        struct timeline_blocked b = {
            .kind = kind, .longest_goroutine = TIMELINE_NONE, .by = TIMELINE_NONE};
        b.reason = timeline_texts_add(&s->out->texts, trace_string(s->tl->trace, reason, NULL),
                                      &s->failed);
        if (!vec_push(&s->out->blocked, b)) {
            s->failed = true;
            return;
        }
    }
    struct timeline_blocked *b = &s->out->blocked.items[at];
    b->count += count;
    b->total_ns += ns;
    if (length_ns > b->longest_ns) {
        b->longest_ns = length_ns;
        b->longest_start_ns = start_ns;
        b->longest_goroutine = s->go;
    }
}

static void add_state(void *arg, const struct timeline_segment *seg)
{
    struct summing *s = arg;
    struct timeline_times *t = &s->times;
    int64_t from = seg->start_ns < s->start_ns ? s->start_ns : seg->start_ns;
    int64_t to = seg->end_ns > s->end_ns ? s->end_ns : seg->end_ns;
    int64_t ns = to - from, all_ns = seg->end_ns - seg->start_ns;
    if (ns <= 0)
        return;
    uint8_t kind = timeline_kind_of(s->tl, &seg->state, s->go);
    t->total += ns;
    if (seg->n) {
        double share = (double)ns / (double)all_ns;
        int64_t running = (int64_t)((double)seg->spent_ns[TIMELINE_SPENT_RUNNING] * share);
        int64_t runnable = (int64_t)((double)seg->spent_ns[TIMELINE_SPENT_OTHER] * share);
        int64_t syscall = (int64_t)((double)seg->spent_ns[TIMELINE_SPENT_SYSCALL] * share);
        int64_t rest = ns - running - runnable - syscall;
        struct timeline_state state = {.g = TIMELINE_NONE, .kind = TIMELINE_WAITING};
        if (seg->state.kind == TIMELINE_WAITING)
            state.what = seg->state.what;
        t->running += running;
        t->runnable += runnable;
        t->syscall += syscall;
        if (rest > 0) {
            kind = timeline_kind_of(s->tl, &state, s->go);
            *waited(t, kind) += rest;
            add_blocked(s, kind, state.what, seg->n / 3u + 1u, rest, from, 0);
        }
        return;
    }
    switch (seg->state.kind) {
    case TIMELINE_RUNNING:
    case TIMELINE_GC_WORK:
        t->running += ns;
        break;
    case TIMELINE_RUNNABLE:
        t->runnable += ns;
        break;
    case TIMELINE_SYSCALL:
        t->syscall += ns;
        break;
    default:
        *waited(t, kind) += ns;
        add_blocked(s, kind, seg->state.what, 1, ns, seg->start_ns, all_ns);
        break;
    }
}

/* Mark assists and sweeping, which are within what the goroutine does. */
static void add_within(void *arg, const struct timeline_segment *seg)
{
    struct summing *s = arg;
    int64_t from = seg->start_ns < s->start_ns ? s->start_ns : seg->start_ns;
    int64_t to = seg->end_ns > s->end_ns ? s->end_ns : seg->end_ns;
    if (to <= from)
        return;
    int64_t ns = to - from;
    if (seg->n)
        ns = (int64_t)((double)seg->spent_ns[TIMELINE_SPENT_RUNNING] * (double)ns /
                       (double)(seg->end_ns - seg->start_ns));
    if (seg->state.kind == TIMELINE_ASSIST)
        s->times.assist += ns;
    else if (seg->state.kind == TIMELINE_SWEEP)
        s->times.sweep += ns;
}

static void add_times(struct timeline_times *to, const struct timeline_times *t)
{
    to->total += t->total;
    to->running += t->running;
    to->runnable += t->runnable;
    to->syscall += t->syscall;
    to->sync += t->sync;
    to->network += t->network;
    to->sleep += t->sleep;
    to->gc += t->gc;
    to->other += t->other;
    to->idle += t->idle;
    to->unknown += t->unknown;
    to->assist += t->assist;
    to->sweep += t->sweep;
}

static void add_to_group(struct summing *s, uint32_t go)
{
    uint32_t frame = s->tl->goes.items[go].start_frame, n = (uint32_t)s->out->groups.n;
    uint32_t at = map_get_or_put(&s->group_of, frame, n);
    if (at == MAP_NONE) {
        s->failed = true;
        return;
    }
    if (at == n) {
        struct timeline_group g = {.frame = frame};
        g.name = timeline_texts_add(&s->out->texts, timeline_function(s->tl, go), &s->failed);
        if (!vec_push(&s->out->groups, g)) {
            s->failed = true;
            return;
        }
    }
    s->out->groups.items[at].count++;
    add_times(&s->out->groups.items[at].times, &s->times);
    add_times(&s->out->all, &s->times);
}

static void add_goroutine(struct summing *s, const struct timeline_chunks *chunks, uint32_t go)
{
    struct timeline_goroutine g = timeline_goroutine(s->tl, go);
    struct timeline_sink sink = {s, add_state, NULL}, within = {s, add_within, NULL};
    if (g.first_ns >= s->end_ns || g.last_ns <= s->start_ns)
        return;
    s->go = go;
    s->times = (struct timeline_times){0};
    timeline_chunks_segments(chunks, s->tl->goes.items[go].lane, s->start_ns, s->end_ns, &sink);
    uint32_t lane = timeline_lane_numbered(s->tl, go, TIMELINE_LANE_WITHIN);
    if (lane != TIMELINE_NO_LANE)
        timeline_chunks_segments(chunks, lane, s->start_ns, s->end_ns, &within);
    if (s->times.total)
        add_to_group(s, go);
}

/* ---- processors ---- */

static void add_proc(void *arg, const struct timeline_segment *seg)
{
    struct summing *s = arg;
    int64_t from = seg->start_ns < s->start_ns ? s->start_ns : seg->start_ns;
    int64_t to = seg->end_ns > s->end_ns ? s->end_ns : seg->end_ns;
    if (to <= from)
        return;
    if (seg->n) {
        double share = (double)(to - from) / (double)(seg->end_ns - seg->start_ns);
        int64_t gc = (int64_t)((double)seg->spent_ns[TIMELINE_SPENT_OTHER] * share);
        s->proc->gc_ns += gc;
        s->proc->busy_ns += gc + (int64_t)((double)(seg->spent_ns[TIMELINE_SPENT_RUNNING] +
                                                    seg->spent_ns[TIMELINE_SPENT_SYSCALL]) *
                                           share);
        return;
    }
    s->proc->busy_ns += to - from;
    if (timeline_kind_of(s->tl, &seg->state, seg->state.g) == TIMELINE_GC_WORK)
        s->proc->gc_ns += to - from;
}

static bool add_procs(struct summing *s)
{
    const struct timeline *tl = s->tl;
    struct timeline_chunks chunks;
    struct timeline_sink sink = {s, add_proc, NULL};
    s->out->procs = ARENA_ARRAY(&s->out->texts.arena, struct timeline_range_proc, tl->procs.n + 1);
    if (!s->out->procs)
        return false;
    bool good = timeline_chunks_get(&chunks, tl, TIMELINE_CLASS_PROC, s->start_ns, s->end_ns);
    for (size_t i = 0; i < tl->procs.n && good; i++) {
        uint32_t place = map_get(&tl->proc_of, (uint64_t)(uint32_t)tl->sorted_procs[i]);
        s->proc = &s->out->procs[i];
        s->proc->id = tl->sorted_procs[i];
        timeline_chunks_segments(&chunks, 2 * place, s->start_ns, s->end_ns, &sink);
    }
    timeline_chunks_release(&chunks);
    return good;
}

/* ---- counts ---- */

struct counting {
    const struct summing *s;
    uint64_t counts[TIMELINE_N_COUNTS];
};

static bool count_events(void *arg, const struct trace_event *events, size_t n)
{
    struct counting *c = arg;
    for (size_t i = 0; i < n; i++) {
        int64_t now_ns = (int64_t)((uint64_t)events[i].time_ns - (uint64_t)c->s->tl->first_ns);
        if (now_ns < c->s->start_ns)
            continue;
        if (now_ns >= c->s->end_ns)
            return false;
        c->counts[TIMELINE_COUNT_EVENTS]++;
        switch (events[i].type) {
        case GOTRACE_GO_START:
            c->counts[TIMELINE_COUNT_SWITCHES]++;
            break;
        case GOTRACE_GO_UNBLOCK:
        case GOTRACE_GO_SWITCH:
        case GOTRACE_GO_SWITCH_DESTROY:
            c->counts[TIMELINE_COUNT_WAKES]++;
            break;
        case GOTRACE_GO_CREATE:
        case GOTRACE_GO_CREATE_BLOCKED:
        case GOTRACE_GO_CREATE_SYSCALL:
            c->counts[TIMELINE_COUNT_CREATES]++;
            break;
        case GOTRACE_GO_DESTROY:
        case GOTRACE_GO_DESTROY_SYSCALL:
            c->counts[TIMELINE_COUNT_ENDED]++;
            break;
        case GOTRACE_GO_SYSCALL_BEGIN:
            c->counts[TIMELINE_COUNT_SYSCALLS]++;
            break;
        case GOTRACE_CPU_SAMPLE:
            c->counts[TIMELINE_COUNT_SAMPLES]++;
            break;
        case GOTRACE_STW_BEGIN:
            c->counts[TIMELINE_COUNT_PAUSES]++;
            break;
        default:
            break;
        }
    }
    return true;
}

/* Chunks that are cut by the range are read, others have sums. */
static bool add_counts(struct summing *s)
{
    const struct timeline *tl = s->tl;
    struct counting c = {.s = s};
    size_t from = timeline_chunk_at(tl, s->start_ns), to = timeline_chunk_at(tl, s->end_ns);
    for (size_t i = from; i <= to; i++) {
        size_t stretch = i * TIMELINE_STRETCHES;
        if (tl->stretch_ns.items[stretch] < s->start_ns ||
            tl->stretch_ns.items[stretch + TIMELINE_STRETCHES] > s->end_ns || i == to) {
            if (!timeline_store_replay(&tl->store, i, count_events, &c))
                return false;
            continue;
        }
        for (size_t k = stretch; k < stretch + TIMELINE_STRETCHES; k++)
            for (int j = 0; j < TIMELINE_N_COUNTS; j++)
                c.counts[j] += tl->stretches.items[k].counts[j];
    }
    s->out->n_switches = c.counts[TIMELINE_COUNT_SWITCHES];
    s->out->n_wakes = c.counts[TIMELINE_COUNT_WAKES];
    s->out->n_created = c.counts[TIMELINE_COUNT_CREATES];
    s->out->n_ended = c.counts[TIMELINE_COUNT_ENDED];
    s->out->n_syscalls = c.counts[TIMELINE_COUNT_SYSCALLS];
    s->out->n_samples = c.counts[TIMELINE_COUNT_SAMPLES];
    s->out->n_pauses = c.counts[TIMELINE_COUNT_PAUSES];
    s->out->n_events = c.counts[TIMELINE_COUNT_EVENTS];
    return true;
}

/* ---- the rest ---- */

static int compare_groups(const void *a, const void *b)
{
    const struct timeline_group *x = a, *y = b;
    if (x->times.running != y->times.running)
        return x->times.running < y->times.running ? 1 : -1;
    return (x->frame > y->frame) - (x->frame < y->frame);
}

static int compare_blocked(const void *a, const void *b)
{
    const struct timeline_blocked *x = a, *y = b;
    if ((x->kind == TIMELINE_IDLE) != (y->kind == TIMELINE_IDLE))
        return x->kind == TIMELINE_IDLE ? 1 : -1;
    if (x->total_ns != y->total_ns)
        return x->total_ns < y->total_ns ? 1 : -1;
    return (x->reason > y->reason) - (x->reason < y->reason);
}

/* The stack and the waker of the longest wait of each. */
static bool add_longest(struct summing *s)
{
    for (size_t i = 0; i < s->out->blocked.n && i < 20; i++) {
        struct timeline_blocked *b = &s->out->blocked.items[i];
        struct timeline_details details;
        struct err err = {0};
        if (b->longest_goroutine == TIMELINE_NONE || b->kind == TIMELINE_IDLE)
            continue;
        if (!timeline_details_of(s->tl, NULL, b->longest_goroutine, b->longest_start_ns, &details,
                                 &err)) {
            if (err.code == ERR_NOMEM)
                return false;
            continue;
        }
        b->stack = details.stack;
        b->by = details.is_woken ? details.woken.goroutine : TIMELINE_NONE;
        b->by_stack = details.is_woken ? details.woken.stack : 0;
        timeline_details_release(&details);
    }
    return true;
}

bool timeline_range(const struct timeline *tl, const struct timeline_selection *selection,
                    int64_t start_ns, int64_t end_ns, struct timeline_range *out, struct err *err)
{
    struct summing s = {.tl = tl, .out = out, .start_ns = start_ns, .end_ns = end_ns};
    struct timeline_chunks chunks = {0};
    struct timeline_tracks tracks = {0};
    struct timeline_selection all = {.view = TIMELINE_VIEW_GOROUTINE};
    *out = (struct timeline_range){0};
    if (s.start_ns < 0)
        s.start_ns = 0;
    if (s.end_ns > tl->last_ns + 1)
        s.end_ns = tl->last_ns + 1;
    bool good = timeline_texts_init(&out->texts);
    bool some = selection && (selection->n_goids || selection->function || selection->task);
    if (good && tl->chunks.n && s.start_ns < s.end_ns) {
        good = add_procs(&s) && add_counts(&s) &&
               timeline_chunks_get(&chunks, tl, TIMELINE_CLASS_GO, s.start_ns, s.end_ns);
        out->is_exact = chunks.is_exact;
        if (some) {
            all = *selection;
            all.view = TIMELINE_VIEW_GOROUTINE;
            all.with_tasks = false;
            good = good && timeline_tracks(tl, &all, &tracks, err);
            for (uint32_t i = 0; good && i < tracks.n && !s.failed; i++)
                add_goroutine(&s, &chunks, tracks.tracks[i].entity);
            timeline_tracks_release(&tracks);
        }
        for (uint32_t i = 0; good && !some && i < tl->goes.n && !s.failed; i++)
            add_goroutine(&s, &chunks, i);
        timeline_chunks_release(&chunks);
        good = good && !s.failed;
        if (good && out->groups.n)
            qsort(out->groups.items, out->groups.n, sizeof *out->groups.items, compare_groups);
        if (good && out->blocked.n)
            qsort(out->blocked.items, out->blocked.n, sizeof *out->blocked.items, compare_blocked);
        good = good && add_longest(&s);
    }
    map_release(&s.group_of);
    map_release(&s.waited_of);
    map_release(&s.blocked_of);
    if (good)
        return true;
    timeline_range_release(out);
    *out = (struct timeline_range){0};
    return err_nomem(err);
}

void timeline_range_release(struct timeline_range *range)
{
    vec_release(&range->groups);
    vec_release(&range->waited);
    vec_release(&range->blocked);
    timeline_texts_release(&range->texts);
}
