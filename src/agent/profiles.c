#include "agent/profiles.h"

#include "agent/block.h"
#include "agent/custom.h"
#include "agent/heap.h"
#include "agent/lock.h"
#include "agent/mutex.h"
#include "agent/profile_out.h"
#include "agent/recording.h"
#include "agent/symbols.h"
#include "agent/text_out.h"
#include "wire/scale.h"

#include <errno.h>

static struct lock lock;                       /* for what follows */
static uint64_t heap_rate = HEAP_RATE_DEFAULT; /* what is wanted; 0: nothing */

static bool refuse(int error)
{
    errno = error;
    return false;
}

/* CPU. */

static bool cpu_values(struct taken_row *row, uint64_t period)
{
    row->values[0] = (int64_t)row->n[0];
    row->values[1] = (int64_t)(row->n[0] * period);
    return row->n[0] != 0;
}

const struct sonde_profile profiles_cpu = {
    .name = "profile",
    .types = {{"samples", "count"}, {"cpu", "nanoseconds"}},
    .period_type = {"cpu", "nanoseconds"},
    .n_types = 2,
};

bool profiles_take_cpu(const struct store *store, struct taken *to)
{
    const struct wire_header *h = store->header;
    taken_init(to, h->period_ns);
    to->time_ns = h->start_realtime_ns;
    to->duration_ns = h->end_monotonic_ns - h->start_monotonic_ns;
    return taken_add_store(to, store, WIRE_CPU, cpu_values) || refuse(ENOMEM);
}

/* What is there already is taken from the store of the standing kinds. */
static bool take(struct taken *to, enum wire_kind kind, uint64_t period, taken_values *values)
{
    const struct store *store = recording_store();
    if (!store)
        return false;
    taken_init(to, period ? period : store->header->heap_rate);
    return taken_add_store(to, store, kind, values) || refuse(ENOMEM);
}

bool profiles_take_recorded_cpu(struct taken *to)
{
    const struct store *store = recording_store();
    return store && take(to, WIRE_CPU, store->header->period_ns, cpu_values);
}

static int64_t count_rows(const struct taken *taken)
{
    return (int64_t)taken->n;
}

static int64_t count_values(const struct taken *taken)
{
    int64_t n = 0;
    for (size_t i = 0; i < taken->n; i++)
        n += taken->rows[i].values[0];
    return n;
}

/* Heap. */

static bool heap_values(struct taken_row *row, uint64_t period)
{
    if (row->n[1] > row->n[0]) /* freed since we looked */
        row->n[1] = row->n[0];
    wire_scale_heap(row->n[0], row->key, period, &row->values[0], &row->values[1]);
    wire_scale_heap(row->n[0] - row->n[1], row->key, period, &row->values[2], &row->values[3]);
    return row->n[0] != 0;
}

static bool heap_is_on_or_off(void)
{
    return recording_has(WIRE_HEAP) || !heap_rate || recording_start(WIRE_HEAP, heap_rate);
}

static bool start_heap(void)
{
    if (!heap_is_hooked)
        return refuse(ENOTSUP);
    lock_take(&lock);
    bool ok = heap_is_on_or_off();
    lock_give(&lock);
    return ok;
}

static bool take_heap(const struct sonde_profile *profile, struct taken *to, int debug)
{
    uint32_t saved_float = raw_float_begin();
    bool ok = take(to, WIRE_HEAP, 0, heap_values);
    raw_float_end(saved_float);
    return ok;
}

bool profiles_set_heap_rate(uint64_t rate)
{
    if (!heap_is_hooked)
        return refuse(ENOTSUP);
    lock_take(&lock);
    bool ok = rate ? recording_start(WIRE_HEAP, rate) : recording_stop(WIRE_HEAP);
    if (ok)
        heap_rate = rate;
    lock_give(&lock);
    return ok;
}

/* Thread creation. */

static bool count_value(struct taken_row *row, uint64_t period)
{
    row->values[0] = (int64_t)row->n[0];
    return row->n[0] != 0;
}

