/* A record's bytes: of a goroutine: flags, what they say of stacks, an event; of what began and is
 * not over: zero, an event. */
#include "timeline/timeline_past.h"

#include "base/map.h"
#include "timeline/timeline_pack.h"

#include <stdlib.h>
#include <string.h>

enum { IS_GO = 1, HAS_RUN = 2, HAS_NAME = 4, HAS_EARLY_NAME = 8, HAS_STACK = 16 };

#define FOREVER UINT32_MAX /* record.to: it is not over */
#define NO_RECORD UINT32_MAX
#define NO_SLOT UINT32_MAX
#define NO_GO UINT32_MAX
#define ENDED (UINT32_MAX - 1)    /* in slot_of: the goroutine was there */
#define ALL_OVER (UINT32_MAX - 1) /* in `innermost`: all that began is over */
#define RECORD_MAX (4 * GOTRACE_VARINT_MAX + 1 + TIMELINE_PACK_MAX)

/* What is there now, with a record if it was at the last chunk that counts. */
struct slot {
    struct trace_event event; /* of a goroutine the last that changed its state */
    uint32_t record;
    uint32_t next;       /* free ones; of what began, what it is within */
    uint32_t stack;      /* the last that is known of a goroutine */
    uint32_t name;       /* the first of a change that tells its start function */
    uint32_t early_name; /* the first of all that does */
    bool has_run, is_go, is_known, is_used, is_touched;
};

/* What begins and ends, by what says that it is the same. */
enum { SPAN_GC, SPAN_STW, SPAN_SWEEP, SPAN_ASSIST, SPAN_REGION, SPAN_TASK, N_SPANS };

struct timeline_past_adding {
    VEC(struct slot) slots;
    VEC(uint32_t) slot_of; /* of goroutines by number */
    VEC(uint32_t) touched; /* slots that are another since the last chunk that counts */
    uint32_t free;
    uint32_t mark; /* the last chunk that counts */
    struct map innermost[N_SPANS];
};

bool timeline_past_init(struct timeline_past *past)
{
    *past = (struct timeline_past){0};
    buf_init(&past->bytes);
    past->adding = calloc(1, sizeof *past->adding);
    if (past->adding)
        past->adding->free = NO_SLOT;
    return past->adding;
}

static void free_adding(struct timeline_past *past)
{
    struct timeline_past_adding *a = past->adding;
    if (!a)
        return;
    vec_release(&a->slots);
    vec_release(&a->slot_of);
    vec_release(&a->touched);
    for (int i = 0; i < N_SPANS; i++)
        map_release(&a->innermost[i]);
    free(a);
    past->adding = NULL;
}

void timeline_past_release(struct timeline_past *past)
{
    free_adding(past);
    vec_release(&past->records);
    buf_release(&past->bytes);
}

static void turn_off(struct timeline_past *past)
{
    past->is_off = true;
    timeline_past_release(past);
}

/* ---- slots ---- */

static uint32_t new_slot(struct timeline_past *past)
{
    struct timeline_past_adding *a = past->adding;
    uint32_t at = a->free;
    if (at != NO_SLOT) {
        bool is_touched = a->slots.items[at].is_touched; /* it is in the list still */
        a->free = a->slots.items[at].next;
        a->slots.items[at] = (struct slot){.is_touched = is_touched};
    } else {
        at = (uint32_t)a->slots.n;
        if (a->slots.n >= ENDED || !vec_push(&a->slots, (struct slot){0})) {
            past->failed = true;
            return NO_SLOT;
        }
    }
    a->slots.items[at].record = NO_RECORD;
    a->slots.items[at].next = NO_SLOT;
    a->slots.items[at].is_used = true;
    return at;
}

