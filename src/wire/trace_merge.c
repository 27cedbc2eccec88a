#include "wire/trace_merge.h"

#include <string.h>

#define NONE TRACE_STATES_NONE
/* The type of an item; a: the thread that goes on, b: the one that lets it. */
#define UNBLOCK TRACE_RAW_N_TYPES
/* The clocks of kernel and threads differ by so much at most; and so many turns are looked at. */
#define SKEW_NS 50000u
#define SKEW_TURNS 64u
/* So long after a lock was given up, at most, the kernel wakes who waits for it; or before. */
#define WORD_NS 1000000u
#define UNBORN_MAX 65536
#define THREADS_MAX (1u << 22)

/* A thread that `by` (tid) has made. */
struct trace_unborn {
    int32_t by;
    uint64_t ticks;
    uint32_t go;
};

static bool more(struct trace_merge *m, void *array, size_t *max, size_t n, size_t item)
{
    void *p;
    memcpy(&p, array, sizeof p);
    bool ok = gotrace_grow(&m->states.memory, &p, max, n, item);
    memcpy(array, &p, sizeof p);
    m->states.failed |= !ok;
    return ok;
}

static void release(struct trace_merge *m, void *p, size_t n_bytes)
{
    if (p)
        m->states.memory.release(p, n_bytes);
}

void trace_merge_release(struct trace_merge *m)
{
    trace_wakes_release(&m->wakes, &m->states.memory);
    trace_states_release(&m->states);
    for (size_t i = 0; i < m->n_sources; i++)
        trace_source_release(&m->sources[i], &m->states.memory);
    for (size_t i = 0; i < m->n_threads; i++)
        trace_queue_release(&m->threads[i].queue, &m->states.memory, &m->queued);
    release(m, m->sources, m->max_sources * sizeof *m->sources);
    release(m, m->threads, m->max_threads * sizeof *m->threads);
    release(m, m->by_tid, m->n_by_tid * sizeof *m->by_tid);
    release(m, m->heap, m->max_heap * sizeof *m->heap);
    release(m, m->unborn, m->max_unborn * sizeof *m->unborn);
    trace_source_scan_release(&m->scan, &m->states.memory);
    release(m, m->stacks, m->max_stacks * sizeof *m->stacks);
    release(m, m->stack_slots, m->n_stack_slots * sizeof *m->stack_slots);
    release(m, m->turns, m->max_turns * sizeof *m->turns);
}

/* Stacks: a row of a process has a number here. */

static uint32_t *stack_slot(const struct trace_merge *m, const struct trace_stack_key *key)
{
    uint64_t hash = (((uint64_t)key->source << 32 | key->row) + ((uint64_t)key->first << 29)) *
                        0x9e3779b97f4a7c15u >>
                    20;
    for (;; hash++) {
        uint32_t *slot = &m->stack_slots[hash & (m->n_stack_slots - 1)];
        if (!*slot)
            return slot;
        const struct trace_stack_key *has = &m->stacks[*slot - 1];
        if (has->row == key->row && has->source == key->source && has->first == key->first)
            return slot;
    }
}

static uint32_t stack_of_key(struct trace_merge *m, const struct trace_stack_key *key)
{
    if (!key->row || m->states.failed)
        return 0;
    if (2 * (m->n_stacks + 1) > m->n_stack_slots) {
        size_t n = m->n_stack_slots ? 2 * m->n_stack_slots : 256;
        uint32_t *slots = m->states.memory.grow(NULL, 0, n * sizeof *slots);
        if (!slots) {
            m->states.failed = true;
            return 0;
        }
        release(m, m->stack_slots, m->n_stack_slots * sizeof *slots);
        m->stack_slots = slots;
        m->n_stack_slots = n;
        for (size_t i = 0; i < m->n_stacks; i++)
            *stack_slot(m, &m->stacks[i]) = (uint32_t)i + 1;
    }
    uint32_t *slot = stack_slot(m, key);
    if (!*slot && more(m, &m->stacks, &m->max_stacks, m->n_stacks + 1, sizeof *m->stacks)) {
        m->stacks[m->n_stacks++] = *key;
        *slot = (uint32_t)m->n_stacks;
    }
    return *slot;
}

