#include "agent/trace_crash.h"

#include "agent/lock.h"
#include "agent/own.h"
#include "agent/raw.h"
#include "agent/signals.h"
#include "agent/timers.h"
#include "agent/trace.h"
#include "agent/trace_pump.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <ucontext.h>

#define WAIT_S 10   /* at most, for the trace to be written */
#define FD_MIN 1000 /* out of the way of the program's numbers */
#define N_SIGNALS (sizeof signals / sizeof *signals)
#define CATEGORY "crash"
#define TEXT_BYTES (4 * TRACE_RAW_TEXT_BYTES)

int __sigaction(int signo, const struct sigaction *act, struct sigaction *old);

enum crash_state { CRASH_OFF, CRASH_ON, CRASH_IS_THERE, CRASH_WRITTEN };

static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
static const char *const names[N_SIGNALS] = {"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT"};

static struct lock lock;
static uint32_t state;      /* enum crash_state; atomic, and a futex */
static uint32_t is_waiting; /* the thread is there; atomic, and a futex */
static int pid, file = -1;
static dev_t file_dev;
static ino_t file_ino;
static struct sigaction before[N_SIGNALS];

static void wait_for(const uint32_t *word, uint32_t value, time_t seconds)
{
    const struct timespec limit = {seconds, 0};
    raw6(SYS_futex, (long)word, 128 /* FUTEX_WAIT_PRIVATE */, value, (long)&limit, 0, 0);
}

static void set_state(uint32_t value)
{
    __atomic_store_n(&state, value, __ATOMIC_RELEASE);
    raw4(SYS_futex, (long)&state, 129 /* FUTEX_WAKE_PRIVATE */, INT_MAX, 0);
}

/* Whether the number is still that of the file: the program may have closed it, and opened another
 * one. */
static bool is_file(int fd)
{
    struct stat st;
    return fd >= 0 && raw4(SYS_fstat, fd, (long)&st, 0, 0) == 0 && st.st_dev == file_dev &&
           st.st_ino == file_ino;
}

static void write_crash(void *arg)
{
    uint32_t now;
    while ((now = __atomic_load_n(&state, __ATOMIC_ACQUIRE)) == CRASH_ON && !timers_frozen() &&
           !own_is_alone())
        wait_for(&state, now, 1);
    if (now == CRASH_IS_THERE) {
        if (is_file(file))
            trace_flight_write(file);
        set_state(CRASH_WRITTEN);
    }
    __atomic_store_n(&is_waiting, 0, __ATOMIC_RELEASE);
    raw4(SYS_futex, (long)&is_waiting, 129 /* FUTEX_WAKE_PRIVATE */, INT_MAX, 0);
    if (own_is_alone())
        own_follow();
}

static size_t add(char *text, size_t n, const char *word)
{
    size_t len = strlen(word);
    memcpy(text + n, word, len);
    return n + len;
}

static size_t add_hex(char *text, size_t n, uint64_t value)
{
    int shift = 60;
    while (shift && !(value >> shift))
        shift -= 4;
    n = add(text, n, "0x");
    for (; shift >= 0; shift -= 4)
        text[n++] = "0123456789abcdef"[value >> shift & 15];
    return n;
}

/* Which thread it was, in the trace: "SIGSEGV at address 0x8, by the instruction at 0x401136".  A
 * signal that was sent has no address. */
static void mark(int signo, const siginfo_t *info, const ucontext_t *context)
{
    char text[TEXT_BYTES] = CATEGORY;
    size_t n = sizeof CATEGORY - 1;
    uint64_t pc = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
    for (size_t i = 0; i < N_SIGNALS; i++)
        if (signals[i] == signo)
            n = add(text, n, names[i]);
    if (info->si_code > 0) {
        if ((signo == SIGSEGV || signo == SIGBUS) && info->si_code != SI_KERNEL)
            n = add_hex(text, add(text, n, " at address "), (uint64_t)info->si_addr);
        n = add_hex(text, add(text, n, ", by the instruction at "), pc);
    }
    trace_log_in_handler(text, sizeof CATEGORY - 1, n, pc);
}

