/* raw: system calls without libc's wrappers (no errno, no cancellation point, no
 * symbol another library may have replaced).
 * Out: as the kernel returns: a negative errno on failure.
 * Threads: any.  Signals: async-signal-safe. */
#ifndef SONDE_AGENT_RAW_H
#define SONDE_AGENT_RAW_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#ifndef __x86_64__
#error "libsonde is for x86-64"
#endif

static inline long raw6(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static inline long raw4(long number, long a, long b, long c, long d)
{
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}

static inline int raw_getpid(void)
{
    return (int)raw4(SYS_getpid, 0, 0, 0, 0);
}

static inline int raw_gettid(void)
{
    return (int)raw4(SYS_gettid, 0, 0, 0, 0);
}

static inline void raw_yield(void)
{
    raw4(SYS_sched_yield, 0, 0, 0, 0);
}

/* Zeroed private memory, or NULL. */
static inline void *raw_alloc(size_t n_bytes)
{
    long p = raw6(SYS_mmap, 0, (long)n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                  -1, 0);
    return p < 0 && p > -4096 ? NULL : (void *)p;
}

static inline void raw_unmap(void *p, size_t n_bytes)
{
    raw4(SYS_munmap, (long)p, (long)n_bytes, 0, 0);
}

static inline uint64_t raw_clock_ns(clockid_t clock)
{
    struct timespec t = {0};
    raw4(SYS_clock_gettime, clock, (long)&t, 0, 0);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Around arithmetic with floating-point numbers: that of the program may trap, round
 * otherwise, or look afterwards at what was inexact. */
static inline uint32_t raw_float_begin(void)
{
    uint32_t before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(0x1f80); /* as at a program's start */
    return before;
}

static inline void raw_float_end(uint32_t before)
{
    __builtin_ia32_ldmxcsr(before);
}

/* The kernel's signal set is 64 bits. */
static inline void raw_sigmask(int how, const uint64_t *set, uint64_t *old)
{
    raw4(SYS_rt_sigprocmask, how, (long)set, (long)old, 8);
}

/* Whether the 8 bytes at `address` can be read.  The kernel copies the set before
 * it looks at `how`: EFAULT or EINVAL, and nothing changes.  Some 100 ns. */
static inline bool raw_readable(uint64_t address)
{
    return raw4(SYS_rt_sigprocmask, -1, (long)address, 0, 8) == -22 /* EINVAL */;
}

#endif
