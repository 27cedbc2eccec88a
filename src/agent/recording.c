#include "agent/recording.h"

#include "agent/block.h"
#include "agent/heap.h"
#include "agent/hooks.h"
#include "agent/lock.h"
#include "agent/modules.h"
#include "agent/mutex.h"
#include "agent/object.h"
#include "agent/own.h"
#include "agent/program.h"
#include "agent/raw.h"
#include "agent/roster.h"
#include "agent/sampler.h"
#include "agent/signals.h"
#include "agent/threads.h"
#include "agent/timers.h"
#include "agent/trace.h"
#include "agent/trace_pump.h"
#include "sonde/sonde.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#define DIR_BYTES 400
#define FROZEN 1u
#define BARE 2u
#define MAIN_STACK_KNOWN (1u << 20) /* the kernel keeps more than this free of other memory */

/* `standing`: the file of `sonde record`, for all kinds, or else memory for the kinds
 * that the program switched on, which stays.  `cpu`: of a CPU profile into memory. */
static struct store standing, cpu;
static uint32_t kinds; /* mask of what is on now; atomic */
static uint32_t kinds_to_file;
static int owner; /* pid of the process whose recording this is */
static char dir[DIR_BYTES];
static struct store_options options; /* of the file */
static bool only_root, is_at;        /* moments will be wanted on the way */
static uint64_t flight_bytes;        /* of a trace's last events; 0: all are kept */
static bool watches_fork, uses_sigurg;
static bool has_ended; /* the program */
static uint32_t last_moment;
static struct lock lock; /* held while kinds begin and end */

__thread bool recording_is_bare;

static uint32_t bit(enum wire_kind kind)
{
    return 1u << kind;
}

/* What is noted where threads lock, wait and let others go on. */
static bool has_waits(void)
{
    return kinds & (bit(WIRE_BLOCK) | bit(WIRE_MUTEX) | bit(WIRE_TRACE));
}

static void make_index(void)
{
    if (!own_is_here()) /* it calls libc's qsort */
        program_make_index();
}

/* Kinds whose threads are sent SIGURG. */
static bool need_sigurg(uint32_t which)
{
    return which & (bit(WIRE_CPU) | bit(WIRE_GOROUTINE));
}

/* Where getpid may be forbidden: a child has none of its parent's stores. */
static bool has_store(void)
{
    const struct wire_header *h = standing.header ? standing.header : cpu.header;
    return h && raw_readable((uint64_t)&h->magic) && h->magic == WIRE_MAGIC;
}

bool recording_is_here(void)
{
    if (recording_is_bare)
        return false;
    return timers_frozen() ? has_store() : owner == raw_getpid();
}

bool recording_is_on(void)
{
    return __atomic_load_n(&kinds, __ATOMIC_ACQUIRE) != 0 && recording_is_here();
}

static bool records(enum wire_kind kind)
{
    return __atomic_load_n(&kinds, __ATOMIC_RELAXED) & bit(kind);
}

bool recording_has(enum wire_kind kind)
{
    return records(kind) && recording_is_on();
}

bool recording_is_recorded(enum wire_kind kind)
{
    return (kinds_to_file & bit(kind)) && recording_is_on();
}

/* Samples of `which` from here on. */
static void go(uint32_t which, struct store *store, uint64_t heap_rate)
{
    owner = raw_getpid();
    __atomic_fetch_or(&kinds, which, __ATOMIC_RELEASE);
    sampler_start(which, store);
    hooks_switch(has_waits());
    if (which & bit(WIRE_HEAP))
        heap_start(heap_rate);
    if (which & bit(WIRE_BLOCK))
        block_start(store->header->block_rate);
    if (which & bit(WIRE_MUTEX))
        mutex_start(store->header->mutex_fraction);
    if (which & bit(WIRE_GOROUTINE))
        roster_enter(true);
    if (which & bit(WIRE_TRACE))
        trace_start();
    if (which & bit(WIRE_CPU))
        timers_start(store->header->period_ns, &store->header->n_timer_failures);
    if (need_sigurg(which))
        signals_unblock();
}

static void take_moment(const struct walk_regs *self);

/* Waits for moments to be wanted. */
static void answer(void *arg)
{
    struct wire_header *h = arg;
    const struct timespec second = {1, 0};
    const struct walk_regs none = {0};
    uint32_t answered = 0;
    /* What we open is not to take a number that the program expects to be free. */
    if (own_is_here()) /* else this may be the thread that ends the process */
        raw4(SYS_close_range, 0, ~0u, CLOSE_RANGE_UNSHARE, 0);
    /* A process whose threads have all ended is not to live on for this one. */
    while (!own_is_alone()) {
        uint32_t wanted = __atomic_load_n(&h->n_moments_wanted, __ATOMIC_ACQUIRE);
        if (wanted == answered || timers_frozen()) {
            raw6(SYS_futex, (long)&h->n_moments_wanted, 0 /* FUTEX_WAIT */, wanted, (long)&second,
                 0, 0);
            continue;
        }
        take_moment(&none);
        answered = wanted;
        __atomic_store_n(&h->n_moments_answered, answered, __ATOMIC_RELEASE);
    }
    own_follow();
}

