/* block: the block profile of this process: where threads wait for each other.  A wait of
 * d ns is sampled if d is at least `rate`, else with probability d / rate, and then counts
 * for rate / d waits and `rate` ns (as Go's runtime does, mprof.go blockevent).
 *
 * One that waits for a lock is also known to mutex.h, for those who unlock.
 *
 * The callers are the functions that stand in for those that wait.
 * Threads: any.  Signals: a handler that waits is not recorded while the thread it
 * interrupts is in here; one that leaves by longjmp loses its wait, and nothing else. */
#ifndef SONDE_AGENT_BLOCK_H
#define SONDE_AGENT_BLOCK_H

#include "unwind/walk.h"
#include "wire/trace_raw.h"

#define BLOCK_RATE_DEFAULT 10000 /* ns */
#define BLOCK_RATE_MAX (1ull << 40)

/* A wait of the calling thread. */
struct block_wait {
    uint64_t since_ns; /* 0: not recorded */
    bool is_traced;
};

enum block_end {
    BLOCK_DONE,    /* it got what it waited for */
    BLOCK_AT_ONCE, /* it got it, and has not slept for it: no wait in a trace */
    BLOCK_EXPIRED, /* it waited, and did not get it */
    BLOCK_NOT,     /* it did not wait: an error */
};

/* As if `function` had just been called by the caller of the function this stands in: its
 * frame is the first. */
#define BLOCK_CALLED(function)                                                                     \
    ({                                                                                             \
        const uint64_t *frame_ = __builtin_frame_address(0);                                       \
        (struct walk_regs){(uint64_t)(function) + 1, (uint64_t)(frame_ + 1), frame_[0], 0};        \
    })

/* Whether the functions that wait are ours. */
extern bool block_is_hooked;

/* What has been waited for has its hash here, for ever. */
#define BLOCK_BUSY_SIZE 4096
extern uint8_t block_busy[BLOCK_BUSY_SIZE];

static inline uint32_t block_hash(const void *lock)
{
    return (uint32_t)(((uint64_t)lock >> 2) * 0x9e3779b97f4a7c15u >> 52);
}

/* Nobody has ever waited for it, and it is free at a glance (glibc's: the first word is 0 of a
 * mutex that is, and not 0 of a semaphore): whoever asks for it can go straight to the next
 * function.  Should another come between, its first wait is not seen. */
static inline bool block_is_calm(const void *lock, bool is_free)
{
    return __builtin_expect(
        is_free && !__atomic_load_n(&block_busy[block_hash(lock)], __ATOMIC_RELAXED), 1);
}

/* It is to be waited for. */
void block_is_busy(const void *lock);

/* Waits are sampled from now on. */
void block_start(uint64_t rate);
void block_stop(void);
/* In a forked child. */
void block_reset(void);

/* Around what may wait; some 200 ns together, and 500 more when it is sampled.  `lock`: what
 * somebody is to unlock, or NULL.  `on`: what somebody is to wake, for traces; it may be the
 * lock.  errno is kept. */
struct block_wait block_begin(enum trace_raw_reason reason, const void *on, const void *lock,
                              const struct walk_regs *regs);
void block_end(const struct block_wait *wait, const struct walk_regs *regs, enum block_end end);

/* While the calling thread is between these, its handlers are not recorded.  False: this is
 * one of them. */
extern __thread uint64_t block_inside_sp; /* of the frame that is inside; 0: none is */

/* A frame that is not above ours in the stack, and has not left, was left by longjmp. */
static inline bool block_enter(void)
{
    uint64_t sp = (uint64_t)__builtin_frame_address(0);
    if (__builtin_expect(block_inside_sp > sp, 0))
        return false;
    block_inside_sp = sp;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return true;
}

static inline void block_leave(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    block_inside_sp = 0;
}

/* For samples. */
uint64_t block_random(void);
uint64_t block_now_ns(void);

#endif