static bool start_threadcreate(void)
{
    return recording_is_hooked ? recording_start(WIRE_THREADCREATE, 0) : refuse(ENOTSUP);
}

static bool take_threadcreate(const struct sonde_profile *profile, struct taken *to, int debug)
{
    return take(to, WIRE_THREADCREATE, 1, count_value);
}

/* Threads. */

/* Threads to come have their names known. */
static bool start_goroutine(void)
{
    return !recording_is_hooked || recording_start(WIRE_GOROUTINE, 0);
}

static bool take_goroutine(const struct sonde_profile *profile, struct taken *to, int debug)
{
    const struct walk_regs caller = WALK_CALLER();
    const struct threads_options which = {.each = debug > 1};
    taken_init(to, 1);
    struct store *store = taken_own_store(to);
    if (!store)
        return refuse(ENOMEM);
    return recording_take_threads(store, &which, &caller) &&
           (taken_add_store(to, store, WIRE_GOROUTINE, count_value) || refuse(ENOMEM));
}

/* Block and mutex: off until their rates are set; samples are scaled as they are taken. */

static bool block_values(struct taken_row *row, uint64_t period)
{
    uint64_t n = (row->n[0] + (1u << (WIRE_BLOCK_SHIFT - 1))) >> WIRE_BLOCK_SHIFT;
    row->values[0] = n ? (int64_t)n : 1;
    row->values[1] = (int64_t)row->n[1];
    return row->n[0] != 0;
}

static bool mutex_values(struct taken_row *row, uint64_t period)
{
    row->values[0] = (int64_t)row->n[0];
    row->values[1] = (int64_t)row->n[1];
    return (row->n[0] | row->n[1]) != 0;
}

static bool start_block(void)
{
    return block_is_hooked ? recording_store() != NULL : refuse(ENOTSUP);
}

static bool start_mutex(void)
{
    return mutex_is_hooked ? recording_store() != NULL : refuse(ENOTSUP);
}

static bool take_block(const struct sonde_profile *profile, struct taken *to, int debug)
{
    return take(to, WIRE_BLOCK, 1, block_values);
}

static bool take_mutex(const struct sonde_profile *profile, struct taken *to, int debug)
{
    return take(to, WIRE_MUTEX, 1, mutex_values);
}

bool profiles_set_block_rate(uint64_t rate)
{
    if (!block_is_hooked)
        return refuse(ENOTSUP);
    return rate ? recording_start(WIRE_BLOCK, rate) : recording_stop(WIRE_BLOCK);
}

bool profiles_set_mutex_fraction(uint64_t fraction)
{
    if (!mutex_is_hooked)
        return refuse(ENOTSUP);
    return fraction ? recording_start(WIRE_MUTEX, fraction) : recording_stop(WIRE_MUTEX);
}

uint64_t profiles_mutex_fraction(void)
{
    const struct store *store = recording_has(WIRE_MUTEX) ? recording_store() : NULL;
    return store ? store->header->mutex_fraction : 0;
}

/* The kinds there are, by name. */

#define HEAP_TYPES                                                                                 \
    {                                                                                              \
        {"alloc_objects", "count"}, {"alloc_space", "bytes"}, {"inuse_objects", "count"},          \
        {                                                                                          \
            "inuse_space", "bytes"                                                                 \
        }                                                                                          \
    }

