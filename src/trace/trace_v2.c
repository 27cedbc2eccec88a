/* Traces of Go 1.22 and later: a generation is read (trace_v2_gen.h), then its threads' next
 * events are tried (trace_v2_order.h), that of the least time first.
 * Source of the rules: internal/trace/reader.go and batchcursor.go of Go 1.27.  Which event is
 * tried first when times are equal decides where it stands, so the heap takes Go's steps. */
#include "base/go_sort.h"
#include "trace/trace_mark.h"
#include "trace/trace_source.h"
#include "trace/trace_v2_gen.h"
#include "trace/trace_v2_order.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Where a thread is in its events. */
struct cursor {
    struct trace_v2_event event; /* the next */
    const uint8_t *p, *end;      /* of what follows it in the batch */
    const uint8_t *begin;        /* of the batch; NULL: none is being read */
    uint64_t batch_time;
    int64_t last_ns; /* 0: none yet in this batch */
    int64_t m;
    struct trace_v2_m *thread; /* NULL: thread -1 */
    uint32_t next_batch;
};

/* Most events are the next at the first try.  A trace made to have none that is would take the
 * square of its length, so there is an end to it. */
#define WORK_MAX 1000000000u
#define WORK_PER_EVENT 1000u

struct entry {
    int64_t time_ns; /* of the cursor's event */
    struct cursor *cursor;
};

struct source {
    struct trace_input input;
    struct trace_v2_gen gen;
    struct trace_v2_order order;
    struct cursor *cursors;
    size_t cursors_cap;
    struct entry *heap;
    size_t n_heap;
    uint32_t *sorted; /* for sort_heap */
    struct entry *unsorted;
    size_t next_sample;
    size_t n_used; /* bytes of the generation's batches whose events were taken */
    uint64_t n_syncs;
    uint64_t n_events, n_work; /* that were put in order; tries and steps of sorting */
    bool is_over;              /* the last sync was given out */
    struct err behind;         /* why nothing can be read behind this generation */
    bool told_sync;            /* the sync that stands for it was given out */
};

/* ---- the heap, by Go's steps ---- */

static size_t sift_up(struct entry *heap, size_t i)
{
    while (i > 0 && heap[(i - 1) / 2].time_ns > heap[i].time_ns) {
        struct entry e = heap[i];
        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = e;
        i = (i - 1) / 2;
    }
    return i;
}

static void sift_down(struct entry *heap, size_t n, size_t i)
{
    for (;;) {
        size_t least = i, left = 2 * i + 1, right = 2 * i + 2;
        if (left < n && heap[left].time_ns < heap[least].time_ns)
            least = left;
        if (right < n && heap[right].time_ns < heap[least].time_ns)
            least = right;
        if (least == i)
            return;
        struct entry e = heap[i];
        heap[i] = heap[least];
        heap[least] = e;
        i = least;
    }
}

