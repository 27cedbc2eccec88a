#include "trace/trace_v1_order.h"

#include <inttypes.h>
#include <stdlib.h>

#define BLOCKS 0x8000 /* in order: the call of a system call that blocks */
#define NO_GOROUTINE 0
#define GC_CYCLES 1 /* the index under which GC cycles are numbered */
#define UNORDERED UINT32_MAX
#define ANY_SEQ UINT64_MAX        /* as it comes */
#define NEXT_SEQ (UINT64_MAX - 1) /* one more than that */

enum { DEAD, RUNNABLE, RUNNING, WAITING };

/* What an event needs of a goroutine, and makes of it. */
struct step {
    uint64_t from_seq, to_seq;
    uint32_t goroutine; /* UNORDERED: nothing */
    uint8_t from, to;
};

struct state {
    uint64_t seq;
    uint64_t call;         /* place + 1 of its system call, until its next event */
    int64_t blocked_ticks; /* since when it is in a system call; 0: it is not known */
    uint32_t waiting;      /* the first stream whose next event needs another state of it, + 1 */
    uint8_t status;
};

struct front { /* a heap of what can be next */
    int64_t key;
    uint32_t stream;
};

struct maker {
    struct trace_v1_order *o;
    VEC(struct state) states;
    struct step *steps;     /* of each stream's first event */
    uint32_t *waiting;      /* streams whose first event needs another state, + 1; by that state */
    uint32_t n_buckets;     /* of them: a power of two */
    uint32_t *next_waiting; /* by stream: the next in its bucket, + 1 */
    uint32_t *unseen;       /* streams whose first event is to be looked at */
    uint32_t n_unseen, n_waiting;
    struct front *heap;
    size_t n_heap;
    bool is_by_time; /* what events need may be missing */
};

/* UINT32_MAX: no memory. */
static uint32_t index_of(struct trace_v1_order *o, uint64_t g)
{
    uint32_t index = trace_ids_get(&o->goroutines, g);
    if (index != TRACE_NO_ID)
        return index;
    index = (uint32_t)o->ids.n;
    return o->ids.n < UINT32_MAX - 1 && vec_push(&o->ids, g) &&
                   trace_ids_add(&o->goroutines, g, index)
               ? index
               : UINT32_MAX;
}

static bool is_moved(unsigned version, const struct trace_v1_event *e)
{
    return e->type == TRACE_V1_GO_SYS_EXIT && version >= TRACE_V1_SEQ_UNTIL && e->args[2] &&
           (int64_t)e->args[2] != e->ticks;
}

/* The first event of stream k that was not taken.  False: there is none. */
static bool load(struct trace_v1_order *o, uint32_t k, bool is_ordered)
{
    const struct trace_v1_file *f = o->file;
    struct trace_v1_stream *s = &o->streams[k];
    struct trace_v1_event *e = &s->event;
    if (s->has_event)
        return true;
    if (k < f->procs.n) {
        do {
            if (!trace_v1_next(f, &s->cursor, e))
                return false;
        } while (f->input.version < TRACE_V1_SEQ_UNTIL
                     ? e->type == TRACE_V1_GO_SYS_EXIT
                     : is_ordered && is_moved(f->input.version, e));
    } else if (k == f->procs.n) {
        if (o->next_sample == f->samples.n)
            return false;
        const struct trace_v1_sample *sample = &f->samples.items[o->next_sample++];
        *e = (struct trace_v1_event){.type = TRACE_V1_CPU_SAMPLE,
                                     .ticks = sample->ticks,
                                     .g = sample->g,
                                     .p = sample->p,
                                     .stack = sample->stack};
    } else {
        if (o->next_exit == f->exits.n)
            return false;
        const struct trace_v1_exit *exit = &f->exits.items[o->next_exit++];
        *e = (struct trace_v1_event){.type = TRACE_V1_GO_SYS_EXIT,
                                     .ticks = exit->ticks,
                                     .seq = exit->seq,
                                     .g = exit->g,
                                     .args = {exit->g}};
    }
    s->has_event = true;
    return true;
}

