#include "agent/trace_wait.h"

#include "agent/brief.h"
#include "agent/memory.h"
#include "agent/timers.h"
#include "agent/trace_thread.h"

#include <pthread.h>

#define N_BUCKETS 1024u
/* What is over sooner than this has not waited: some us. */
#define SHORT_TICKS 10000u
#define N_WAKES 4u /* kept of what threads wait for */

struct wake {
    uint64_t ticks;
    int tid;
    uint32_t n_left; /* threads that it can let go; TRACE_WAKES_LAST */
    uint32_t stack;
};

/* What threads wait for. */
struct awaited {
    const void *on;
    struct awaited *next; /* of its bucket, or of the free ones */
    uint32_t n_waiting, n_wakes;
    struct wake wakes[N_WAKES]; /* the last ones; number i at i % N_WAKES */
};

struct bucket {
    struct brief held;
    struct awaited *first, *unused;
} __attribute__((aligned(64)));

static struct bucket buckets[N_BUCKETS];

static struct bucket *bucket_of(const void *on)
{
    return &buckets[block_hash(on) % N_BUCKETS];
}

/* Below: with the bucket taken. */

static struct awaited **find(struct bucket *b, const void *on)
{
    struct awaited **at = &b->first;
    while (*at && (*at)->on != on)
        at = &(*at)->next;
    return at;
}

static struct awaited *make(struct bucket *b, const void *on)
{
    struct awaited *a = b->unused;
    if (a)
        b->unused = a->next;
    else if (!timers_frozen()) /* it takes a system call */
        a = memory_alloc(sizeof *a);
    if (!a)
        return NULL;
    *a = (struct awaited){.on = on, .next = b->first};
    b->first = a;
    return a;
}

/* Who let the thread go on that has waited since `begin`. */
static struct wake choose(struct awaited *a, uint64_t begin, int tid)
{
    struct wake *first = NULL, *last = NULL;
    uint32_t from = a->n_wakes > N_WAKES ? a->n_wakes - N_WAKES : 0;
    for (uint32_t i = from; i < a->n_wakes; i++) {
        struct wake *w = &a->wakes[i % N_WAKES];
        if (w->ticks < begin || w->tid == tid || !w->n_left)
            continue;
        first = first ? first : w;
        last = w;
    }
    struct wake *chosen = last && last->n_left == TRACE_WAKES_LAST ? last : first;
    if (!chosen)
        return (struct wake){0};
    if (chosen->n_left != TRACE_WAKES_LAST)
        chosen->n_left--;
    return *chosen;
}

/* Above: with the bucket taken. */

static void enlist(struct trace_known_wait *wait, const void *on, uint64_t begin, uint64_t sp)
{
    struct bucket *b = bucket_of(on);
    if (!brief_take(&b->held))
        return;
    struct awaited *a = *find(b, on);
    a = a ? a : make(b, on);
    if (a) {
        a->n_waiting++;
        mutex_count_waiter(on, 1);
        *wait = (struct trace_known_wait){on, begin, sp};
    }
    brief_give(&b->held);
}

static struct wake delist(struct trace_known_wait *wait, int tid)
{
    struct wake by = {0};
    struct bucket *b = bucket_of(wait->on);
    if (!brief_take(&b->held))
        return by;
    struct awaited **at = find(b, wait->on), *a = *at;
    if (a) {
        by = choose(a, wait->begin, tid);
        if (--a->n_waiting == 0) {
            *at = a->next;
            a->next = b->unused;
            b->unused = a;
        }
        mutex_count_waiter(wait->on, -1u);
    }
    brief_give(&b->held);
    wait->on = NULL;
    return by;
}

uint64_t trace_wait_begins(enum trace_raw_reason reason, const void *on,
                           const struct walk_regs *regs)
{
    uint64_t sp = (uint64_t)__builtin_frame_address(0), now = 0;
    if (recording_is_bare || !block_enter())
        return 0;
    struct trace_thread *t = trace_thread();
    if (t) {
        now = trace_now();
        const struct trace_record block = {.time = now,
                                           .type = TRACE_RAW_BLOCK,
                                           .reason = (uint8_t)reason,
                                           .stack = trace_stack(t, regs)};
        /* One whose frame is not above ours was left by longjmp; else this is a handler. */
        if (t->wait.on && t->wait.sp <= sp)
            delist(&t->wait, t->tid);
        if (on && !t->wait.on)
            enlist(&t->wait, on, now, sp);
        trace_add(t, &block);
    }
    block_leave();
    return now;
}

void trace_wait_ends(enum block_end end, uint64_t since)
{
    uint64_t sp = (uint64_t)__builtin_frame_address(0);
    if (recording_is_bare || !block_enter())
        return;
    struct trace_thread *t = trace_on() ? trace_thread() : NULL;
    if (t) {
        struct wake by = {0};
        if (t->wait.on && t->wait.sp <= sp + 512) {
            by = delist(&t->wait, t->tid);
            if (end != BLOCK_DONE)
                by = (struct wake){0};
        }
        uint64_t now = trace_now();
        const struct trace_record record = {.time = now,
                                            .type = TRACE_RAW_END,
                                            .reason = end == BLOCK_NOT ||
                                                      (since && now - since < SHORT_TICKS),
                                            .stack = by.stack,
                                            .a = by.ticks,
                                            .b = (uint32_t)by.tid};
        trace_add(t, &record);
    }
    block_leave();
}

uint64_t trace_call_begins(const struct walk_regs *regs)
{
    uint64_t now = 0;
    if (recording_is_bare || !block_enter())
        return 0;
    struct trace_thread *t = trace_thread();
    if (t) {
        now = trace_now();
        const struct trace_record call = {
            .time = now, .type = TRACE_RAW_CALL, .stack = trace_stack(t, regs)};
        trace_add(t, &call);
    }
    block_leave();
    return now;
}

void trace_call_ends(void)
{
    if (recording_is_bare || !block_enter())
        return;
    struct trace_thread *t = trace_on() ? trace_thread() : NULL;
    if (t) {
        const struct trace_record back = {.time = trace_now(), .type = TRACE_RAW_RETURN};
        trace_add(t, &back);
    }
    block_leave();
}

static void leave_word(struct trace_thread *t, const void *on, uint32_t n, uint32_t stack)
{
    struct bucket *b = bucket_of(on);
    if (!brief_take(&b->held))
        return;
    struct awaited *a = *find(b, on);
    if (a)
        a->wakes[a->n_wakes++ % N_WAKES] = (struct wake){trace_now(), t->tid, n, stack};
    brief_give(&b->held);
}

void trace_wakes(const void *on, uint32_t n, const struct walk_regs *regs)
{
    if (!trace_on() || recording_is_bare || !block_enter())
        return;
    struct trace_thread *t = trace_thread();
    if (t)
        leave_word(t, on, n, trace_stack(t, regs));
    block_leave();
}

void trace_wait_thread_ends(struct trace_thread *t)
{
    struct trace_known_wait *wait = &t->wait;
    const void *self = (const void *)pthread_self();
    if (wait->on)
        delist(wait, t->tid);
    if (mutex_may_wait(self))
        leave_word(t, self, TRACE_WAKES_LAST, 0);
}

void trace_wait_reset(void)
{
    memset(mutex_filter, 0, sizeof mutex_filter);
    memset(buckets, 0, sizeof buckets);
}
