/* heap: the heap profile of this process: of the bytes that it allocates one in
 * `rate`, on average, is sampled, and the block with it: its stack when it is
 * allocated, a count when it is freed.
 *
 * Each thread counts its bytes down to its next sample; the distances are
 * exponentially distributed, so that a block of n bytes is sampled with probability
 * 1 - exp(-n / rate), whatever the pattern (as Go's runtime does, malloc.go
 * nextSample).  Sampled blocks are known by their addresses; a filter tells most
 * others by one look.
 *
 * The callers are the functions that stand in for malloc and its kind.
 * Threads: any, lock-free.  Signals: what a handler allocates while the thread it
 * interrupts is in here is not counted. */
#ifndef SONDE_AGENT_HEAP_H
#define SONDE_AGENT_HEAP_H

#include "agent/store.h"
#include "unwind/walk.h"

#define HEAP_RATE_DEFAULT (512u << 10) /* Go's runtime.MemProfileRate */
#define HEAP_RATE_MAX (1ull << 40)
#define HEAP_FILTER_BYTES (64u << 10)

/* What is left until the calling thread's next sample; below 0: heap_is_due is to be
 * asked.  It begins below 0. */
extern __thread int64_t heap_left;

/* How many sampled blocks have an address with this hash; 255: many, for ever. */
extern uint8_t heap_filter[HEAP_FILTER_BYTES] __attribute__((aligned(64)));

/* What lies in the same 512 KiB, where one sampled block is to be expected, has hashes in one
 * cache line: a line a block, or one for less memory, would cost a program that frees here and
 * there more than all the rest. */
static inline uint32_t heap_hash(const void *p)
{
    uint64_t region = (uint64_t)p >> 19;
    uint32_t in_line = (uint32_t)((uint64_t)p >> 4) * 0x9e3779b9u >> 26;
    return (uint32_t)((region ^ region >> 10) % (HEAP_FILTER_BYTES / 64)) << 6 | in_line;
}

/* Whether `p` may be a sampled block. */
static inline bool heap_may_know(const void *p)
{
    return __atomic_load_n(&heap_filter[heap_hash(p)], __ATOMIC_RELAXED) != 0;
}

/* Counts `n` bytes that the thread is about to allocate; true: call heap_allocated. */
static inline bool heap_count(size_t n)
{
    heap_left = (int64_t)((uint64_t)heap_left - n); /* what is beyond 2^63 cannot be had */
    return heap_left < 0;
}

/* From now on blocks are sampled; their stacks go to the sampler's store. */
void heap_start(uint64_t rate);
/* No more; frees of the blocks sampled so far are still counted. */
void heap_pause(void);
/* No more, and what is freed from now on is not counted. */
void heap_stop(void);
/* Whether what the calling thread allocates is left out from now on; what it was before. */
bool heap_leave_out(bool yes);

/* Whether malloc and its kind are ours for the program's calls. */
extern bool heap_is_hooked;

/* In a forked child: what the parent sampled is the parent's. */
void heap_reset(void);

/* The block of `n` bytes that brought the count below 0 is there (NULL: it could not
 * be had); `regs` are its caller's.  Counts anew; errno is kept. */
void heap_allocated(void *p, size_t n, const struct walk_regs *regs);

/* Before `p`, which heap_may_know, is freed.  The row of its stack if it is sampled. */
struct wire_stack *heap_freed(void *p);
/* It was not freed after all: realloc failed. */
void heap_kept(void *p, struct wire_stack *stack);

#endif