static uint32_t goroutine_of(struct trace_v1_order *o, struct trace_v1_stream *s)
{
    if (s->event.g != s->last_g) {
        s->last_g = s->event.g;
        s->last_index = s->event.type == TRACE_V1_CPU_SAMPLE
                            ? trace_ids_get(&o->goroutines, s->event.g)
                            : index_of(o, s->event.g);
        if (s->last_index == TRACE_NO_ID && s->event.type == TRACE_V1_CPU_SAMPLE)
            s->last_g = s->last_index = NO_GOROUTINE; /* not seen so far */
    }
    return s->last_index;
}

/* The step of an event.  False: no memory. */
static bool step_of(struct trace_v1_order *o, struct trace_v1_stream *s, struct step *step)
{
    const struct trace_v1_event *e = &s->event;
    uint32_t here = goroutine_of(o, s), there;
    if (here == UINT32_MAX)
        return false;
    *step = (struct step){.goroutine = UNORDERED};
    if (o->file->input.version < TRACE_V1_SEQ_UNTIL && e->type != TRACE_V1_GO_CREATE &&
        e->type != TRACE_V1_GO_UNBLOCK)
        return true;
    switch (e->type) {
    case TRACE_V1_GO_CREATE:
        there = index_of(o, e->args[0]);
        *step = (struct step){0, 1, there, DEAD, RUNNABLE};
        break;
    case TRACE_V1_GO_WAITING:
    case TRACE_V1_GO_IN_SYSCALL:
        *step = (struct step){1, 2, here, RUNNABLE, WAITING};
        break;
    case TRACE_V1_GO_START:
    case TRACE_V1_GO_START_LABEL:
        *step = (struct step){e->args[1], e->args[1] + 1, here, RUNNABLE, RUNNING};
        break;
    case TRACE_V1_GO_START_LOCAL:
        *step = (struct step){ANY_SEQ, NEXT_SEQ, here, RUNNABLE, RUNNING};
        break;
    case TRACE_V1_GO_BLOCK:
    case TRACE_V1_GO_BLOCK_SEND:
    case TRACE_V1_GO_BLOCK_RECV:
    case TRACE_V1_GO_BLOCK_SELECT:
    case TRACE_V1_GO_BLOCK_SYNC:
    case TRACE_V1_GO_BLOCK_COND:
    case TRACE_V1_GO_BLOCK_NET:
    case TRACE_V1_GO_SLEEP:
    case TRACE_V1_GO_SYS_BLOCK:
    case TRACE_V1_GO_BLOCK_GC:
        *step = (struct step){ANY_SEQ, ANY_SEQ, here, RUNNING, WAITING};
        break;
    case TRACE_V1_GO_SCHED:
    case TRACE_V1_GO_PREEMPT:
        *step = (struct step){ANY_SEQ, ANY_SEQ, here, RUNNING, RUNNABLE};
        break;
    case TRACE_V1_GO_UNBLOCK:
    case TRACE_V1_GO_SYS_EXIT:
        there = index_of(o, e->args[0]);
        *step = (struct step){e->args[1], e->args[1] + 1, there, WAITING, RUNNABLE};
        break;
    case TRACE_V1_GO_UNBLOCK_LOCAL:
    case TRACE_V1_GO_SYS_EXIT_LOCAL:
        there = index_of(o, e->args[0]);
        *step = (struct step){ANY_SEQ, NEXT_SEQ, there, WAITING, RUNNABLE};
        break;
    case TRACE_V1_GC_START:
        *step = (struct step){e->args[0], e->args[0] + 1, GC_CYCLES, DEAD, DEAD};
        return true;
    default:
        return true;
    }
    if (step->goroutine == UINT32_MAX)
        return false;
    if (o->file->input.version < TRACE_V1_SEQ_UNTIL)
        step->goroutine = UNORDERED; /* only its index was needed */
    return true;
}