static const struct sonde_profile kinds[] = {
    {
        .name = "allocs",
        .help = "A sampling of all past memory allocations",
        .types = HEAP_TYPES,
        .n_types = 4,
        .period_type = {"space", "bytes"},
        .default_type = "alloc_space",
        .drop_frames = WIRE_HEAP_DROP_FRAMES,
        .key_label = "bytes",
        .start = start_heap,
        .take = take_heap,
        .count = count_rows,
        .text = text_out_heap,
        .has_delta = true,
    },
    {
        .name = "goroutine",
        .help = "Stack traces of all current threads. debug=2 has each of them, as in the trace of "
                "a Go program that panics.",
        .types = {{"goroutine", "count"}},
        .n_types = 1,
        .period_type = {"goroutine", "count"},
        .start = start_goroutine,
        .take = take_goroutine,
        .count = count_values,
        .text = text_out_threads,
        .has_delta = true,
    },
    {
        .name = "block",
        .help = "Stack traces that led to blocking on synchronization primitives",
        .types = {{"contentions", "count"}, {"delay", "nanoseconds"}},
        .n_types = 2,
        .period_type = {"contentions", "count"},
        .start = start_block,
        .take = take_block,
        .count = count_rows,
        .text = text_out_block,
        .has_delta = true,
    },
    {
        .name = "heap",
        .help = "A sampling of memory allocations of live objects. The gc GET parameter is taken, "
                "and means nothing here.",
        .types = HEAP_TYPES,
        .n_types = 4,
        .period_type = {"space", "bytes"},
        .drop_frames = WIRE_HEAP_DROP_FRAMES,
        .key_label = "bytes",
        .start = start_heap,
        .take = take_heap,
        .count = count_rows,
        .text = text_out_heap,
        .has_delta = true,
    },
    {
        .name = "mutex",
        .help = "Stack traces of holders of contended mutexes",
        .types = {{"contentions", "count"}, {"delay", "nanoseconds"}},
        .n_types = 2,
        .period_type = {"contentions", "count"},
        .start = start_mutex,
        .take = take_mutex,
        .count = count_rows,
        .text = text_out_mutex,
        .has_delta = true,
    },
    {
        .name = "threadcreate",
        .help = "Stack traces that led to the creation of new OS threads",
        .types = {{"threadcreate", "count"}},
        .n_types = 1,
        .period_type = {"threadcreate", "count"},
        .start = start_threadcreate,
        .take = take_threadcreate,
        .count = count_values,
        .text = text_out_counts,
        .has_delta = true,
    },
};

#define N_KINDS (sizeof kinds / sizeof *kinds)

const struct sonde_profile *profiles_find(const char *name)
{
    if (strcmp(name, "threads") == 0)
        name = "goroutine";
    for (size_t i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].start() ? &kinds[i] : NULL;
    const struct sonde_profile *own = custom_find(name);
    if (!own)
        errno = ENOENT;
    return own;
}

bool profiles_is_kind(const char *name)
{
    for (size_t i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return true;
    return false;
}

void profiles_each(void (*fn)(void *arg, const struct sonde_profile *profile), void *arg)
{
    const struct sonde_profile *last = NULL;
    for (;;) {
        const struct sonde_profile *next = custom_after(last ? last->name : "");
        for (size_t i = 0; i < N_KINDS; i++)
            if ((!last || strcmp(kinds[i].name, last->name) > 0) &&
                (!next || strcmp(kinds[i].name, next->name) < 0) && kinds[i].start())
                next = &kinds[i];
        if (!next)
            return;
        fn(arg, next);
        last = next;
    }
}

void profiles_start_usual(void)
{
    start_heap();
    start_threadcreate();
}

static bool take_now(const struct sonde_profile *profile, struct taken *taken, int debug)
{
    *taken = (struct taken){0};
    return (!profile->start || profile->start()) && profile->take(profile, taken, debug);
}

int64_t profiles_count(const struct sonde_profile *profile)
{
    struct taken taken;
    int64_t n = take_now(profile, &taken, 0) ? profile->count(&taken) : -1;
    int saved_errno = errno;
    taken_release(&taken);
    errno = saved_errno;
    return n;
}

bool profiles_write(const struct sonde_profile *profile, struct out *out, int debug)
{
    struct taken taken;
    struct symbols *symbols = NULL;
    bool ok = take_now(profile, &taken, debug);
    if (ok && debug <= 0) {
        ok = profile_out(profile, &taken, out) || refuse(ENOMEM);
    } else if (ok) {
        symbols = symbols_new();
        ok = symbols || refuse(ENOMEM);
        if (ok)
            profile->text(profile, &taken, symbols, out, debug);
    }
    int saved_errno = errno;
    symbols_release(symbols);
    taken_release(&taken);
    errno = saved_errno;
    return ok;
}