static uint32_t stack_of(struct trace_merge *m, uint32_t source, uint32_t row)
{
    return stack_of_key(m, &(struct trace_stack_key){.source = source, .row = row});
}

/* Where threads begin.  The function that std::thread hands to the system says nothing of what the
 * thread does; its first stack does, which has mostly come by the time that its begin is told. */

static void note_born(struct trace_merge *m, const struct trace_merge_thread *t,
                      const struct trace_item *item)
{
    const struct trace_record *r = &item->record;
    if (r->type == TRACE_RAW_BEGIN && r->a) {
        m->born[m->n_born++ % TRACE_MERGE_BORN] = (struct trace_born){
            .by = (int32_t)r->b, .tid = t->tid, .ticks = r->a, .source = item->source};
        return;
    }
    uint32_t n = m->n_born < TRACE_MERGE_BORN ? m->n_born : TRACE_MERGE_BORN;
    for (uint32_t i = 1; i <= n; i++) {
        struct trace_born *b = &m->born[(m->n_born - i) % TRACE_MERGE_BORN];
        if (b->tid != t->tid)
            continue;
        if (!b->first && b->source == item->source)
            b->first = r->stack;
        return;
    }
}

static uint32_t start_stack(struct trace_merge *m, const struct trace_item *create, int32_t by)
{
    struct trace_stack_key key = {.source = create->source, .row = (uint32_t)create->record.a};
    uint32_t n = m->n_born < TRACE_MERGE_BORN ? m->n_born : TRACE_MERGE_BORN;
    for (uint32_t i = 1; i <= n && !key.first; i++) {
        const struct trace_born *b = &m->born[(m->n_born - i) % TRACE_MERGE_BORN];
        if (b->by == by && b->ticks == create->record.time && b->source == key.source)
            key.first = b->first;
    }
    return stack_of_key(m, &key);
}

/* Threads. */

static uint32_t *tid_slot(const struct trace_merge *m, int32_t tid)
{
    for (uint32_t i = (uint32_t)tid * 0x9e3779b1u;; i++) {
        uint32_t *slot = &m->by_tid[i & (m->n_by_tid - 1)];
        if (!*slot || m->threads[*slot - 1].tid == tid)
            return slot;
    }
}

static struct trace_merge_thread *find_thread(const struct trace_merge *m, int32_t tid)
{
    uint32_t found = m->n_by_tid ? *tid_slot(m, tid) : 0;
    return found ? &m->threads[found - 1] : NULL;
}

/* NULL: no memory, or too many. */
static struct trace_merge_thread *make_thread(struct trace_merge *m, int32_t tid)
{
    struct trace_merge_thread *t = find_thread(m, tid);
    if (t || m->n_threads == THREADS_MAX)
        return t;
    if (!m->n_threads && tid && !make_thread(m, 0)) /* for what is nobody's */
        return NULL;
    if (2 * (m->n_threads + 1) > m->n_by_tid) {
        size_t n = m->n_by_tid ? 2 * m->n_by_tid : 256;
        uint32_t *slots = m->states.memory.grow(NULL, 0, n * sizeof *slots);
        if (!slots) {
            m->states.failed = true;
            return NULL;
        }
        release(m, m->by_tid, m->n_by_tid * sizeof *slots);
        m->by_tid = slots;
        m->n_by_tid = n;
        for (size_t i = 0; i < m->n_threads; i++)
            *tid_slot(m, m->threads[i].tid) = (uint32_t)i + 1;
    }
    if (!more(m, &m->threads, &m->max_threads, m->n_threads + 1, sizeof *m->threads))
        return NULL;
    t = &m->threads[m->n_threads++];
    *t = (struct trace_merge_thread){.tid = tid, .go = NONE, .cpu = NONE};
    *tid_slot(m, tid) = (uint32_t)m->n_threads;
    return t;
}

/* Reading. */

/* Of a wait that is over: who has ended it, and when, as an item of nobody's. */
static void add_unblock(void *arg, const struct trace_word *end, const struct trace_word *wake)
{
    struct trace_merge *m = arg;
    const struct trace_item item = {
        .ns = wake->ns,
        .source = wake->source,
        .record = {.type = UNBLOCK, .stack = wake->stack, .a = end->thread, .b = wake->thread}};
    if (!trace_queue_append(&m->threads[0].queue, &m->states.memory, &m->queued, &item))
        m->states.failed = true;
}