static bool is_ready(const struct maker *m, const struct step *step)
{
    if (step->goroutine == UNORDERED || m->is_by_time)
        return true;
    const struct state *state = &m->states.items[step->goroutine];
    return (step->from_seq == ANY_SEQ || step->from_seq == state->seq) &&
           step->from == state->status;
}

/* States for all goroutines that have an index. */
static bool grow_states(struct maker *m)
{
    while (m->states.n < m->o->ids.n)
        if (!vec_push(&m->states, (struct state){0}))
            return false;
    return true;
}

static void heap_push(struct maker *m, struct front x)
{
    size_t i = m->n_heap++;
    for (size_t parent; i && m->heap[parent = (i - 1) / 2].key > x.key; i = parent)
        m->heap[i] = m->heap[parent];
    m->heap[i] = x;
}

static uint32_t heap_pop(struct maker *m)
{
    uint32_t first = m->heap[0].stream;
    struct front x = m->heap[--m->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < m->n_heap; i = child) {
        if (child + 1 < m->n_heap && m->heap[child + 1].key < m->heap[child].key)
            child++;
        if (m->heap[child].key >= x.key)
            break;
        m->heap[i] = m->heap[child];
    }
    m->heap[i] = x;
    return first;
}

static bool broken(struct trace_v1_order *o, const struct trace_v1_event *e, const char *what)
{
    return err_set(&o->broken, ERR_INPUT, "%s at byte %" PRIu64, what, e->offset);
}

/* Put the first event of stream k in its place.  False: broken there, or no memory (then
 * o->broken is not set). */
static bool place(struct maker *m, uint32_t k)
{
    struct trace_v1_order *o = m->o;
    struct trace_v1_stream *s = &o->streams[k];
    const struct trace_v1_event *e = &s->event;
    const struct step *step = &m->steps[k];
    struct state *here = &m->states.items[goroutine_of(o, s)];
    if (!is_ready(m, step))
        return broken(o, e, "impossible change of a goroutine");
    if (here->call) { /* this tells whether its system call blocks */
        if (e->type == TRACE_V1_GO_SYS_BLOCK)
            o->order[here->call - 1] |= BLOCKS;
        here->call = 0;
    }
    if (e->type == TRACE_V1_GO_SYS_BLOCK || e->type == TRACE_V1_GO_IN_SYSCALL)
        here->blocked_ticks = e->ticks;
    if (is_moved(o->file->input.version, e)) {
        int64_t ticks = (int64_t)e->args[2];
        if (here->blocked_ticks == 0 && !m->is_by_time)
            return broken(o, e, "end of a system call that had not begun");
        if (ticks < here->blocked_ticks)
            return broken(o, e, "time stamps out of order");
        struct trace_v1_moved moved = {ticks, s->last_index, (uint32_t)o->moved.n};
        if (!vec_push(&o->moved, moved))
            return false;
    } else {
        o->order[o->n++] = (uint16_t)k;
        if (e->type == TRACE_V1_GO_SYS_CALL && e->g)
            here->call = o->n;
    }
    if (step->goroutine != UNORDERED) {
        struct state *state = &m->states.items[step->goroutine];
        state->status = step->to;
        if (step->to_seq == NEXT_SEQ)
            state->seq++;
        else if (step->to_seq != ANY_SEQ)
            state->seq = step->to_seq;
    }
    s->has_event = false;
    return true;
}

/* Those that wait for a state. */
static uint32_t *bucket_of(const struct maker *m, uint32_t goroutine, uint64_t seq, uint8_t status)
{
    uint64_t hash = hash_u64(seq ^ hash_u64((uint64_t)goroutine << 2 | status));
    return &m->waiting[hash & (m->n_buckets - 1)];
}

