#include "agent/recording.h"

#include "agent/heap.h"
#include "agent/program.h"
#include "agent/raw.h"
#include "agent/sampler.h"
#include "agent/signals.h"
#include "agent/timers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#define DIR_BYTES 400
#define MAIN_STACK_KNOWN (1u << 20) /* the kernel keeps more than this free of other memory */

enum mode { OFF, TO_FILE, TO_MEMORY };

static struct store store;
static enum mode mode;
static int owner; /* pid of the process whose recording this is */
static char dir[DIR_BYTES];
static struct store_options options;
static bool only_root;
static bool watches_fork;

bool recording_is_on(void)
{
    return __atomic_load_n(&mode, __ATOMIC_ACQUIRE) != OFF &&
           (timers_frozen() || owner == raw_getpid());
}

static bool records(enum wire_kind kind)
{
    return options.kinds & 1u << kind;
}

/* Samples from here on. */
static void go(enum mode new_mode)
{
    owner = raw_getpid();
    __atomic_store_n(&mode, new_mode, __ATOMIC_RELEASE);
    sampler_start(&store);
    if (records(WIRE_HEAP))
        heap_start(options.heap_rate);
    if (!records(WIRE_CPU))
        return;
    timers_start(store.header->period_ns, &store.header->n_timer_failures);
    signals_unblock();
}

/* The child of a recorded process starts a recording of its own; what the parent
 * sampled stays the parent's, and its mapping is not in the child. */
static void in_child(void)
{
    enum mode was = mode;
    mode = OFF;
    timers_reset();
    sampler_reset();
    if (records(WIRE_HEAP))
        heap_reset();
    store_forget(&store);
    bool goes_on =
        was == TO_FILE && !only_root && !timers_frozen() && store_open(&store, dir, &options);
    if (records(WIRE_CPU))
        signals_follow_fork(goes_on);
    if (!goes_on)
        return;
    go(TO_FILE);
    if (records(WIRE_CPU))
        timers_arm(raw_gettid(), true);
}

/* A dynamic program that libsonde.a is linked into, and libsonde.so loaded into. */
static bool other_records(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return !recording_is_hooked && getauxval(AT_BASE) != 0 && getenv(WIRE_ENV_DIR) && preload &&
           strstr(preload, "/libsonde");
}

static bool begin(enum mode new_mode, const char *folder, const struct store_options *wanted)
{
    int error = ENOMEM;
    if (!store_open(&store, folder, wanted))
        goto fail;
    if (!watches_fork && pthread_atfork(NULL, NULL, in_child) != 0)
        goto fail;
    watches_fork = true;
    options = *wanted;
    if (records(WIRE_CPU) && !signals_install()) {
        error = errno;
        goto fail;
    }
    program_make_index();
    go(new_mode);
    if (!records(WIRE_CPU))
        return true;
    timers_scan();
    if (!recording_is_hooked)
        timers_start_process_timer();
    return true;
fail:
    store_close(&store);
    errno = error;
    return false;
}

bool recording_begin(uint32_t hz)
{
    if (recording_is_on() || other_records()) {
        errno = EBUSY;
        return false;
    }
    const struct store_options cpu = {.kinds = 1u << WIRE_CPU, .hz = hz};
    if (!begin(TO_MEMORY, NULL, &cpu))
        return false;
    if (timers_count() > 0)
        return true;
    recording_end();
    recording_release();
    errno = EAGAIN;
    return false;
}

struct store *recording_end(void)
{
    if (mode != TO_MEMORY || owner != raw_getpid())
        return NULL;
    timers_stop();
    sampler_stop();
    mode = OFF;
    store.header->end_monotonic_ns = raw_clock_ns(CLOCK_MONOTONIC);
    store.header->state = WIRE_ENDED;
    return &store;
}

void recording_release(void)
{
    store_close(&store);
}

bool recording_freeze(bool all)
{
    if (!recording_is_on() || timers_frozen())
        return false;
    timers_freeze();
    sampler_wait();
    if (all)
        timers_disarm(raw_gettid());
    return true;
}

void recording_thaw(void)
{
    timers_thaw();
    if (records(WIRE_CPU))
        timers_scan();
}

void recording_thread_made(const struct walk_regs *regs)
{
    if (!recording_is_on() || !records(WIRE_THREADCREATE))
        return;
    struct store *to = sampler_enter();
    struct wire_stack *row = to ? sampler_here(to, WIRE_THREADCREATE, 0, regs) : NULL;
    if (row)
        store_count(&row->n[0], 1);
    sampler_leave();
}

bool recording_watches_end(void)
{
    return recording_is_on() && records(WIRE_HEAP);
}

void recording_program_ends(void)
{
    if (recording_watches_end())
        heap_stop();
}

void recording_thread_begin(void)
{
    /* A child made without libc's fork shares nothing with our timers. */
    if (!recording_is_on() || !records(WIRE_CPU))
        return;
    if (timers_frozen()) {
        store_count(&store.header->n_timer_failures, 1);
        return;
    }
    timers_arm(raw_gettid(), true);
    signals_unblock();
}

void recording_thread_end(void)
{
    if (!timers_frozen() && recording_is_on() && records(WIRE_CPU))
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
    const struct store_options wanted = {
        .kinds = (uint32_t)number(getenv(WIRE_ENV_KINDS), (1u << WIRE_KINDS) - 1, 1u << WIRE_CPU),
        .hz = (uint32_t)number(getenv(WIRE_ENV_HZ), RECORDING_HZ_MAX, RECORDING_HZ_DEFAULT),
        .heap_rate = number(getenv(WIRE_ENV_HEAP), HEAP_RATE_MAX, HEAP_RATE_DEFAULT)};
    begin(TO_FILE, dir, &wanted);
    errno = saved_errno;
}

static __attribute__((constructor)) void constructor(void)
{
    /* Above the first frame of the main thread, as are its arguments. */
    uint64_t top = getauxval(AT_RANDOM);
    if (top > MAIN_STACK_KNOWN)
        sampler_own_stack(top - MAIN_STACK_KNOWN, top);
    follow_environment();
}

static __attribute__((destructor)) void destructor(void)
{
    if (mode != TO_FILE || !recording_is_on())
        return;
    struct timespec now = {0}; /* libc's takes no system call, which may be forbidden */
    clock_gettime(CLOCK_MONOTONIC, &now);
    store.header->end_monotonic_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    __atomic_store_n(&store.header->state, WIRE_ENDED, __ATOMIC_RELEASE);
}