static void start_answering(void)
{
    if (is_at && (kinds_to_file & bit(WIRE_GOROUTINE)))
        own_start(answer, standing.header);
}

/* Nothing is recorded, and nothing is taken back: what the parent of this process
 * sampled stays the parent's, and its mappings are not here. */
static void forget(void)
{
    kinds = kinds_to_file = 0;
    hooks_switch(false);
    timers_reset();
    sampler_reset();
    modules_new_process();
    heap_reset();
    block_reset();
    mutex_reset();
    trace_reset();
    trace_pump_reset();
    store_forget(&standing);
    store_forget(&cpu);
    own_reset();
    roster_reset();
    threads_reset();
    has_ended = false;
    last_moment = 0;
}

/* The trace's memory, if that is to be recorded; else it is not, and the other kinds are. */
static void open_trace(uint32_t *wanted)
{
    if ((*wanted & bit(WIRE_TRACE)) &&
        !trace_open(dir, standing.number, flight_bytes ? flight_bytes : TRACE_BYTES_USUAL,
                    flight_bytes != 0))
        *wanted &= ~bit(WIRE_TRACE);
}

/* The child of a recorded process starts a recording of its own. */
static void in_child(void)
{
    uint32_t wanted = kinds_to_file;
    forget();
    bool goes_on = wanted && !only_root && !timers_frozen() && store_open(&standing, dir, &options);
    if (uses_sigurg)
        signals_follow_fork(goes_on && need_sigurg(wanted));
    uses_sigurg = goes_on && need_sigurg(wanted);
    if (!goes_on)
        return;
    open_trace(&wanted);
    kinds_to_file = wanted;
    go(wanted, &standing, options.heap_rate);
    if (wanted & bit(WIRE_CPU))
        timers_arm(raw_gettid(), true);
    start_answering();
}

static bool watch_fork(void);

/* A program that is linked with one libsonde, and has another one loaded into it: that
 * one's functions come first. */
static bool looks_as_if_other_records(void)
{
    const char *preload = getenv("LD_PRELOAD");
    if (!getenv(WIRE_ENV_DIR))
        return false;
    if (recording_is_hooked)
        return !object_same((const void *)sonde_stop_cpu_profile, (const void *)watch_fork);
    return getauxval(AT_BASE) != 0 && preload && strstr(preload, "/libsonde");
}

static bool other_records(void)
{
    static int known; /* 0: not yet: the environment is the program's to change */
    if (!known)
        known = looks_as_if_other_records() ? 2 : 1;
    return known == 2;
}

static bool watch_fork(void)
{
    /* Of a child made without libc's fork. */
    if (kinds && !timers_frozen() && owner != raw_getpid())
        forget();
    if (!watches_fork && (own_is_here() || pthread_atfork(NULL, NULL, in_child) != 0)) {
        errno = ENOMEM;
        return false;
    }
    watches_fork = true;
    return true;
}

/* The kinds `which` into this store, which is open; false and errno. */
static bool begin(uint32_t which, struct store *store, uint64_t heap_rate)
{
    if (need_sigurg(which) && !signals_install())
        return false;
    uses_sigurg |= need_sigurg(which);
    make_index();
    go(which, store, heap_rate);
    if (!(which & bit(WIRE_CPU)))
        return true;
    timers_scan();
    if (!recording_is_hooked)
        timers_start_process_timer();
    return true;
}

static void end_cpu(void)
{
    timers_stop();
    sampler_stop(bit(WIRE_CPU));
    __atomic_fetch_and(&kinds, ~bit(WIRE_CPU), __ATOMIC_RELEASE);
}

static bool begin_cpu(uint32_t hz)
{
    if (!watch_fork())
        return false;
    if (records(WIRE_CPU) || cpu.header || other_records()) {
        errno = EBUSY;
        return false;
    }
    if (!store_open(&cpu, NULL, &(struct store_options){.kinds = bit(WIRE_CPU), .hz = hz})) {
        errno = ENOMEM;
        return false;
    }
    bool ok = begin(bit(WIRE_CPU), &cpu, 0);
    if (ok && timers_count() > 0)
        return true;
    int error = ok ? EAGAIN : errno;
    if (ok)
        end_cpu();
    store_close(&cpu);
    errno = error;
    return false;
}

bool recording_begin_cpu(uint32_t hz)
{
    lock_take(&lock);
    bool ok = begin_cpu(hz);
    lock_give(&lock);
    return ok;
}