/* Look at the first event of a stream: it can be next, or has to wait.  False: no memory. */
static bool look_at(struct maker *m, uint32_t k)
{
    struct trace_v1_order *o = m->o;
    struct trace_v1_stream *s = &o->streams[k];
    if (!s->has_event) {
        if (!load(o, k, false))
            return true; /* it has ended */
        if (!step_of(o, s, &m->steps[k]) || !grow_states(m))
            return false;
    }
    if (is_ready(m, &m->steps[k])) {
        bool has_seq = o->file->input.version < TRACE_V1_SEQ_UNTIL;
        heap_push(m, (struct front){has_seq ? (int64_t)s->event.seq : s->event.ticks, k});
        return true;
    }
    const struct step *step = &m->steps[k];
    uint32_t *bucket = bucket_of(m, step->goroutine, step->from_seq, step->from);
    m->next_waiting[k] = *bucket;
    *bucket = k + 1;
    m->n_waiting++;
    return true;
}

/* The event of stream k is in its place: its next one is looked at, and those that wait for the
 * state that it has made. */
static void wake(struct maker *m, uint32_t k)
{
    m->unseen[m->n_unseen++] = k;
    if (m->n_waiting == 0 || m->steps[k].goroutine == UNORDERED)
        return;
    uint32_t goroutine = m->steps[k].goroutine;
    const struct state *state = &m->states.items[goroutine];
    const uint64_t seqs[] = {state->seq, ANY_SEQ};
    for (unsigned i = 0; i < 2; i++) {
        uint32_t *at = bucket_of(m, goroutine, seqs[i], state->status);
        while (*at) {
            uint32_t one = *at - 1;
            const struct step *step = &m->steps[one];
            if (step->goroutine != goroutine || !is_ready(m, step)) {
                at = &m->next_waiting[one];
                continue;
            }
            *at = m->next_waiting[one];
            m->unseen[m->n_unseen++] = one;
            m->n_waiting--;
        }
    }
}

/* All that is left waits. */
static void stuck(struct maker *m)
{
    struct trace_v1_order *o = m->o;
    for (uint32_t k = 0; k < o->n_streams; k++)
        if (o->streams[k].has_event) {
            broken(o, &o->streams[k].event, "events that fit into no order");
            return;
        }
}

/* False: no memory. */
static bool run(struct maker *m)
{
    struct trace_v1_order *o = m->o;
    int64_t last = INT64_MIN;
    while (m->n_unseen < o->n_streams) {
        m->unseen[m->n_unseen] = m->n_unseen;
        m->n_unseen++;
    }
    for (;;) {
        while (m->n_unseen)
            if (!look_at(m, m->unseen[--m->n_unseen]))
                return false;
        if (m->n_heap == 0) {
            if (m->n_waiting)
                stuck(m);
            return true;
        }
        uint32_t k = heap_pop(m);
        const struct trace_v1_event *e = &o->streams[k].event;
        if (e->ticks < last) {
            broken(o, e, "time stamps out of order");
            return true;
        }
        last = e->ticks;
        if (!place(m, k))
            return o->broken.code != ERR_NONE;
        wake(m, k);
    }
}

