#include "agent/block.h"

#include "agent/mutex.h"
#include "agent/raw.h"
#include "agent/recording.h"
#include "agent/sampler.h"
#include "agent/trace_wait.h"

uint8_t block_busy[BLOCK_BUSY_SIZE];
bool block_is_hooked;

static uint64_t rate; /* 0: off */
static uint64_t random_state;
__thread uint64_t block_inside_sp;

uint64_t block_now_ns(void)
{
    struct timespec t = {0}; /* libc's takes no system call */
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t block_random(void)
{
    uint64_t x = __atomic_add_fetch(&random_state, 0x9e3779b97f4a7c15u, __ATOMIC_RELAXED);
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

void block_is_busy(const void *lock)
{
    uint8_t *busy = &block_busy[block_hash(lock)];
    if (!__atomic_load_n(busy, __ATOMIC_RELAXED))
        __atomic_store_n(busy, 1, __ATOMIC_RELAXED);
}

struct block_wait block_begin(enum trace_raw_reason reason, const void *on, const void *lock,
                              const struct walk_regs *regs)
{
    struct block_wait wait = {0};
    bool sees_locks = lock && mutex_is_on();
    if (recording_is_bare)
        return wait;
    if (trace_on())
        wait.is_traced = trace_wait_begins(reason, on, regs) != 0;
    if (!__atomic_load_n(&rate, __ATOMIC_RELAXED) && !sees_locks)
        return wait;
    wait.since_ns = block_now_ns();
    if (sees_locks)
        mutex_wait_begins(lock, wait.since_ns);
    return wait;
}

static void sample(uint64_t ns, uint64_t mean, const struct walk_regs *regs)
{
    struct store *store = sampler_enter(WIRE_BLOCK);
    struct wire_stack *row = store ? sampler_here(store, WIRE_BLOCK, 0, regs) : NULL;
    if (row) {
        store_count(&row->n[0],
                    ns < mean ? (mean << WIRE_BLOCK_SHIFT) / ns : 1u << WIRE_BLOCK_SHIFT);
        store_count(&row->n[1], ns < mean ? mean : ns);
    }
    sampler_leave(WIRE_BLOCK);
}

void block_end(const struct block_wait *wait, const struct walk_regs *regs, enum block_end end)
{
    if (wait->is_traced)
        trace_wait_ends(end, 0);
    if (!wait->since_ns)
        return;
    uint64_t now = block_now_ns(), mean = __atomic_load_n(&rate, __ATOMIC_RELAXED),
             ns = now > wait->since_ns ? now - wait->since_ns : 1;
    mutex_wait_ends(wait->since_ns, end == BLOCK_DONE || end == BLOCK_AT_ONCE);
    if (end == BLOCK_NOT || !mean || (ns < mean && block_random() % mean > ns))
        return;
    /* Asked last, since it is a system call: a child made without libc's fork has no store. */
    if (!recording_is_on() || !block_enter())
        return;
    sample(ns, mean, regs);
    block_leave();
}

void block_start(uint64_t new_rate)
{
    if (!random_state)
        random_state = block_now_ns();
    __atomic_store_n(&rate, new_rate, __ATOMIC_RELEASE);
}

void block_stop(void)
{
    __atomic_store_n(&rate, 0, __ATOMIC_RELEASE);
}

void block_reset(void)
{
    rate = 0;
    block_inside_sp = 0;
}
