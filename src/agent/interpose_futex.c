/* interpose_futex: futexes by libc's syscall(): what Rust's and C++20's standard libraries,
 * and programs with locks of their own, wait on.
 *
 * A wait counts as any other.  A wake lets others go, but is an unlock only where the futex
 * is a lock: a word that is 2 while somebody waits, as in U. Drepper's "Futexes Are Tricky"
 * and in Rust's Mutex, or one of Rust's RwLock. */
#include "agent/block.h"
#include "agent/interpose_next.h"
#include "agent/mutex.h"
#include "agent/raw.h"
#include "agent/trace_wait.h"

#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
#define LOCK_IS_WAITED_FOR 2u
#define RUST_READER_WAITS (1u << 30)
#define RUST_WRITER_WAITS (1u << 31)
#define RUST_PARKED UINT32_MAX /* no lock: a thread that waits for its unpark */

typedef long syscall_fn(long, long, long, long, long, long, long);

/* interpose_kernel.c */
extern syscall_fn *interpose_next_syscall, *interpose_on_futex;
extern long interpose_futex_number;

static bool is_lock(const uint32_t *word, uint32_t waited_for)
{
    if (waited_for == LOCK_IS_WAITED_FOR)
        return true;
    if (waited_for == RUST_PARKED)
        return false;
    if (waited_for & (RUST_READER_WAITS | RUST_WRITER_WAITS))
        return true;
    /* A writer waits on the word behind the lock, which counts up. */
    if (!raw_readable((uint64_t)(word - 1) & ~7ull))
        return false;
    uint32_t before = __atomic_load_n(word - 1, __ATOMIC_RELAXED);
    return before != RUST_PARKED && (before & RUST_WRITER_WAITS);
}

static enum block_end end_of(long rc)
{
    if (rc == 0)
        return BLOCK_DONE;
    return errno == ETIMEDOUT || errno == EINTR ? BLOCK_EXPIRED : BLOCK_NOT;
}

static __attribute__((noinline)) long wait_futex(long a, long b, long c, long d, long e, long f,
                                                 const struct walk_regs *regs, const void *lock)
{
    const struct block_wait wait =
        block_begin(lock ? TRACE_RAW_MUTEX : TRACE_RAW_FUTEX, (const void *)a, lock, regs);
    long rc = interpose_next_syscall(SYS_futex, a, b, c, d, e, f);
    block_end(&wait, regs, end_of(rc));
    return rc;
}

static __attribute__((noinline)) long wake_futex(long a, long b, long c, long d, long e, long f,
                                                 const struct walk_regs *regs)
{
    const struct mutex_charge charge = mutex_unlocks((const void *)a);
    trace_wakes((const void *)a, c > 0 && c < INT32_MAX ? (uint32_t)c : 1u << 30, regs);
    long rc = interpose_next_syscall(SYS_futex, a, b, c, d, e, f);
    mutex_add(&charge, regs);
    return rc;
}

/* Jumped to by `syscall`. */
static long on_futex(long number, long a, long b, long c, long d, long e, long f)
{
    const struct walk_regs regs = BLOCK_CALLED(interpose_next_syscall);
    const uint32_t *word = (const uint32_t *)a;
    long rc;
    switch (b & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
        return wait_futex(a, b, c, d, e, f, &regs,
                          (mutex_is_on() || trace_on()) && is_lock(word, (uint32_t)c) ? word
                                                                                      : NULL);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
        return wait_futex(a, b, c, d, e, f, &regs, word);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
    case FUTEX_UNLOCK_PI:
        if (mutex_may_wait(word))
            return wake_futex(a, b, c, d, e, f, &regs);
        break;
    default:
        break;
    }
    rc = interpose_next_syscall(number, a, b, c, d, e, f);
    return rc;
}

static __attribute__((constructor(102))) void begin(void)
{
    if (!interpose_next_syscall)
        return;
    interpose_on_futex = on_futex;
    interpose_futex_number = SYS_futex;
}
