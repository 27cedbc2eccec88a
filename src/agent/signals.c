#include "agent/signals.h"

#include "agent/peek.h"
#include "agent/raw.h"
#include "agent/recording.h"
#include "agent/sampler.h"
#include "agent/threads.h"
#include "agent/timers.h"
#include "wire/calls.h"

#include <errno.h>
#include <sys/auxv.h>

#define SIGURG_BIT (1ull << (SIGURG - 1))
#define STAND_IN SIGWINCH       /* for SIGURG, in a signalfd */
#define STACK_FOR_HANDLERS 8192 /* ours, and the program's */
#define STACK_FOR_US 1280

/* libc's own, which the hooks in interpose.c do not replace. */
int __sigaction(int signo, const struct sigaction *act, struct sigaction *old);

static struct sigaction program; /* what the program has set for SIGURG */
static int lock;                 /* for `program`; held with all signals blocked */
static int owner;                /* pid of the process that has our handler; 0 = none */
static int waiter;
static bool has_fd;           /* the program reads SIGURG's stand-in from a signalfd; atomic */
static bool has_plain_fd;     /* or SIGURG itself, since before it was ours; atomic */
static bool has_small_stacks; /* alternate ones; atomic */
static uint64_t masked;       /* signals in whose masks SIGURG is by our doing; atomic */

static void lock_take(uint64_t *mask)
{
    const uint64_t all = ~0ull;
    raw_sigmask(SIG_BLOCK, &all, mask);
    while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
        raw_yield();
}

static void lock_release(const uint64_t *mask)
{
    __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
    raw_sigmask(SIG_SETMASK, mask, NULL);
}

bool signals_is_ours(const siginfo_t *info)
{
    return info->si_code == SI_TIMER && (info->si_value.sival_ptr == &timers_mark ||
                                         info->si_value.sival_ptr == &timers_rescan_mark ||
                                         info->si_value.sival_ptr == &threads_mark);
}

static uint64_t weight_of(const siginfo_t *info)
{
    return 1 + (info->si_overrun > 0 ? (uint64_t)info->si_overrun : 0);
}

/* After the handler it is blocked, and pending. */
static void to_fd(ucontext_t *uc)
{
    sigaddset(&uc->uc_sigmask, STAND_IN);
    raw4(SYS_tgkill, raw_getpid(), raw_gettid(), STAND_IN, 0);
}

static __attribute__((noinline)) void to_program(int signo, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    uint64_t mask, before;
    int tid = __atomic_load_n(&waiter, __ATOMIC_ACQUIRE);
    lock_take(&before);
    struct sigaction act = program;
    if (act.sa_flags & SA_RESETHAND)
        program.sa_handler = SIG_DFL;
    lock_release(&before);
    if (act.sa_handler == SIG_DFL || act.sa_handler == SIG_IGN) {
        if (__atomic_load_n(&has_fd, __ATOMIC_RELAXED))
            to_fd(uc);
        if (tid && tid != raw_gettid())
            raw4(SYS_tgkill, raw_getpid(), tid, signo, 0);
        return;
    }
    /* The mask the kernel would have set; ours has all signals in it. */
    memcpy(&mask, &uc->uc_sigmask, sizeof mask);
    uint64_t more;
    memcpy(&more, &act.sa_mask, sizeof more);
    mask |= more;
    if (!(act.sa_flags & SA_NODEFER))
        mask |= SIGURG_BIT;
    raw_sigmask(SIG_SETMASK, &mask, NULL);
    if (act.sa_flags & SA_SIGINFO)
        act.sa_sigaction(signo, info, context);
    else
        act.sa_handler(signo);
}

/* The thread ran when it was asked, and began to wait before the signal was there: a call
 * that the kernel ends with EINTR then, whatever SA_RESTART says (poll, nanosleep, ...), is
 * made again.  Its number is in the instruction before it, as compilers write it. */
static void repeat_call(ucontext_t *uc)
{
    greg_t *g = uc->uc_mcontext.gregs;
    uint8_t code[7]; /* mov $NUMBER, %eax; syscall */
    uint32_t number;
    if (g[REG_RAX] != -EINTR || !peek(code, (uint64_t)g[REG_RIP] - sizeof code, sizeof code) ||
        code[0] != 0xb8 || code[5] != 0x0f || code[6] != 0x05)
        return;
    memcpy(&number, code + 1, sizeof number);
    if (!calls_repeatable(number))
        return;
    g[REG_RAX] = number;
    g[REG_RIP] -= 2;
}

bool signals_have_room(const void *context)
{
    const ucontext_t *uc = context;
    uint64_t left = (uint64_t)__builtin_frame_address(0) - (uint64_t)uc->uc_stack.ss_sp;
    return left >= uc->uc_stack.ss_size || left >= STACK_FOR_US;
}

static void handler(int signo, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    if (!signals_is_ours(info)) {
        errno = saved_errno;
        to_program(signo, info, context);
        return;
    }
    if (info->si_value.sival_ptr == &threads_mark) {
        threads_asked(info, context);
        repeat_call(context);
        errno = saved_errno;
        return;
    }
    if (!signals_have_room(context)) {
        signals_lost(info);
        errno = saved_errno;
        return;
    }
    struct store *store = recording_is_bare ? NULL : sampler_enter(WIRE_CPU);
    if (store) {
        if (info->si_value.sival_ptr == &timers_mark)
            sampler_sample(store, context, weight_of(info));
        timers_rescan();
    }
    if (!recording_is_bare)
        sampler_leave(WIRE_CPU);
    errno = saved_errno;
}