static void crashes(int signo, siginfo_t *info, void *context)
{
    uint32_t on = CRASH_ON;
    /* A child by vfork has our memory, but it is not the program. */
    bool is_ours = raw_getpid() == pid && __atomic_load_n(&is_waiting, __ATOMIC_ACQUIRE);
    if (is_ours && __atomic_load_n(&state, __ATOMIC_ACQUIRE) == CRASH_ON &&
        signals_have_room(context))
        mark(signo, info, context);
    if (is_ours && __atomic_compare_exchange_n(&state, &on, CRASH_IS_THERE, false, __ATOMIC_ACQ_REL,
                                               __ATOMIC_ACQUIRE))
        set_state(CRASH_IS_THERE);
    uint64_t end = raw_clock_ns(CLOCK_MONOTONIC) + WAIT_S * 1000000000ull;
    while (is_ours && __atomic_load_n(&state, __ATOMIC_ACQUIRE) == CRASH_IS_THERE &&
           raw_clock_ns(CLOCK_MONOTONIC) < end)
        wait_for(&state, CRASH_IS_THERE, 1);
    for (size_t i = 0; i < N_SIGNALS; i++)
        if (signals[i] == signo)
            __sigaction(signo, &before[i], NULL);
    /* What no instruction has done does not happen again by itself. */
    if (info->si_code <= 0 || (signo == SIGBUS && info->si_code == BUS_MCEERR_AO))
        raw4(SYS_rt_tgsigqueueinfo, raw_getpid(), raw_gettid(), signo, (long)info);
}

/* Whether its handler is ours; else `now` is what it has. */
static bool has_ours(int signo, struct sigaction *now)
{
    return __sigaction(signo, NULL, now) == 0 && (now->sa_flags & SA_SIGINFO) &&
           now->sa_sigaction == crashes;
}

static void install(void)
{
    const struct sigaction act = {.sa_sigaction = crashes, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    for (size_t i = 0; i < N_SIGNALS; i++) {
        struct sigaction now = {.sa_handler = SIG_IGN};
        if (has_ours(signals[i], &now) ||
            (!(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_IGN))
            continue;
        before[i] = now;
        __sigaction(signals[i], &act, NULL);
    }
}

static void close_file(void)
{
    if (is_file(file))
        raw4(SYS_close, file, 0, 0, 0);
    file = -1;
}

static void off(void)
{
    uint32_t on = CRASH_ON;
    if (__atomic_compare_exchange_n(&state, &on, CRASH_OFF, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        set_state(CRASH_OFF);
    else if (on == CRASH_IS_THERE)
        return; /* it is being written */
    while (__atomic_load_n(&is_waiting, __ATOMIC_ACQUIRE))
        wait_for(&is_waiting, 1, 1);
    close_file();
    for (size_t i = 0; i < N_SIGNALS; i++) {
        struct sigaction now;
        if (has_ours(signals[i], &now))
            __sigaction(signals[i], &before[i], NULL);
    }
}

static bool on(int fd)
{
    struct stat st;
    if (__atomic_load_n(&state, __ATOMIC_ACQUIRE) == CRASH_IS_THERE) {
        errno = EBUSY;
        return false;
    }
    if (fstat(fd, &st) != 0)
        return false;
    file = fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN);
    file = file < 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : file;
    if (file < 0)
        return false;
    file_dev = st.st_dev;
    file_ino = st.st_ino;
    pid = raw_getpid();
    state = CRASH_ON;
    is_waiting = 1;
    if (!own_start(write_crash, NULL)) {
        int error = errno;
        state = CRASH_OFF;
        is_waiting = 0;
        close_file();
        errno = error;
        return false;
    }
    install();
    return true;
}

bool trace_crash_on(int fd)
{
    lock_take(&lock);
    off();
    bool ok = on(fd);
    lock_give(&lock);
    return ok;
}

void trace_crash_off(void)
{
    lock_take(&lock);
    off();
    lock_give(&lock);
}

void trace_crash_reset(void)
{
    state = CRASH_OFF;
    is_waiting = 0;
    if (file >= 0)
        close_file();
}