static void add_word(struct trace_merge *m, uint32_t thread, const struct trace_item *item)
{
    const struct trace_record *r = &item->record;
    bool is_end = r->type == TRACE_RAW_END;
    const struct trace_word word = {
        .ns = item->ns,
        .on = r->a,
        .since_ns = is_end ? trace_source_ns(&m->sources[item->source], r->b) : 0,
        .source = item->source,
        .thread = thread,
        .stack = r->stack,
        .n = (uint32_t)r->b,
        .is_end = is_end};
    if (word.on && !trace_wakes_add(&m->wakes, &m->states.memory, &word))
        m->states.failed = true;
}

struct reading {
    struct trace_merge *merge;
    uint32_t source;
};

static bool add_record(void *arg, int32_t tid, uint64_t ns, const struct trace_record *r,
                       const struct trace_record *parts)
{
    const struct reading *reading = arg;
    struct trace_merge *m = reading->merge;
    struct trace_merge_thread *t = NULL;
    if (!m->states.failed && m->queued.n_items <= TRACE_MERGE_PENDING_MAX &&
        m->queued.n_text_bytes <= TRACE_MERGE_TEXT_MAX)
        t = make_thread(m, tid);
    if (!t)
        return false;
    const struct trace_item item = {.ns = ns, .source = reading->source, .record = *r};
    if (r->type == TRACE_RAW_END && r->reason)
        trace_queue_forget(&t->queue, TRACE_RAW_BLOCK);
    if (r->type == TRACE_RAW_RETURN && r->reason)
        trace_queue_forget(&t->queue, TRACE_RAW_CALL);
    if (r->type == TRACE_RAW_WAKE || (r->type == TRACE_RAW_END && !r->reason))
        add_word(m, (uint32_t)(t - m->threads), &item);
    if (r->type == TRACE_RAW_WAKE && !m->states.has_wakes)
        return true;
    if (!trace_queue_insert(&t->queue, &m->states.memory, &m->queued, &item, parts))
        m->states.failed = true;
    if (!t->has_stack || r->type == TRACE_RAW_BEGIN) {
        t->has_stack = r->type != TRACE_RAW_BEGIN && r->stack;
        if (t->has_stack || r->type == TRACE_RAW_BEGIN)
            note_born(m, t, &item);
    }
    return true;
}

/* Telling. */

static uint64_t next_ns(const struct trace_merge *m, uint32_t thread)
{
    return trace_queue_next(&m->threads[thread].queue)->ns;
}

static void sift_down(struct trace_merge *m, size_t at)
{
    uint32_t x = m->heap[at];
    uint64_t ns = next_ns(m, x);
    for (size_t child; (child = 2 * at + 1) < m->n_heap; at = child) {
        child +=
            child + 1 < m->n_heap && next_ns(m, m->heap[child + 1]) < next_ns(m, m->heap[child]);
        if (ns <= next_ns(m, m->heap[child]))
            break;
        m->heap[at] = m->heap[child];
    }
    m->heap[at] = x;
}

static bool fill_heap(struct trace_merge *m)
{
    m->n_heap = 0;
    if (!more(m, &m->heap, &m->max_heap, m->n_threads, sizeof *m->heap))
        return false;
    for (size_t i = 0; i < m->n_threads; i++)
        if (trace_queue_next(&m->threads[i].queue))
            m->heap[m->n_heap++] = (uint32_t)i;
    for (size_t i = m->n_heap / 2; i-- > 0;)
        sift_down(m, i);
    return true;
}

static void note_unborn(struct trace_merge *m, int32_t by, uint64_t ticks, uint32_t go)
{
    if (m->n_unborn == UNBORN_MAX) /* those never began */
        m->n_unborn = 0;
    if (go != NONE && more(m, &m->unborn, &m->max_unborn, m->n_unborn + 1, sizeof *m->unborn))
        m->unborn[m->n_unborn++] = (struct trace_unborn){by, ticks, go};
}