static const sigset_t *without_sigurg(const sigset_t *set, bool stands_in, sigset_t *copy)
{
    if (!set || !sigismember(set, SIGURG) || !signals_installed() ||
        __atomic_load_n(&has_plain_fd, __ATOMIC_RELAXED))
        return set;
    *copy = *set;
    sigdelset(copy, SIGURG);
    if (stands_in)
        sigaddset(copy, STAND_IN);
    return copy;
}

const sigset_t *signals_for_mask(const sigset_t *set, sigset_t *copy)
{
    return without_sigurg(set, __atomic_load_n(&has_fd, __ATOMIC_RELAXED), copy);
}

const sigset_t *signals_for_fd(const sigset_t *set, sigset_t *copy)
{
    const sigset_t *result = without_sigurg(set, true, copy);
    if (result != set)
        __atomic_store_n(&has_fd, true, __ATOMIC_RELAXED);
    else if (set && sigismember(set, SIGURG))
        __atomic_store_n(&has_plain_fd, true, __ATOMIC_RELAXED);
    return result;
}

/* Whether its handler runs on alternate stacks, and lets SIGURG in. */
static bool is_to_mask(const struct sigaction *act)
{
    return (act->sa_flags & SA_ONSTACK) && !sigismember(&act->sa_mask, SIGURG);
}

static void mark_masked(int signo, bool yes)
{
    uint64_t bit = 1ull << (signo - 1);
    if (yes)
        __atomic_fetch_or(&masked, bit, __ATOMIC_RELAXED);
    else if (__atomic_load_n(&masked, __ATOMIC_RELAXED) & bit)
        __atomic_fetch_and(&masked, ~bit, __ATOMIC_RELAXED);
}

/* Those that are set already. */
static void mask_all(void)
{
    struct sigaction act;
    for (int signo = 1; signo < NSIG; signo++) {
        if (signo == SIGURG || __sigaction(signo, NULL, &act) != 0 || !is_to_mask(&act))
            continue;
        sigaddset(&act.sa_mask, SIGURG);
        if (__sigaction(signo, &act, NULL) == 0)
            mark_masked(signo, true);
    }
}

void signals_alternate_stack(size_t n_bytes)
{
    if (n_bytes >= 2 * getauxval(AT_MINSIGSTKSZ) + STACK_FOR_HANDLERS ||
        __atomic_exchange_n(&has_small_stacks, true, __ATOMIC_RELAXED) || !signals_installed())
        return;
    mask_all();
}

const struct sigaction *signals_to_set(const struct sigaction *act, struct sigaction *copy)
{
    if (!act || !is_to_mask(act) || !__atomic_load_n(&has_small_stacks, __ATOMIC_RELAXED) ||
        !signals_installed())
        return act;
    *copy = *act;
    sigaddset(&copy->sa_mask, SIGURG);
    return copy;
}

void signals_set(int signo, const struct sigaction *set, struct sigaction *old, bool is_copy)
{
    if (signo < 1 || signo >= NSIG)
        return;
    if (old && (__atomic_load_n(&masked, __ATOMIC_RELAXED) & 1ull << (signo - 1)))
        sigdelset(&old->sa_mask, SIGURG);
    if (set)
        mark_masked(signo, is_copy);
}

bool signals_install(void)
{
    struct sigaction now,
        act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    if (__sigaction(SIGURG, NULL, &now) != 0)
        return false;
    if (!(now.sa_flags & SA_SIGINFO) || now.sa_sigaction != handler) {
        program = now;
        /* No other handler runs inside ours: it could leave with longjmp. */
        memset(&act.sa_mask, 0xff, sizeof act.sa_mask);
        if (__sigaction(SIGURG, &act, NULL) != 0)
            return false;
        if (__atomic_load_n(&has_small_stacks, __ATOMIC_RELAXED))
            mask_all();
    }
    __atomic_store_n(&owner, raw_getpid(), __ATOMIC_RELEASE);
    return true;
}

bool signals_installed(void)
{
    int pid = __atomic_load_n(&owner, __ATOMIC_ACQUIRE);
    return pid && (timers_frozen() || pid == raw_getpid());
}

void signals_follow_fork(bool keep)
{
    lock = 0;
    waiter = 0;
    owner = keep ? raw_getpid() : 0;
    if (!keep && !timers_frozen()) /* else our handler stays, which passes all on */
        __sigaction(SIGURG, &program, NULL);
}

void signals_program_action(const struct sigaction *act, struct sigaction *old)
{
    uint64_t mask;
    struct sigaction was;
    lock_take(&mask);
    was = program;
    if (act)
        program = *act;
    lock_release(&mask);
    if (old)
        *old = was;
}

void signals_unblock(void)
{
    const uint64_t ours = SIGURG_BIT;
    raw_sigmask(SIG_UNBLOCK, &ours, NULL);
}

void signals_lost(const siginfo_t *info)
{
    struct store *store = sampler_enter(WIRE_CPU);
    if (store && info->si_value.sival_ptr == &timers_mark)
        store_count(&store->header->counts[WIRE_CPU].n_dropped, weight_of(info));
    sampler_leave(WIRE_CPU);
}

void signals_set_waiter(int tid)
{
    __atomic_store_n(&waiter, tid, __ATOMIC_RELEASE);
}