static void heap_remove(struct source *s, size_t i)
{
    struct entry e = s->heap[i];
    for (; i > 0; i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[0] = s->heap[--s->n_heap];
    s->heap[s->n_heap] = e;
    sift_down(s->heap, s->n_heap, 0);
}

static bool less_entry(uint32_t a, uint32_t b, void *arg)
{
    const struct entry *entries = arg;
    return entries[a].time_ns < entries[b].time_ns;
}

/* In order of time, which is a heap as well. */
static void sort_heap(struct source *s)
{
    size_t n = s->n_heap, i = 1;
    while (i < n && s->heap[i - 1].time_ns <= s->heap[i].time_ns)
        i++;
    if (i >= n)
        return;
    memcpy(s->unsorted, s->heap, n * sizeof *s->heap);
    for (i = 0; i < n; i++)
        s->sorted[i] = (uint32_t)i;
    go_sort(s->sorted, (uint32_t)n, less_entry, s->unsorted);
    for (i = 0; i < n; i++)
        s->heap[i] = s->unsorted[s->sorted[i]];
}

/* ---- cursors ---- */

static bool bad_event(const struct source *s, const struct cursor *c, struct err *err,
                      const char *what, unsigned type)
{
    return err_set(err, ERR_INPUT,
                   "broken trace: generation %" PRIu64 ", thread %" PRId64 ": %s %u", s->gen.gen,
                   c->m, what, type);
}

/* gotrace_get, with the lengths that are frequent first. */
static inline const uint8_t *get(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
    if (end - p >= 2) {
        if (p[0] < 0x80) {
            *value = p[0];
            return p + 1;
        }
        if (p[1] < 0x80) {
            *value = (uint64_t)(p[0] & 0x7f) | (uint64_t)p[1] << 7;
            return p + 2;
        }
    }
    return gotrace_get(p, end, value);
}

enum next { NEXT, NO_NEXT, BAD };

/* Read the thread's next event. */
static enum next next_event(struct source *s, struct cursor *c, struct err *err)
{
    while (c->p == c->end) {
        if (c->begin)
            trace_input_drop(&s->input, c->begin, c->end);
        c->begin = NULL;
        if (c->next_batch == UINT32_MAX)
            return NO_NEXT;
        const struct trace_v2_batch *b = &s->gen.batches.items[c->next_batch];
        c->begin = c->p = b->data;
        c->end = b->data + b->n;
        c->batch_time = b->time;
        c->last_ns = 0;
        c->next_batch = b->next;
        s->n_used += b->n;
    }
    if (c->last_ns == 0)
        c->last_ns = trace_v2_gen_ns(&s->gen, c->batch_time);
    const uint8_t *p = c->p;
    unsigned type = *p++;
    if (type >= GOTRACE_MAX_TYPES || !gotrace_specs[type].is_timed) {
        bad_event(s, c, err, "no thread has events of type", type);
        return BAD;
    }
    unsigned n = gotrace_specs[type].n_args - 1u, i = 0;
    uint64_t ticks, *args = c->event.args;
    p = get(p, c->end, &ticks);
    for (; p && i < n; i++)
        p = get(p, c->end, &args[i]);
    if (!p) {
        bad_event(s, c, err, "its batch ends within an event of type", type);
        return BAD;
    }
    while (i < 4)
        args[i++] = 0;
    c->p = p;
    c->event.type = (uint8_t)type;
    c->last_ns = (int64_t)((uint64_t)trace_v2_gen_ns(&s->gen, ticks) + (uint64_t)c->last_ns);
    c->event.time_ns = c->last_ns;
    return NEXT;
}

static bool make_room(struct source *s)
{
    size_t n = s->gen.threads.n;
    if (n <= s->cursors_cap)
        return true;
    free(s->cursors);
    free(s->heap);
    free(s->unsorted);
    free(s->sorted);
    s->cursors_cap = n + n / 2;
    s->cursors = malloc(s->cursors_cap * sizeof *s->cursors);
    s->heap = malloc(s->cursors_cap * sizeof *s->heap);
    s->unsorted = malloc(s->cursors_cap * sizeof *s->unsorted);
    s->sorted = malloc(s->cursors_cap * sizeof *s->sorted);
    if (s->cursors && s->heap && s->unsorted && s->sorted)
        return true;
    s->cursors_cap = 0;
    return false;
}

/* ---- generations ---- */

static void append_sync(struct source *s, int64_t time_ns, struct trace_block *block,
                        struct trace_clock clock)
{
    struct trace_event sync = {.time_ns = time_ns,
                               .g = TRACE_NONE,
                               .m = TRACE_NONE,
                               .p = TRACE_NONE,
                               .type = TRACE_SYNC,
                               .args = {++s->n_syncs}};
    trace_v2_order_append(&s->order, &sync);
    block->clock = clock;
    block->is_new_clock = true;
}

/* The generation's threads, with their first events. */
static bool begin_threads(struct source *s, struct err *err)
{
    s->n_heap = s->next_sample = s->n_used = 0;
    if (!make_room(s))
        return err_nomem(err);
    for (size_t i = 0; i < s->gen.threads.n; i++) {
        const struct trace_v2_thread *thread = &s->gen.threads.items[i];
        struct cursor *c = &s->cursors[i];
        *c = (struct cursor){.m = thread->m, .next_batch = thread->first};
        if (thread->m != TRACE_NONE &&
            !(c->thread = trace_v2_state_m(&s->order.state, thread->m, true)))
            return err_nomem(err);
        enum next next = next_event(s, c, err);
        if (next == BAD)
            return false;
        if (next == NEXT) {
            s->heap[s->n_heap++] = (struct entry){c->event.time_ns, c};
            sift_up(s->heap, s->n_heap - 1);
        }
    }
    return true;
}

static bool next_generation(struct source *s, struct trace_block *block, struct err *err)
{
    if (s->behind.code) {
        if (s->told_sync) {
            *err = s->behind;
            return false;
        }
        s->told_sync = true;
        append_sync(s, s->order.last_ns, block, (struct trace_clock){0});
        return true;
    }
    enum trace_v2_read read;
    if (s->input.version < 26 && s->gen.gen && s->gen.end == s->input.n)
        read = TRACE_V2_END;
    else
        read = trace_v2_gen_read(&s->gen, &s->input, s->order.trace, &s->behind);
    trace_input_drop(&s->input, s->input.data + s->gen.begin, s->input.data + s->gen.end);
    if (read == TRACE_V2_READ) {
        if (!begin_threads(s, err))
            return false;
        if (s->input.marks && !trace_marks_add(s->input.marks, &s->gen, &s->input))
            return err_nomem(err);
        append_sync(s, trace_v2_gen_ns(&s->gen, s->gen.min_time), block, s->gen.clock);
        return true;
    }
    vec_clear(&s->gen.samples); /* of what was read before it broke */
    s->is_over = read == TRACE_V2_END;
    s->told_sync = true;
    append_sync(s, s->order.last_ns, block, (struct trace_clock){0});
    return true;
}

/* ---- events ---- */

/* Try the event of entry i; DONE: it and what it became is in the block. */
static enum trace_v2_step try_advance(struct source *s, size_t i, struct trace_block *block,
                                      struct err *err)
{
    struct cursor *c = s->heap[i].cursor;
    size_t n = block->n;
    enum trace_v2_step step = trace_v2_order_advance(&s->order, &c->event, c->thread, err);
    if (step == TRACE_V2_NOT_YET)
        return step;
    if (step == TRACE_V2_WRONG) {
        block->n = n;
        if (err->code != ERR_NOMEM)
            err_wrap(err, "broken trace: generation %" PRIu64 ", thread %" PRId64, s->gen.gen,
                     c->m);
        return step;
    }
    switch (next_event(s, c, err)) {
    case NEXT:
        s->heap[i].time_ns = c->event.time_ns;
        if (sift_up(s->heap, i) == i)
            sift_down(s->heap, s->n_heap, i);
        return step;
    case NO_NEXT:
        heap_remove(s, i);
        return step;
    default:
        block->n = n;
        return TRACE_V2_WRONG;
    }
}

static bool stuck(const struct source *s, struct err *err)
{
    const struct cursor *c = s->heap[0].cursor;
    return err_set(err, ERR_INPUT,
                   "broken trace: generation %" PRIu64 ": no event can come next: thread %" PRId64
                   " waits with %s of %" PRId64 ", so do %zu other threads",
                   s->gen.gen, c->m, gotrace_specs[c->event.type].name, (int64_t)c->event.args[0],
                   s->n_heap - 1);
}

static bool step(struct source *s, struct trace_block *block, struct err *err)
{
    if (s->next_sample < s->gen.samples.n) {
        const struct trace_v2_sample *sample = &s->gen.samples.items[s->next_sample];
        if (!s->n_heap || sample->time_ns < s->heap[0].time_ns) {
            if (sample->stack == TRACE_NO_ID)
                return err_set(err, ERR_INPUT,
                               "broken trace: generation %" PRIu64
                               ": the stack of a CPU sample is not there",
                               s->gen.gen);
            struct trace_event event = {.time_ns = sample->time_ns,
                                        .g = sample->g,
                                        .m = sample->m,
                                        .p = sample->p,
                                        .type = GOTRACE_CPU_SAMPLE,
                                        .args = {sample->stack}};
            trace_v2_order_append(&s->order, &event);
            s->next_sample++;
            return true;
        }
    }
    enum trace_v2_step done = try_advance(s, 0, block, err);
    if (done == TRACE_V2_NOT_YET) {
        sort_heap(s);
        size_t i = 1;
        for (; i < s->n_heap && done == TRACE_V2_NOT_YET; i++)
            done = try_advance(s, i, block, err);
        if (done == TRACE_V2_NOT_YET)
            return stuck(s, err);
        s->n_work += 4 * s->n_heap + i;
        if (s->n_work > WORK_MAX + WORK_PER_EVENT * s->n_events)
            return err_set(err, ERR_INPUT,
                           "broken trace: generation %" PRIu64
                           ": the order of its events cannot be found in a useful time",
                           s->gen.gen);
    }
    s->n_events++;
    return done == TRACE_V2_DONE;
}

static void *v2_open(const struct trace_input *input, struct trace *trace, struct err *err)
{
    struct source *s = calloc(1, sizeof *s);
    if (!s) {
        err_nomem(err);
        return NULL;
    }
    s->input = *input;
    s->gen.end = GOTRACE_HEADER_BYTES;
    s->order.trace = trace;
    s->order.gen = &s->gen;
    if (trace_v2_state_init(&s->order.state))
        return s;
    trace_v2_source.free(s);
    err_nomem(err);
    return NULL;
}

static bool v2_next(void *source, struct trace_block *block, struct err *err)
{
    struct source *s = source;
    bool good = true;
    s->order.block = block;
    while (good && block->n + TRACE_V2_EVENTS_MAX <= block->cap) {
        if (s->n_heap || s->next_sample < s->gen.samples.n)
            good = step(s, block, err);
        else if (block->n || s->is_over) /* a sync is the first of its block */
            break;
        else
            good = next_generation(s, block, err);
    }
    block->done = s->gen.begin + s->n_used;
    if (!s->n_heap)
        block->done = s->is_over ? s->input.n : s->gen.end;
    return good;
}

static void v2_free(void *source)
{
    struct source *s = source;
    if (!s)
        return;
    trace_v2_gen_release(&s->gen);
    trace_v2_state_release(&s->order.state);
    free(s->cursors);
    free(s->heap);
    free(s->unsorted);
    free(s->sorted);
    free(s);
}

const struct trace_source_ops trace_v2_source = {.open = v2_open, .next = v2_next, .free = v2_free};