static uint32_t take_unborn(struct trace_merge *m, int32_t by, uint64_t ticks)
{
    for (size_t i = m->n_unborn; ticks && i-- > 0;)
        if (m->unborn[i].by == by && m->unborn[i].ticks == ticks) {
            uint32_t go = m->unborn[i].go;
            m->unborn[i] = m->unborn[--m->n_unborn];
            return go;
        }
    return NONE;
}

/* A thread whose begin was not seen is one that was there before. */
static void need_go(struct trace_merge *m, struct trace_merge_thread *t, uint64_t ns)
{
    if (t->go != NONE)
        return;
    t->go = trace_states_begin(&m->states, NONE, (uint64_t)t->tid, ns, !t->has_begun, t->cpu);
    t->has_begun = true;
}

static void begin_thread(struct trace_merge *m, struct trace_merge_thread *t,
                         const struct trace_item *item)
{
    const struct trace_record *r = &item->record;
    uint32_t made = take_unborn(m, (int32_t)r->b, r->a);
    if (t->go != NONE) /* the one before ended without a word */
        trace_states_exit(&m->states, t->go, item->ns);
    t->go =
        trace_states_begin(&m->states, made, (uint64_t)t->tid, item->ns, r->reason == 1, t->cpu);
    t->has_begun = true;
}

static void tell_lost(struct trace_merge *m, struct trace_merge_thread *t, uint64_t ns, uint64_t n)
{
    static const char category[] = "sonde: events lost";
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    trace_states_log(&m->states, t->go, ns, 0,
                     (struct trace_states_text){category, sizeof category - 1},
                     (struct trace_states_text){digits + at, sizeof digits - at}, 0);
}

/* Processes count their tasks each from 1. */
static uint64_t task_of(const struct trace_item *item, uint64_t task)
{
    return task ? task ^ (uint64_t)item->source << 40 : 0;
}

static void tell(struct trace_merge *m, uint32_t thread, const struct trace_item *item)
{
    struct trace_states *s = &m->states;
    struct trace_merge_thread *t = &m->threads[thread];
    const struct trace_record *r = &item->record;
    uint64_t ns = item->ns;
    if (r->type == TRACE_RAW_NONE || r->type == TRACE_RAW_WAKE) {
        if (t->go != NONE && m->states.has_wakes)
            trace_states_is_at(s, t->go, stack_of(m, item->source, r->stack),
                               r->type == TRACE_RAW_WAKE ? ns + WORD_NS : UINT64_MAX);
        return;
    }
    if (r->type == TRACE_RAW_BEGIN) {
        begin_thread(m, t, item);
        return;
    }
    if (r->type == UNBLOCK) {
        const struct trace_merge_thread *by = &m->threads[r->b], *other = &m->threads[r->a];
        if (by->go != NONE && other->go != NONE)
            trace_states_unblock(s, other->go, by->go, ns, stack_of(m, item->source, r->stack));
        return;
    }
    need_go(m, t, ns);
    uint32_t stack = stack_of(m, item->source, r->stack);
    const char *p = trace_queue_text(&t->queue, item);
    struct trace_states_text text = {p, r->n_text};
    switch ((enum trace_raw_type)r->type) {
    case TRACE_RAW_EXIT:
        trace_states_exit(s, t->go, ns);
        t->go = NONE;
        break;
    case TRACE_RAW_CREATE:
        note_unborn(m, t->tid, r->time,
                    trace_states_create(s, t->go, ns, start_stack(m, item, t->tid), stack));
        break;
    case TRACE_RAW_BLOCK:
        trace_states_block(s, t->go, ns, (enum trace_raw_reason)r->reason, stack);
        break;
    case TRACE_RAW_END:
    case TRACE_RAW_RETURN:
        trace_states_run(s, t->go, ns);
        break;
    case TRACE_RAW_CALL:
        trace_states_call(s, t->go, ns, stack);
        break;
    case TRACE_RAW_SAMPLE:
        trace_states_sample(s, t->go, ns, stack);
        break;
    case TRACE_RAW_TASK_BEGIN:
        trace_states_task_begin(s, t->go, ns, task_of(item, r->a), task_of(item, r->b), text,
                                stack);
        break;
    case TRACE_RAW_TASK_END:
        trace_states_task_end(s, t->go, ns, task_of(item, r->a), stack);
        break;
    case TRACE_RAW_REGION_BEGIN:
    case TRACE_RAW_REGION_END:
        trace_states_region(s, t->go, ns, r->type == TRACE_RAW_REGION_BEGIN, task_of(item, r->a),
                            text, stack);
        break;
    case TRACE_RAW_LOG:
        if (r->b <= r->n_text)
            trace_states_log(s, t->go, ns, task_of(item, r->a), (struct trace_states_text){p, r->b},
                             (struct trace_states_text){p + r->b, r->n_text - r->b}, stack);
        break;
    case TRACE_RAW_LOST:
        tell_lost(m, t, ns, r->a);
        break;
    default:
        break;
    }
}