/* What the slot has will be another, or over. */
static void touch(struct timeline_past *past, uint32_t at)
{
    struct timeline_past_adding *a = past->adding;
    struct slot *s = &a->slots.items[at];
    if (s->record != NO_RECORD)
        past->records.items[s->record].to = a->mark;
    s->record = NO_RECORD;
    if (s->is_touched)
        return;
    s->is_touched = true;
    if (!vec_push(&a->touched, at))
        past->failed = true;
}

static void free_slot(struct timeline_past *past, uint32_t at)
{
    struct timeline_past_adding *a = past->adding;
    touch(past, at);
    a->slots.items[at].is_used = false;
    a->slots.items[at].next = a->free;
    a->free = at;
}

/* ---- records ---- */

static void add_record(struct timeline_past *past, struct slot *s)
{
    static const struct trace_event none = {.m = TRACE_NONE, .g = TRACE_NONE, .p = TRACE_NONE};
    uint8_t *begin = (uint8_t *)buf_reserve(&past->bytes, RECORD_MAX), *p = begin;
    if (!begin) {
        past->failed = true;
        return;
    }
    bool has_early_name = s->early_name && s->early_name != s->name;
    *p++ =
        (uint8_t)((s->is_go ? IS_GO : 0) | (s->has_run ? HAS_RUN : 0) | (s->name ? HAS_NAME : 0) |
                  (has_early_name ? HAS_EARLY_NAME : 0) | (s->stack ? HAS_STACK : 0));
    if (s->name)
        p = gotrace_put(p, s->name);
    if (has_early_name)
        p = gotrace_put(p, s->early_name);
    if (s->stack)
        p = gotrace_put(p, s->stack);
    p = timeline_pack(p, &s->event, &none, past->first.time_ns);
    struct timeline_past_record record = {.from = past->adding->mark,
                                          .to = FOREVER,
                                          .at = (uint32_t)past->bytes.len,
                                          .n = (uint32_t)(p - begin)};
    s->record = (uint32_t)past->records.n;
    if (!vec_push(&past->records, record))
        past->failed = true;
    past->bytes.len += (size_t)(p - begin);
}

/* Half as many chunks count; what holds at none of them goes. */
static void halve(struct timeline_past *past)
{
    struct timeline_past_adding *a = past->adding;
    size_t n = 0, n_bytes = 0;
    uint32_t *place = malloc(past->records.n * sizeof *place + 1);
    if (!place) {
        past->failed = true;
        return;
    }
    past->shift++;
    a->mark /= 2;
    for (size_t i = 0; i < past->records.n; i++) {
        struct timeline_past_record r = past->records.items[i];
        r.from = r.from / 2 + r.from % 2;
        r.to = r.to == FOREVER ? FOREVER : r.to / 2;
        place[i] = NO_RECORD;
        if (r.from > r.to)
            continue;
        memmove(past->bytes.data + n_bytes, past->bytes.data + r.at, r.n);
        r.at = (uint32_t)n_bytes;
        n_bytes += r.n;
        place[i] = (uint32_t)n;
        past->records.items[n++] = r;
    }
    past->records.n = n;
    past->bytes.len = n_bytes;
    for (size_t i = 0; i < a->slots.n; i++)
        if (a->slots.items[i].record != NO_RECORD)
            a->slots.items[i].record = place[a->slots.items[i].record];
    free(place);
}

void timeline_past_chunk(struct timeline_past *past, size_t chunk)
{
    struct timeline_past_adding *a = past->adding;
    if (past->is_off || !chunk || chunk & (((size_t)1 << past->shift) - 1))
        return;
    a->mark = (uint32_t)(chunk >> past->shift);
    for (size_t i = 0; i < a->touched.n && !past->failed; i++) {
        struct slot *s = &a->slots.items[a->touched.items[i]];
        s->is_touched = false;
        if (s->is_used)
            add_record(past, s);
    }
    vec_clear(&a->touched);
    while (a->mark && !past->failed &&
           past->bytes.len + past->records.n * sizeof *past->records.items > past->most)
        halve(past);
}

/* ---- what events tell ---- */