struct store *recording_end_cpu(void)
{
    struct store *ended = NULL;
    lock_take(&lock);
    if (recording_has(WIRE_CPU) && !(kinds_to_file & bit(WIRE_CPU))) {
        end_cpu();
        cpu.header->end_monotonic_ns = raw_clock_ns(CLOCK_MONOTONIC);
        cpu.header->state = WIRE_ENDED;
        ended = &cpu;
    }
    lock_give(&lock);
    return ended;
}

void recording_release_cpu(void)
{
    lock_take(&lock);
    store_close(&cpu);
    lock_give(&lock);
}

static struct store *standing_store(void)
{
    if (!watch_fork())
        return NULL;
    if (standing.header)
        return &standing;
    const struct store_options all = {.hz = RECORDING_HZ_DEFAULT};
    if (other_records() || !store_open(&standing, NULL, &all)) {
        errno = other_records() ? EBUSY : ENOMEM;
        return NULL;
    }
    return &standing;
}

struct store *recording_store(void)
{
    lock_take(&lock);
    struct store *store = standing_store();
    lock_give(&lock);
    return store;
}

static bool start(enum wire_kind kind, uint64_t rate)
{
    struct store *store = standing_store();
    if (!store)
        return false;
    if (kind == WIRE_HEAP) {
        struct wire_header *h = store->header;
        if (h->heap_rate != rate && (kinds_to_file & bit(kind) || h->counts[kind].n_samples)) {
            errno = EBUSY;
            return false;
        }
        h->heap_rate = rate;
    }
    if (kind == WIRE_BLOCK || kind == WIRE_MUTEX) {
        struct wire_header *h = store->header;
        uint64_t *there = kind == WIRE_BLOCK ? &h->block_rate : &h->mutex_fraction;
        if (kinds_to_file & bit(kind) && *there != rate) {
            errno = EBUSY;
            return false;
        }
        *there = rate;
        if (records(kind)) /* samples are scaled as they are taken: it may change */
            kind == WIRE_BLOCK ? block_start(rate) : mutex_start(rate);
    }
    return records(kind) || begin(bit(kind), store, rate);
}

bool recording_start(enum wire_kind kind, uint64_t rate)
{
    lock_take(&lock);
    bool ok = start(kind, rate);
    lock_give(&lock);
    return ok;
}

bool recording_stop(enum wire_kind kind)
{
    lock_take(&lock);
    bool is_on = recording_has(kind), ok = !is_on || !(kinds_to_file & bit(kind));
    if (is_on && ok) {
        if (kind == WIRE_HEAP)
            heap_pause();
        if (kind == WIRE_BLOCK)
            block_stop();
        if (kind == WIRE_MUTEX)
            mutex_stop();
        if (kind == WIRE_TRACE)
            trace_stop();
        sampler_stop(bit(kind));
        __atomic_fetch_and(&kinds, ~bit(kind), __ATOMIC_RELEASE);
        hooks_switch(has_waits());
    }
    lock_give(&lock);
    if (!ok)
        errno = EBUSY;
    return ok;
}

uint32_t recording_freeze(bool all)
{
    uint32_t done = 0;
    if (!recording_is_on())
        return 0;
    if (!timers_frozen()) {
        timers_freeze();
        sampler_wait();
        if (all)
            timers_disarm(raw_gettid());
        done = FROZEN;
    }
    if (all) {
        recording_is_bare = true;
        done |= BARE;
    }
    return done;
}

void recording_thaw(uint32_t frozen)
{
    if (frozen & BARE)
        recording_is_bare = false;
    if (!(frozen & FROZEN))
        return;
    timers_thaw();
    if (records(WIRE_CPU))
        timers_scan();
}

void recording_thread_made(const struct walk_regs *regs)
{
    if (!recording_has(WIRE_THREADCREATE))
        return;
    struct store *to = sampler_enter(WIRE_THREADCREATE);
    struct wire_stack *row = to ? sampler_here(to, WIRE_THREADCREATE, 0, regs) : NULL;
    if (row)
        store_count(&row->n[0], 1);
    sampler_leave(WIRE_THREADCREATE);
}

void recording_prepare(bool wants_cpu)
{
    lock_take(&lock);
    other_records();
    make_index();
    /* In libsonde.a the program's masks are not seen. */
    if (watch_fork() && wants_cpu && recording_is_hooked)
        uses_sigurg |= signals_install();
    lock_give(&lock);
}

bool recording_take_threads(struct store *store, const struct threads_options *which,
                            const struct walk_regs *self)
{
    lock_take(&lock);
    make_index();
    bool ok = watch_fork() && signals_install();
    uses_sigurg |= ok;
    lock_give(&lock);
    return ok && threads_take(store, which, self);
}