static void cut(struct trace_merge *m, uint64_t ns, bool is_last)
{
    struct timespec real = {0};
    uint64_t mono = trace_raw_mono_ns();
    clock_gettime(CLOCK_REALTIME, &real);
    trace_states_cut(&m->states, ns, mono,
                     (uint64_t)real.tv_sec * 1000000000u + (uint64_t)real.tv_nsec, is_last);
}

/* That of a thread that has ended: it may be one of very many. */
static void release_queue(struct trace_merge *m, struct trace_merge_thread *t)
{
    if (t->go == NONE && t != m->threads)
        trace_queue_release(&t->queue, &m->states.memory, &m->queued);
}

/* Turns. */

void trace_merge_turn(struct trace_merge *m, const struct trace_turn *turn)
{
    if (m->first_turn > 64 && m->first_turn > m->n_turns / 2) {
        memmove(m->turns, m->turns + m->first_turn,
                (m->n_turns - m->first_turn) * sizeof *m->turns);
        m->n_turns -= m->first_turn;
        m->first_turn = 0;
    }
    if (turn->tid <= 0 || m->n_turns > TRACE_MERGE_PENDING_MAX ||
        (turn->kind != TRACE_TURN_WAKES && turn->cpu_or_by >= m->states.n_cpus) ||
        !more(m, &m->turns, &m->max_turns, m->n_turns + 1, sizeof *m->turns))
        return;
    m->turns[m->n_turns++] = *turn;
}

/* What the waker itself has noted of the wake-up, or will have: where it was.  A row of stacks. */
static uint32_t waker_stack(struct trace_merge *m, uint32_t thread, uint32_t by, uint64_t ns)
{
    const struct trace_queue *extra = &m->threads[0].queue;
    size_t end = extra->first + SKEW_TURNS < extra->n ? extra->first + SKEW_TURNS : extra->n;
    for (size_t i = extra->first; i < end && extra->items[i].ns <= ns + WORD_NS; i++) {
        const struct trace_record *r = &extra->items[i].record;
        if (r->type == UNBLOCK && r->a == thread && r->b == by)
            return stack_of(m, extra->items[i].source, r->stack);
    }
    return 0;
}

static void tell_wake(struct trace_merge *m, struct trace_merge_thread *t, int32_t by, uint64_t ns)
{
    const struct trace_merge_thread *waker = by > 0 ? find_thread(m, by) : NULL;
    if (t->go == NONE)
        return;
    uint32_t stack =
        waker ? waker_stack(m, (uint32_t)(t - m->threads), (uint32_t)(waker - m->threads), ns) : 0;
    trace_states_wake(&m->states, t->go, waker ? waker->go : NONE, ns, stack);
}

/* It was woken just before it left, and is to come again without a further word: then it was that
 * which it has waited for. */
static bool was_woken(const struct trace_merge *m, const struct trace_merge_thread *t, uint64_t ns)
{
    size_t end = m->first_turn + SKEW_TURNS;
    if (!t->woken_ns || ns - t->woken_ns > SKEW_NS)
        return false;
    for (size_t i = m->first_turn; i < m->n_turns && i < end; i++)
        if (m->turns[i].tid == t->tid)
            return m->turns[i].kind == TRACE_TURN_COMES;
    return false;
}