static int by_ticks(const void *a, const void *b)
{
    const struct trace_v1_moved *x = a, *y = b;
    if (x->ticks != y->ticks)
        return x->ticks < y->ticks ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

static void rewind_streams(struct trace_v1_order *o)
{
    for (uint32_t k = 0; k < o->n_streams; k++) {
        o->streams[k] = (struct trace_v1_stream){0};
        if (k < o->file->procs.n)
            o->streams[k].cursor = trace_v1_cursor(o->file, k);
    }
    o->next_sample = o->next_exit = 0;
}

bool trace_v1_order_make(struct trace_v1_order *o, const struct trace_v1_file *file,
                         struct err *err)
{
    struct maker m = {.o = o, .is_by_time = file->is_partial};
    o->file = file;
    o->n_streams = (uint32_t)file->procs.n + 2;
    o->streams = malloc(o->n_streams * sizeof *o->streams);
    o->order = malloc((file->n_events + 1) * sizeof *o->order);
    m.steps = malloc(o->n_streams * sizeof *m.steps);
    m.heap = malloc(o->n_streams * sizeof *m.heap);
    for (m.n_buckets = 8; m.n_buckets < 2 * o->n_streams;)
        m.n_buckets *= 2;
    m.waiting = calloc(m.n_buckets, sizeof *m.waiting);
    m.next_waiting = malloc(o->n_streams * sizeof *m.next_waiting);
    m.unseen = malloc(o->n_streams * sizeof *m.unseen);
    bool is_ok = o->streams && o->order && m.steps && m.heap && m.waiting && m.next_waiting &&
                 m.unseen && vec_push(&o->ids, 0) && vec_push(&o->ids, 0) && grow_states(&m);
    if (is_ok) {
        rewind_streams(o);
        is_ok = run(&m);
    }
    if (is_ok) {
        uint16_t *fit = realloc(o->order, (o->n + 1) * sizeof *fit);
        o->order = fit ? fit : o->order;
        if (o->moved.n)
            qsort(o->moved.items, o->moved.n, sizeof *o->moved.items, by_ticks);
        o->n_goroutines = (uint32_t)o->ids.n;
        rewind_streams(o);
    }
    vec_release(&m.states);
    free(m.steps);
    free(m.heap);
    free(m.waiting);
    free(m.next_waiting);
    free(m.unseen);
    return is_ok || err_nomem(err);
}

void trace_v1_order_release(struct trace_v1_order *o)
{
    trace_ids_release(&o->goroutines);
    vec_release(&o->ids);
    vec_release(&o->moved);
    free(o->order);
    free(o->streams);
    *o = (struct trace_v1_order){0};
}

/* ---- In that order ---- */

static bool next_moved(struct trace_v1_order *o, struct trace_v1_next *next)
{
    const struct trace_v1_moved *moved = &o->moved.items[o->next_moved++];
    struct trace_v1_stream *s = &o->streams[o->n_streams - 1];
    uint64_t g = o->ids.items[moved->goroutine];
    s->event = (struct trace_v1_event){
        .type = TRACE_V1_GO_SYS_EXIT, .ticks = moved->ticks, .g = g, .args = {g}};
    *next = (struct trace_v1_next){.event = &s->event,
                                   .goroutine = moved->goroutine,
                                   .target = moved->goroutine,
                                   .proc = o->n_streams - 1};
    return true;
}

bool trace_v1_order_next(struct trace_v1_order *o, struct trace_v1_next *next)
{
    uint32_t k = o->next < o->n ? o->order[o->next] & (BLOCKS - 1u) : 0;
    if (o->next < o->n && !load(o, k, true))
        o->next = o->n; /* the file has changed */
    bool has_event = o->next < o->n, has_moved = o->next_moved < o->moved.n;
    struct trace_v1_stream *s = &o->streams[k];
    struct trace_v1_event *e = &s->event;
    if (has_moved && (!has_event || o->moved.items[o->next_moved].ticks < e->ticks))
        return next_moved(o, next);
    if (!has_event)
        return false;
    *next = (struct trace_v1_next){.event = e,
                                   .goroutine = goroutine_of(o, s),
                                   .proc = k,
                                   .blocks = o->order[o->next++] & BLOCKS};
    s->has_event = false;
    switch (e->type) {
    case TRACE_V1_GO_START_LOCAL:
        e->type = TRACE_V1_GO_START;
        break;
    case TRACE_V1_GO_UNBLOCK_LOCAL:
        e->type = TRACE_V1_GO_UNBLOCK;
        break;
    case TRACE_V1_GO_SYS_EXIT_LOCAL:
        e->type = TRACE_V1_GO_SYS_EXIT;
        break;
    default:
        break;
    }
    if (e->type == TRACE_V1_GO_CREATE || e->type == TRACE_V1_GO_UNBLOCK ||
        e->type == TRACE_V1_GO_SYS_EXIT)
        next->target = trace_ids_get(&o->goroutines, e->args[0]);
    else
        next->target = next->goroutine;
    return next->target < o->n_goroutines && next->goroutine < o->n_goroutines; /* else changed */
}
