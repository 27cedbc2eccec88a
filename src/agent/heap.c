#include "agent/heap.h"

#include "agent/memory.h"
#include "agent/raw.h"
#include "agent/recording.h"
#include "agent/sampler.h"

#include <errno.h>

#define N_CHAINS 8192u       /* of blocks, by their address; a power of two */
#define OFF_CHUNK (64 << 10) /* while off, a thread looks again after that many bytes */
#define CLAIMED ((void *)1)

/* A sampled block, or room for one.  Once in its chain it stays there. */
struct block {
    void *p; /* atomic; NULL: room; CLAIMED: somebody is filling it */
    struct wire_stack *stack;
    struct block *next;
};

__thread int64_t heap_left = -1;
uint8_t heap_filter[HEAP_FILTER_BYTES] __attribute__((aligned(64)));
bool heap_is_hooked;

static __thread bool is_inside;
static __thread uint64_t random_state;
static uint64_t rate;   /* 0: off */
static bool sees_frees; /* of the blocks sampled so far */
static bool is_used;    /* there is something to reset */
/* Without locks: a handler may wait for other threads that allocate (collectors stop the
 * world so), whatever the thread it interrupts is doing here. */
static struct block *chains[N_CHAINS];

static struct block **chain_of(const void *p)
{
    return &chains[((uint64_t)p >> 4) * 0x9e3779b97f4a7c15u >> 32 & (N_CHAINS - 1)];
}

/* 255 stays: it is not known any more how many they are. */
static void filter_add(uint32_t hash, uint8_t n)
{
    uint8_t there = __atomic_load_n(&heap_filter[hash], __ATOMIC_RELAXED);
    while (there != 255 &&
           !__atomic_compare_exchange_n(&heap_filter[hash], &there, (uint8_t)(there + n), false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
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
    if (!x) {
        struct timespec t = {0}; /* libc's takes no system call */
        clock_gettime(CLOCK_MONOTONIC, &t);
        x = (uint64_t)t.tv_nsec ^ (uint64_t)&random_state * 0x9e3779b97f4a7c15u;
    }
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    random_state = x ? x : 1;
    double u = (double)((x >> 11) + 1) * 0x1p-53; /* in (0, 1] */
    return (int64_t)(-log_of(u) * (double)mean) + 1;
}

/* An entry of this chain that is free, or NULL. */
static struct block *claim(struct block *b)
{
    for (; b; b = b->next) {
        void *p = __atomic_load_n(&b->p, __ATOMIC_RELAXED);
        if (!p && __atomic_compare_exchange_n(&b->p, &p, CLAIMED, false, __ATOMIC_ACQUIRE,
                                              __ATOMIC_RELAXED))
            return b;
    }
    return NULL;
}

static bool enter(struct block **chain, void *p, struct wire_stack *stack)
{
    struct block *first = __atomic_load_n(chain, __ATOMIC_ACQUIRE), *b = claim(first);
    if (b) {
        b->stack = stack;
        __atomic_store_n(&b->p, p, __ATOMIC_RELEASE);
        return true;
    }
    b = memory_alloc(sizeof *b);
    if (!b)
        return false;
    *b = (struct block){p, stack, first};
    while (
        !__atomic_compare_exchange_n(chain, &b->next, b, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
    return true;
}

static void remember(void *p, struct wire_stack *stack)
{
    if (enter(chain_of(p), p, stack))
        filter_add(heap_hash(p), 1);
    else /* its end would not be seen: it counts as gone */
        store_count(&stack->n[1], 1);
}

/* The entry of `p`, or NULL.  Nobody else has `p` now: it is the caller's. */
static struct block *entry_of(const void *p)
{
    struct block *b = __atomic_load_n(chain_of(p), __ATOMIC_ACQUIRE);
    while (b && __atomic_load_n(&b->p, __ATOMIC_ACQUIRE) != p)
        b = b->next;
    return b;
}

static struct wire_stack *forget(struct block *b, const void *p)
{
    struct wire_stack *stack = b->stack;
    __atomic_store_n(&b->p, NULL, __ATOMIC_RELEASE);
    filter_add(heap_hash(p), (uint8_t)-1);
    return stack;
}

void heap_allocated(void *p, size_t n, const struct walk_regs *regs)
{
    uint64_t mean = __atomic_load_n(&rate, __ATOMIC_RELAXED);
    if (!mean || is_inside || !recording_is_on()) {
        heap_left = OFF_CHUNK;
        return;
    }
    int saved_errno = errno;
    uint32_t saved_float = raw_float_begin();
    if (heap_left == -1 - (int64_t)n && !random_state) {
        /* The thread's first bytes: its first distance begins before them. */
        heap_left = draw(mean) - (int64_t)n;
        if (heap_left >= 0) {
            raw_float_end(saved_float);
            return;
        }
    }
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
    raw_float_end(saved_float);
    errno = saved_errno;
}

struct wire_stack *heap_freed(void *p)
{
    struct block *b = __atomic_load_n(&sees_frees, __ATOMIC_RELAXED) ? entry_of(p) : NULL;
    /* In a child that has not forgotten them yet the rows are not there. */
    if (!b || !recording_is_here())
        return NULL;
    struct wire_stack *stack = forget(b, p);
    store_count(&stack->n[1], 1);
    return stack;
}

void heap_kept(void *p, struct wire_stack *stack)
{
    __atomic_fetch_sub(&stack->n[1], 1, __ATOMIC_RELAXED);
    remember(p, stack);
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
    for (uint32_t i = 0; i < HEAP_FILTER_BYTES; i++)
        if (heap_filter[i] && heap_filter[i] != 255) /* which may also be of others */
            heap_filter[i] = 0;
    memset(chains, 0, sizeof chains);
}