/* The threads of this moment, into the file. */
static void take_moment(const struct walk_regs *self)
{
    uint32_t moment = __atomic_add_fetch(&last_moment, 1, __ATOMIC_RELAXED);
    uint32_t *n = &standing.header->n_moments, before = __atomic_load_n(n, __ATOMIC_RELAXED);
    const struct threads_options which = {.moment = moment};
    if (!threads_take(&standing, &which, self))
        return;
    while (before < moment && !__atomic_compare_exchange_n(n, &before, moment, true,
                                                           __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

bool recording_watches_end(void)
{
    return recording_is_on() && (kinds_to_file & (bit(WIRE_HEAP) | bit(WIRE_GOROUTINE)));
}

void recording_program_ends(const struct walk_regs *self)
{
    if (!recording_watches_end() || __atomic_exchange_n(&has_ended, true, __ATOMIC_ACQ_REL))
        return;
    if (kinds_to_file & bit(WIRE_HEAP))
        heap_stop();
    if (kinds_to_file & bit(WIRE_GOROUTINE))
        take_moment(self);
}

void recording_thread_begin(void)
{
    if (recording_has(WIRE_GOROUTINE) && !timers_frozen()) {
        roster_enter(true);
        signals_unblock();
    }
    /* A child made without libc's fork shares nothing with our timers. */
    if (!recording_has(WIRE_CPU))
        return;
    if (timers_frozen()) {
        struct store *store = kinds_to_file & bit(WIRE_CPU) ? &standing : &cpu;
        store_count(&store->header->n_timer_failures, 1);
        return;
    }
    timers_arm(raw_gettid(), true);
    signals_unblock();
}

void recording_thread_end(void)
{
    mutex_thread_end();
    trace_thread_end();
    roster_leave();
    if (!timers_frozen() && recording_has(WIRE_CPU))
        timers_disarm(raw_gettid());
}

static uint64_t number(const char *text, uint64_t most, uint64_t usual)
{
    uint64_t n = text ? strtoull(text, NULL, 10) : 0;
    return n < 1 || n > most ? usual : n;
}

static void follow_environment(void)
{
    const char *folder = secure_getenv(WIRE_ENV_DIR), *root = getenv(WIRE_ENV_ROOT);
    const char *preload = getenv("LD_PRELOAD");
    int saved_errno = errno;
    if (other_records())
        return;
    if (!folder || strlen(folder) >= sizeof dir || (root && atoi(root) != raw_getpid()))
        return;
    /* Valgrind's own machine would be sampled, and our reads of the stack reported
     * to the user as errors of the program. */
    if (preload && strstr(preload, "/vgpreload_"))
        return;
    strcpy(dir, folder);
    only_root = root != NULL;
    is_at = getenv(WIRE_ENV_AT) != NULL;
    options = (struct store_options){
        .kinds = (uint32_t)number(getenv(WIRE_ENV_KINDS), (1u << WIRE_KINDS) - 1, 1u << WIRE_CPU),
        .hz = (uint32_t)number(getenv(WIRE_ENV_HZ), RECORDING_HZ_MAX, RECORDING_HZ_DEFAULT),
        .heap_rate = number(getenv(WIRE_ENV_HEAP), HEAP_RATE_MAX, HEAP_RATE_DEFAULT),
        .block_rate = number(getenv(WIRE_ENV_BLOCK), BLOCK_RATE_MAX, BLOCK_RATE_DEFAULT),
        .mutex_fraction =
            number(getenv(WIRE_ENV_MUTEX), MUTEX_FRACTION_MAX, MUTEX_FRACTION_DEFAULT)};
    flight_bytes = number(getenv(WIRE_ENV_FLIGHT), TRACE_BYTES_USUAL, 0);
    if (watch_fork() && store_open(&standing, dir, &options)) {
        uint32_t wanted = options.kinds;
        open_trace(&wanted);
        kinds_to_file = wanted;
        if (!begin(wanted, &standing, options.heap_rate)) {
            kinds_to_file = 0;
            store_close(&standing);
        }
        start_answering();
    }
    errno = saved_errno;
}

/* Before what may want more to be recorded. */
static __attribute__((constructor(102))) void constructor(void)
{
    /* Above the first frame of the main thread, as are its arguments. */
    uint64_t top = getauxval(AT_RANDOM);
    if (top > MAIN_STACK_KNOWN)
        sampler_own_stack(top - MAIN_STACK_KNOWN, top);
    follow_environment();
}

static __attribute__((destructor)) void destructor(void)
{
    if (!kinds_to_file || !recording_is_on())
        return;
    struct timespec now = {0}; /* libc's takes no system call, which may be forbidden */
    clock_gettime(CLOCK_MONOTONIC, &now);
    standing.header->end_monotonic_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    __atomic_store_n(&standing.header->state, WIRE_ENDED, __ATOMIC_RELEASE);
}
