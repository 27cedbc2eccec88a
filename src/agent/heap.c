#include "agent/heap.h"

#include "agent/memory.h"
#include "agent/raw.h"
#include "agent/recording.h"
#include "agent/sampler.h"

#include <errno.h>

#define N_CHAINS (64u << 10) /* of blocks, by the hash of their address */
#define N_LOCKS 256u
#define OFF_CHUNK (64 << 10) /* while off, a thread looks again after that many bytes */

/* A sampled block. */
struct block {
    void *p;
    struct wire_stack *stack;
    struct block *next; /* of its chain, or of the free ones */
};

struct lock {
    int held;
    struct block *unused;
} __attribute__((aligned(64)));

__thread int64_t heap_left = -1;
uint8_t heap_filter[HEAP_FILTER_BYTES];
bool heap_is_hooked;

static __thread bool is_inside;
static __thread uint64_t random_state;
static uint64_t rate;   /* 0: off */
static bool sees_frees; /* of the blocks sampled so far */
static bool is_used;    /* there is something to reset */
static struct block *chains[N_CHAINS];
static struct lock locks[N_LOCKS];

/* The locks are held for some ten instructions, and never by a thread that a handler
 * of its own could ask for one: is_inside says so. */
static void lock_take(struct lock *lock)
{
    while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE))
        raw_yield();
}

static void lock_give(struct lock *lock)
{
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

static struct lock *lock_of(uint32_t hash)
{
    return &locks[hash % N_LOCKS];
}

/* ln x for x in (0, 1], to 1e-4: the distances need no more. */
static double log_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffffu) | 0x3ff0000000000000u;
    double m;
    memcpy(&m, &bits, sizeof m); /* in [1, 2) */
    double y = (m - 1) / (m + 1), y2 = y * y;
    return 2 * y * (1 + y2 * (1.0 / 3 + y2 * (1.0 / 5 + y2 * (1.0 / 7 + y2 / 9)))) +
           exponent * 0.69314718055994531;
}

/* Bytes to the next sample; at a rate of 1 each block is one, of 0 bytes too. */
static int64_t draw(uint64_t mean)
{
    if (mean == 1)
        return -1;
    uint64_t x = random_state;
    if (!x)
        x = raw_clock_ns(CLOCK_MONOTONIC) ^ (uint64_t)&random_state * 0x9e3779b97f4a7c15u;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    random_state = x ? x : 1;
    double u = (double)((x >> 11) + 1) * 0x1p-53; /* in (0, 1] */
    return (int64_t)(-log_of(u) * (double)mean) + 1;
}

static void remember(void *p, struct wire_stack *stack)
{
    uint32_t hash = heap_hash(p);
    struct lock *lock = lock_of(hash);
    lock_take(lock);
    struct block *b = lock->unused;
    if (b)
        lock->unused = b->next;
    else
        b = memory_alloc(sizeof *b);
    if (b) {
        *b = (struct block){p, stack, chains[hash]};
        chains[hash] = b;
        uint8_t n = heap_filter[hash];
        __atomic_store_n(&heap_filter[hash], (uint8_t)(n + (n < 255)), __ATOMIC_RELAXED);
    }
    lock_give(lock);
    if (!b) /* its end would not be seen: it counts as gone */
        store_count(&stack->n[1], 1);
}

static struct wire_stack *forget(void *p)
{
    uint32_t hash = heap_hash(p);
    struct lock *lock = lock_of(hash);
    struct wire_stack *stack = NULL;
    lock_take(lock);
    for (struct block **at = &chains[hash]; *at; at = &(*at)->next) {
        struct block *b = *at;
        if (b->p != p)
            continue;
        *at = b->next;
        stack = b->stack;
        b->next = lock->unused;
        lock->unused = b;
        uint8_t n = heap_filter[hash];
        __atomic_store_n(&heap_filter[hash], (uint8_t)(n - (n < 255)), __ATOMIC_RELAXED);
        break;
    }
    lock_give(lock);
    return stack;
}

void heap_allocated(void *p, size_t n, const struct walk_regs *regs)
{
    uint64_t mean = __atomic_load_n(&rate, __ATOMIC_RELAXED);
    if (!mean || is_inside || !recording_is_on()) {
        heap_left = OFF_CHUNK;
        return;
    }
    if (heap_left == -1 - (int64_t)n && !random_state) {
        /* The thread's first bytes: its first distance begins before them. */
        heap_left = draw(mean) - (int64_t)n;
        if (heap_left >= 0)
            return;
    }
    int saved_errno = errno;
    is_inside = true;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    struct store *store = p ? sampler_enter(WIRE_HEAP) : NULL;
    struct wire_stack *row = store ? sampler_here(store, WIRE_HEAP, n, regs) : NULL;
    if (row) {
        store_count(&row->n[0], 1);
        remember(p, row);
    }
    if (p)
        sampler_leave(WIRE_HEAP);
    heap_left = draw(mean);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    is_inside = false;
    errno = saved_errno;
}

struct wire_stack *heap_freed(void *p)
{
    /* In a child that has not forgotten them yet the rows are not there. */
    if (is_inside || !__atomic_load_n(&sees_frees, __ATOMIC_RELAXED) || !recording_is_here())
        return NULL;
    is_inside = true;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    struct wire_stack *stack = forget(p);
    if (stack)
        store_count(&stack->n[1], 1);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    is_inside = false;
    return stack;
}

void heap_kept(void *p, struct wire_stack *stack)
{
    is_inside = true;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_fetch_sub(&stack->n[1], 1, __ATOMIC_RELAXED);
    remember(p, stack);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    is_inside = false;
}

void heap_start(uint64_t new_rate)
{
    is_used = true;
    __atomic_store_n(&sees_frees, true, __ATOMIC_RELEASE);
    __atomic_store_n(&rate, new_rate, __ATOMIC_RELEASE);
    heap_left = -1; /* what this thread allocated before is of no concern */
}

void heap_pause(void)
{
    __atomic_store_n(&rate, 0, __ATOMIC_RELEASE);
}

void heap_stop(void)
{
    heap_pause();
    __atomic_store_n(&sees_frees, false, __ATOMIC_RELEASE);
}

bool heap_leave_out(bool yes)
{
    bool was = is_inside;
    is_inside = yes;
    return was;
}

void heap_reset(void)
{
    if (!is_used)
        return;
    is_used = false;
    rate = 0;
    sees_frees = false;
    is_inside = false;
    memset(heap_filter, 0, sizeof heap_filter);
    memset(chains, 0, sizeof chains);
    memset(locks, 0, sizeof locks);
}