static bool tells_name(const struct trace *trace, uint32_t stack)
{
    struct trace_stack s = trace_stack(trace, stack);
    return s.n_frames && trace_frame(trace, s.frames[s.n_frames - 1])->func;
}

/* The goroutine's slot, which is new if it is; NO_SLOT: no memory, or it was there before. */
static uint32_t slot_of(struct timeline_past *past, uint32_t go)
{
    struct timeline_past_adding *a = past->adding;
    while (a->slot_of.n <= go)
        if (!vec_push(&a->slot_of, NO_SLOT)) {
            past->failed = true;
            return NO_SLOT;
        }
    uint32_t at = a->slot_of.items[go];
    if (at == ENDED) { /* analyses differ in what they remember of the first */
        turn_off(past);
        return NO_SLOT;
    }
    if (at == NO_SLOT && (at = new_slot(past)) != NO_SLOT) {
        a->slots.items[at].is_go = true;
        a->slot_of.items[go] = at;
    }
    return at;
}

uint32_t timeline_past_change(struct timeline_past *past, const struct trace *trace, uint32_t go,
                              const struct trace_event *event, const struct trace_transition *t)
{
    uint32_t named = 0;
    if (past->is_off || past->failed || (t->from == t->to && !t->stack))
        return 0;
    if (go == NO_GO) {
        turn_off(past);
        return 0;
    }
    uint32_t at = slot_of(past, go);
    if (at == NO_SLOT)
        return 0;
    struct slot *s = &past->adding->slots.items[at];
    bool is_first = t->from == TRACE_GO_UNDETERMINED || t->from == TRACE_GO_NOT_EXIST;
    if (is_first != !s->is_known) { /* it begins twice, or does not begin */
        turn_off(past);
        return 0;
    }
    s->is_known = true;
    touch(past, at);
    if (t->stack) {
        s->stack = t->stack;
        if (!s->early_name && tells_name(trace, t->stack))
            s->early_name = t->stack;
    }
    if (t->from == t->to)
        return 0;
    if (t->stack && !s->name && tells_name(trace, t->stack))
        named = s->name = t->stack;
    s->has_run |= t->to == TRACE_GO_RUNNING;
    s->event = *event;
    if (t->to == TRACE_GO_NOT_EXIST) {
        free_slot(past, at);
        past->adding->slot_of.items[go] = ENDED;
    }
    return named;
}

bool timeline_past_step(struct timeline_past *past, uint32_t go, const struct trace_event *event,
                        uint32_t stack, bool runs)
{
    struct timeline_past_adding *a = past->adding;
    if (!a || go >= a->slot_of.n || a->slot_of.items[go] >= ENDED)
        return false;
    uint32_t at = a->slot_of.items[go];
    struct slot *s = &a->slots.items[at];
    if (!s->is_known || (stack && !s->name))
        return false;
    if (!s->is_touched || s->record != NO_RECORD)
        touch(past, at);
    s->event = *event;
    s->has_run |= runs;
    if (stack)
        s->stack = stack;
    return true;
}

static void span_begins(struct timeline_past *past, int kind, uint64_t key,
                        const struct trace_event *event, bool may_be_open)
{
    struct timeline_past_adding *a = past->adding;
    uint32_t outer = map_get(&a->innermost[kind], key);
    outer = outer == ALL_OVER ? NO_SLOT : outer;
    if (may_be_open && outer != NO_SLOT)
        return;
    uint32_t at = new_slot(past);
    if (at == NO_SLOT)
        return;
    a->slots.items[at].event = *event;
    a->slots.items[at].next = outer;
    touch(past, at);
    if (!map_put(&a->innermost[kind], key, at))
        past->failed = true;
}

static void span_ends(struct timeline_past *past, int kind, uint64_t key)
{
    struct timeline_past_adding *a = past->adding;
    uint32_t at = map_get(&a->innermost[kind], key);
    if (at == NO_SLOT || at == ALL_OVER)
        return;
    uint32_t outer = a->slots.items[at].next;
    (void)map_put(&a->innermost[kind], key, outer == NO_SLOT ? ALL_OVER : outer);
    free_slot(past, at);
}