static void tell_turn(struct trace_merge *m, const struct trace_turn *turn)
{
    bool leaves = turn->kind == TRACE_TURN_LEAVES || turn->kind == TRACE_TURN_IS_PREEMPTED;
    struct trace_merge_thread *t =
        turn->kind == TRACE_TURN_WAKES ? find_thread(m, turn->tid) : make_thread(m, turn->tid);
    if (!t)
        return;
    if (turn->kind == TRACE_TURN_WAKES) {
        if (t->is_away)
            tell_wake(m, t, (int32_t)turn->cpu_or_by, turn->ns);
        t->woken_ns = t->is_away ? 0 : turn->ns;
        t->woken_by = (int32_t)turn->cpu_or_by;
        return;
    }
    t->cpu = leaves ? NONE : turn->cpu_or_by;
    t->is_away = leaves;
    if (t->go == NONE)
        return;
    if (!leaves) {
        trace_states_come(&m->states, t->go, turn->ns, turn->cpu_or_by);
        return;
    }
    trace_states_leave(&m->states, t->go, turn->ns, turn->kind == TRACE_TURN_IS_PREEMPTED);
    if (turn->kind == TRACE_TURN_LEAVES && was_woken(m, t, turn->ns))
        tell_wake(m, t, t->woken_by, turn->ns);
    t->woken_ns = 0;
}

/* A new generation, when it is time. */
static void turn_over(struct trace_merge *m, uint64_t ns, uint64_t *bytes_before)
{
    if (!m->states.generation) {
        trace_states_start(&m->states, ns);
    } else if (ns > m->states.base_ns + m->states.begin_ns + TRACE_MERGE_GENERATION_NS ||
               m->states.n_bytes - *bytes_before > TRACE_MERGE_GENERATION_BYTES) {
        cut(m, ns, false);
        *bytes_before = m->states.n_bytes;
    }
}

static void tell_turns(struct trace_merge *m, uint64_t until_ns, uint64_t *bytes_before)
{
    while (m->first_turn < m->n_turns && m->turns[m->first_turn].ns <= until_ns) {
        const struct trace_turn turn = m->turns[m->first_turn++];
        if (m->states.generation)
            turn_over(m, turn.ns, bytes_before);
        tell_turn(m, &turn);
    }
}

/* What a thread does while it is away it does when it comes, if that is at once. */
static bool comes_at_once(const struct trace_merge *m, uint32_t thread, uint64_t *ns)
{
    const struct trace_merge_thread *t = &m->threads[thread];
    size_t end = m->first_turn + SKEW_TURNS;
    if (thread == 0 || !t->is_away)
        return false;
    for (size_t i = m->first_turn; i < m->n_turns && i < end; i++) {
        const struct trace_turn *turn = &m->turns[i];
        if (turn->ns > *ns + SKEW_NS)
            break;
        if (turn->tid != t->tid)
            continue;
        if (turn->kind == TRACE_TURN_WAKES)
            continue;
        if (turn->kind != TRACE_TURN_COMES || turn->ns <= *ns)
            return false; /* told out of order, it would be asked forever */
        *ns = turn->ns;
        return true;
    }
    return false;
}

static void tell_until(struct trace_merge *m, uint64_t horizon_ns)
{
    uint64_t bytes_before = m->states.n_bytes;
    if (!fill_heap(m))
        return;
    while (m->n_heap && !m->states.failed) {
        uint32_t i = m->heap[0];
        struct trace_merge_thread *t = &m->threads[i];
        uint64_t ns = trace_queue_next(&t->queue)->ns;
        if (ns > horizon_ns)
            break;
        tell_turns(m, ns, &bytes_before);
        turn_over(m, ns, &bytes_before);
        t = &m->threads[i]; /* they may have moved */
        if (comes_at_once(m, i, &ns)) {
            trace_queue_next(&t->queue)->ns = ns;
            sift_down(m, 0);
            continue;
        }
        struct trace_item item = trace_queue_take(&t->queue, &m->queued);
        tell(m, i, &item);
        if (!trace_queue_next(&m->threads[i].queue)) {
            m->heap[0] = m->heap[--m->n_heap];
            release_queue(m, &m->threads[i]);
        }
        if (m->n_heap)
            sift_down(m, 0);
    }
    tell_turns(m, horizon_ns, &bytes_before);
}

static bool is_before(const struct trace_merge_thread *t, uint64_t ns)
{
    const struct trace_item *next = trace_queue_next(&t->queue);
    return next && next->ns < ns;
}