void timeline_past_event(struct timeline_past *past, const struct trace_event *e)
{
    if (past->is_off || past->failed)
        return;
    switch (e->type) {
    case GOTRACE_GC_ACTIVE:
    case GOTRACE_GC_BEGIN:
        span_begins(past, SPAN_GC, 0, e, e->type == GOTRACE_GC_ACTIVE);
        break;
    case GOTRACE_GC_END:
        span_ends(past, SPAN_GC, 0);
        break;
    case GOTRACE_STW_BEGIN:
        span_begins(past, SPAN_STW, e->args[0] << 40 ^ (uint64_t)e->g, e, false);
        break;
    case GOTRACE_STW_END:
        span_ends(past, SPAN_STW, e->args[0] << 40 ^ (uint64_t)e->g);
        break;
    case GOTRACE_GC_SWEEP_ACTIVE:
        span_begins(past, SPAN_SWEEP, e->args[0], e, true);
        break;
    case GOTRACE_GC_SWEEP_BEGIN:
        span_begins(past, SPAN_SWEEP, (uint64_t)(int64_t)e->p, e, false);
        break;
    case GOTRACE_GC_SWEEP_END:
        span_ends(past, SPAN_SWEEP, (uint64_t)(int64_t)e->p);
        break;
    case GOTRACE_GC_MARK_ASSIST_ACTIVE:
        span_begins(past, SPAN_ASSIST, e->args[0], e, true);
        break;
    case GOTRACE_GC_MARK_ASSIST_BEGIN:
        span_begins(past, SPAN_ASSIST, (uint64_t)e->g, e, false);
        break;
    case GOTRACE_GC_MARK_ASSIST_END:
        span_ends(past, SPAN_ASSIST, (uint64_t)e->g);
        break;
    case GOTRACE_USER_REGION_BEGIN:
        span_begins(past, SPAN_REGION, (uint64_t)e->g, e, false);
        break;
    case GOTRACE_USER_REGION_END:
        span_ends(past, SPAN_REGION, (uint64_t)e->g);
        break;
    case GOTRACE_USER_TASK_BEGIN:
        span_begins(past, SPAN_TASK, e->args[0], e, false);
        break;
    case GOTRACE_USER_TASK_END:
        span_ends(past, SPAN_TASK, e->args[0]);
        break;
    default:
        break;
    }
}

void timeline_past_seal(struct timeline_past *past)
{
    free_adding(past);
    char *bytes = past->bytes.len ? realloc(past->bytes.data, past->bytes.len) : NULL;
    if (bytes) {
        past->bytes.data = bytes;
        past->bytes.cap = past->bytes.len;
    }
}

size_t timeline_past_bytes(const struct timeline_past *past)
{
    return past->records.cap * sizeof *past->records.items + past->bytes.cap;
}

/* ---- asking ---- */

/* Events by time; those of one goroutine have one. */
struct placed {
    struct trace_event event;
    uint32_t place;
};

struct placing {
    VEC(struct placed) events;
    bool failed;
};

static void place(struct placing *p, const struct trace_event *event)
{
    p->failed |= !vec_push(&p->events, (struct placed){*event, (uint32_t)p->events.n});
}

/* The goroutine is found so: a status that tells a stack.  From and to the same: nothing else. */
static void place_status(struct placing *p, int64_t id, int64_t time_ns, enum trace_go_state from,
                         enum trace_go_state to, uint32_t stack)
{
    static const uint8_t status[TRACE_GO_N_STATES] = {[TRACE_GO_RUNNABLE] = GOTRACE_GO_RUNNABLE,
                                                      [TRACE_GO_RUNNING] = GOTRACE_GO_RUNNING,
                                                      [TRACE_GO_WAITING] = GOTRACE_GO_WAITING,
                                                      [TRACE_GO_SYSCALL] = GOTRACE_GO_SYSCALL};
    struct trace_event e = {
        .type = GOTRACE_GO_STATUS_STACK,
        .time_ns = time_ns,
        .g = TRACE_NONE,
        .m = TRACE_NONE,
        .p = TRACE_NONE,
        .args = {(uint64_t)id, (uint64_t)TRACE_NONE, (uint64_t)from << 32 | status[to], stack}};
    place(p, &e);
}