/* What a thread is in at the beginning, from what it did before that. */
static void begin_since(struct trace_merge *m, struct trace_merge_thread *t)
{
    struct trace_item last = {.record.type = TRACE_RAW_NONE};
    bool is_there = false;
    while (is_before(t, m->since_ns)) {
        const struct trace_item item = trace_queue_take(&t->queue, &m->queued);
        is_there = item.record.type != TRACE_RAW_EXIT;
        if (item.record.type == TRACE_RAW_BLOCK || item.record.type == TRACE_RAW_CALL ||
            item.record.type == TRACE_RAW_END || item.record.type == TRACE_RAW_RETURN)
            last = item;
    }
    if (!is_there)
        return;
    need_go(m, t, m->since_ns);
    uint32_t stack = stack_of(m, last.source, last.record.stack);
    if (last.record.type == TRACE_RAW_BLOCK)
        trace_states_block(&m->states, t->go, m->since_ns,
                           (enum trace_raw_reason)last.record.reason, stack);
    else if (last.record.type == TRACE_RAW_CALL)
        trace_states_call(&m->states, t->go, m->since_ns, stack);
}

static void begin_all_since(struct trace_merge *m)
{
    trace_states_start(&m->states, m->since_ns);
    for (size_t i = 0; i < m->n_threads; i++) {
        struct trace_merge_thread *t = &m->threads[i];
        while (i == 0 && is_before(t, m->since_ns))
            trace_queue_take(&t->queue, &m->queued);
        if (i > 0)
            begin_since(m, t);
    }
    m->since_ns = 0;
}

bool trace_merge_add(struct trace_merge *m, struct trace_raw_header *h, uint64_t n_bytes)
{
    struct trace_source s;
    if (!trace_source_init(&s, h, n_bytes) ||
        !more(m, &m->sources, &m->max_sources, m->n_sources + 1, sizeof s))
        return false;
    m->sources[m->n_sources++] = s;
    return true;
}

void trace_merge_drop(struct trace_merge *m, size_t source)
{
    if (source >= m->n_sources || !m->sources[source].header)
        return;
    m->n_lost_gone += m->sources[source].header->n_lost;
    trace_source_release(&m->sources[source], &m->states.memory);
}

uint64_t trace_merge_n_lost(const struct trace_merge *m)
{
    uint64_t n = m->n_lost_gone;
    for (size_t i = 0; i < m->n_sources; i++)
        if (m->sources[i].header)
            n += m->sources[i].header->n_lost;
    return n;
}

void trace_merge_since(struct trace_merge *m, uint64_t since_ns)
{
    m->since_ns = since_ns;
}

void trace_merge_until(struct trace_merge *m, uint64_t until_ns)
{
    m->until_ns = until_ns;
}

void trace_merge_step(struct trace_merge *m, bool is_last)
{
    uint64_t now_ns = trace_raw_mono_ns(),
             lag_ns = m->states.n_cpus ? TRACE_MERGE_LAG_TURNS_NS : TRACE_MERGE_LAG_NS,
             horizon_ns = is_last           ? UINT64_MAX
                          : now_ns > lag_ns ? now_ns - lag_ns
                                            : 0;
    for (uint32_t i = 0; i < m->n_sources && !m->states.failed; i++)
        if (m->sources[i].header && !trace_source_read(&m->sources[i], &m->states.memory, &m->scan,
                                                       add_record, &(struct reading){m, i}))
            m->states.failed = true;
    /* By half the lag all have told what they did before it. */
    uint64_t settled_ns = is_last ? UINT64_MAX : horizon_ns + lag_ns / 2;
    if (m->n_threads && !m->states.failed &&
        !trace_wakes_settle(&m->wakes, &m->states.memory, settled_ns, add_unblock, m))
        m->states.failed = true;
    if (m->n_threads)
        trace_queue_sort(&m->threads[0].queue);
    if (m->since_ns && !m->states.failed)
        begin_all_since(m);
    tell_until(m, horizon_ns);
    if (!is_last || m->states.failed)
        return;
    if (!m->states.generation)
        trace_states_start(&m->states, now_ns);
    else if (m->until_ns > m->states.last_ns && trace_states_has_threads(&m->states))
        cut(m, m->until_ns, false); /* a generation of what they are in, and no more */
    cut(m, m->states.last_ns, true);
}