static bool take_stack(unsigned flags, unsigned flag, const uint8_t **p, const uint8_t *end,
                       uint32_t *stack)
{
    uint64_t v = 0;
    if (flags & flag && !(*p = gotrace_get(*p, end, &v)))
        return false;
    *stack = (uint32_t)v;
    return true;
}

/* What was known of it before the state that it has, that, and what was told of its stack since. */
static void place_go(struct placing *placing, unsigned flags, const struct trace_event *event,
                     uint32_t name, uint32_t early_name, uint32_t stack)
{
    struct trace_transition t;
    if (!trace_event_transition(event, &t))
        return;
    bool is_first = t.from == TRACE_GO_UNDETERMINED || t.from == TRACE_GO_NOT_EXIST;
    int64_t time_ns = event->time_ns;
    if (!is_first && early_name)
        place_status(placing, t.id, time_ns, t.from, t.from, early_name);
    if (!is_first && (name || flags & HAS_RUN))
        place_status(placing, t.id, time_ns, TRACE_GO_UNDETERMINED,
                     flags & HAS_RUN ? TRACE_GO_RUNNING : TRACE_GO_WAITING, name);
    place(placing, event);
    if (is_first && early_name && early_name != stack)
        place_status(placing, t.id, time_ns, t.to, t.to, early_name);
    if (stack && stack != t.stack)
        place_status(placing, t.id, time_ns, t.to, t.to, stack);
}

static void place_record(const struct timeline_past *past, struct placing *placing,
                         const struct timeline_past_record *record)
{
    static const struct trace_event none = {.m = TRACE_NONE, .g = TRACE_NONE, .p = TRACE_NONE};
    struct trace_event event;
    const uint8_t *p = (const uint8_t *)past->bytes.data + record->at, *end = p + record->n;
    unsigned flags = *p++;
    uint32_t name, early_name, stack;
    if (!take_stack(flags, HAS_NAME, &p, end, &name) ||
        !take_stack(flags, HAS_EARLY_NAME, &p, end, &early_name) ||
        !take_stack(flags, HAS_STACK, &p, end, &stack) ||
        !timeline_unpack(p, end, &event, &none, past->first.time_ns))
        return;
    if (flags & IS_GO)
        place_go(placing, flags, &event, name, early_name, stack);
    else
        place(placing, &event);
}

static int compare(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->event.time_ns != y->event.time_ns)
        return x->event.time_ns < y->event.time_ns ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

bool timeline_past_at(const struct timeline_past *past, size_t *chunk,
                      struct timeline_past_events *out)
{
    struct placing placing = {0};
    size_t mark = past->is_off ? 0 : *chunk >> past->shift;
    *chunk = mark << past->shift;
    if (!mark)
        return true;
    place(&placing, &past->first);
    for (size_t i = 0; i < past->records.n && !placing.failed; i++)
        if (past->records.items[i].from <= mark && mark <= past->records.items[i].to)
            place_record(past, &placing, &past->records.items[i]);
    if (placing.failed || !vec_reserve(&out->events, out->events.n + placing.events.n)) {
        vec_release(&placing.events);
        return false;
    }
    qsort(placing.events.items, placing.events.n, sizeof *placing.events.items, compare);
    for (size_t i = 0; i < placing.events.n; i++)
        out->events.items[out->events.n++] = placing.events.items[i].event;
    vec_release(&placing.events);
    return true;
}
