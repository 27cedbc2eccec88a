#include "trace/trace.h"

#include "base/arena.h"
#include "base/map.h"
#include "wire/gotrace.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Items lie in segments, each twice as large as the one before, that never move: a second
 * thread may look one up while others are added. */
#define SEGMENT_BITS 8
#define N_SEGMENTS (32 - SEGMENT_BITS)

struct slot {
    uint32_t number; /* UINT32_MAX: empty */
    uint32_t hash;
};

struct table {
    char *segments[N_SEGMENTS];
    size_t item_bytes;
    _Atomic uint32_t n;
    struct slot *slots; /* open addressing; of the thread that adds */
    size_t n_slots;
};

struct text {
    const char *p;
    size_t n;
};

struct trace {
    struct table strings, frames, stacks;
    struct arena arena;
};

static inline void *item(const struct table *t, uint32_t number)
{
    uint64_t i = (uint64_t)number + (1u << SEGMENT_BITS);
    unsigned segment = 63 - (unsigned)__builtin_clzll(i);
    return t->segments[segment - SEGMENT_BITS] + (i - (1ull << segment)) * t->item_bytes;
}

/* Room for one more at its place; it counts once n is raised.  NULL: no memory, or full. */
static void *table_next(struct table *t, uint32_t *number)
{
    uint32_t n = atomic_load_explicit(&t->n, memory_order_relaxed);
    uint64_t i = (uint64_t)n + (1u << SEGMENT_BITS);
    unsigned segment = 63 - (unsigned)__builtin_clzll(i);
    if (segment - SEGMENT_BITS >= N_SEGMENTS)
        return NULL;
    char **p = &t->segments[segment - SEGMENT_BITS];
    if (!*p && !(*p = calloc((size_t)1 << segment, t->item_bytes)))
        return NULL;
    *number = n;
    return item(t, n);
}

static bool table_grow(struct table *t)
{
    size_t n = t->n_slots ? 2 * t->n_slots : 1024;
    struct slot *slots = malloc(n * sizeof *slots);
    if (!slots)
        return false;
    memset(slots, 0xff, n * sizeof *slots);
    for (size_t i = 0; i < t->n_slots; i++) {
        size_t at = t->slots[i].hash & (n - 1);
        if (t->slots[i].number == UINT32_MAX)
            continue;
        while (slots[at].number != UINT32_MAX)
            at = (at + 1) & (n - 1);
        slots[at] = t->slots[i];
    }
    free(t->slots);
    t->slots = slots;
    t->n_slots = n;
    return true;
}

/* The slot of what is `equal`, or the empty one where it would be; NULL: no memory. */
static struct slot *table_find(struct table *t, uint32_t hash,
                               bool (*equal)(const void *item, const void *key), const void *key)
{
    if (2 * (uint64_t)t->n >= t->n_slots && !table_grow(t))
        return NULL;
    size_t at = hash & (t->n_slots - 1);
    for (;; at = (at + 1) & (t->n_slots - 1)) {
        struct slot *s = &t->slots[at];
        if (s->number == UINT32_MAX || (s->hash == hash && equal(item(t, s->number), key)))
            return s;
    }
}

static void table_release(struct table *t)
{
    for (unsigned i = 0; i < N_SEGMENTS; i++)
        free(t->segments[i]);
    free(t->slots);
}

/* Item `number` is in place: it can be found. */
static uint32_t table_add(struct table *t, struct slot *slot, uint32_t hash, uint32_t number)
{
    *slot = (struct slot){number, hash};
    atomic_store_explicit(&t->n, number + 1, memory_order_release);
    return number;
}

static bool equal_text(const void *item, const void *key)
{
    const struct text *a = item, *b = key;
    return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

static bool equal_frame(const void *item, const void *key)
{
    const struct trace_frame *a = item, *b = key;
    return a->pc == b->pc && a->func == b->func && a->file == b->file && a->line == b->line;
}

static bool equal_stack(const void *item, const void *key)
{
    const struct trace_stack *a = item, *b = key;
    return a->frames && a->n_frames == b->n_frames && /* not that of number 0 */
           memcmp(a->frames, b->frames, a->n_frames * sizeof *a->frames) == 0;
}

uint32_t trace_add_string(struct trace *trace, const char *text, size_t n)
{
    struct table *t = &trace->strings;
    struct text key = {text, n}, *new;
    uint32_t hash = (uint32_t)hash_bytes(text, n), number;
    struct slot *slot = table_find(t, hash, equal_text, &key);
    if (!slot || slot->number != UINT32_MAX)
        return slot ? slot->number : UINT32_MAX;
    if (!(new = table_next(t, &number)) || !(new->p = arena_strndup(&trace->arena, text, n)))
        return UINT32_MAX;
    new->n = n;
    return table_add(t, slot, hash, number);
}

uint32_t trace_add_frame(struct trace *trace, const struct trace_frame *frame)
{
    struct table *t = &trace->frames;
    struct trace_frame *new;
    uint64_t mixed = hash_u64(frame->pc ^ hash_u64(frame->line ^ (uint64_t)frame->func << 32));
    uint32_t hash = (uint32_t)mixed ^ frame->file, number;
    struct slot *slot = table_find(t, hash, equal_frame, frame);
    if (!slot || slot->number != UINT32_MAX)
        return slot ? slot->number : UINT32_MAX;
    if (!(new = table_next(t, &number)))
        return UINT32_MAX;
    *new = *frame;
    return table_add(t, slot, hash, number);
}

uint32_t trace_add_stack(struct trace *trace, const uint32_t *frames, uint32_t n_frames)
{
    struct table *t = &trace->stacks;
    static const uint32_t none[1];
    struct trace_stack key = {frames ? frames : none, n_frames}, *new;
    size_t bytes = n_frames * sizeof *frames;
    uint32_t hash = (uint32_t)hash_bytes(key.frames, bytes), number;
    struct slot *slot = table_find(t, hash, equal_stack, &key);
    if (!slot || slot->number != UINT32_MAX)
        return slot ? slot->number : UINT32_MAX;
    uint32_t *copy = arena_alloc(&trace->arena, bytes);
    if (!(new = table_next(t, &number)) || !copy)
        return UINT32_MAX;
    memcpy(copy, key.frames, bytes);
    *new = (struct trace_stack){copy, n_frames};
    return table_add(t, slot, hash, number);
}

struct trace *trace_new(void)
{
    struct trace *trace = calloc(1, sizeof *trace);
    uint32_t number;
    if (!trace)
        return NULL;
    trace->strings.item_bytes = sizeof(struct text);
    trace->frames.item_bytes = sizeof(struct trace_frame);
    trace->stacks.item_bytes = sizeof(struct trace_stack);
    arena_init(&trace->arena);
    if (trace_add_string(trace, "", 0) == 0 && table_next(&trace->stacks, &number)) {
        trace->stacks.n = 1; /* none; not to be found */
        return trace;
    }
    trace_free(trace);
    return NULL;
}

void trace_free(struct trace *trace)
{
    if (!trace)
        return;
    table_release(&trace->strings);
    table_release(&trace->frames);
    table_release(&trace->stacks);
    arena_release(&trace->arena);
    free(trace);
}

const char *trace_string(const struct trace *trace, uint32_t string, size_t *n)
{
    const struct text *text = item(&trace->strings, string);
    if (n)
        *n = text->n;
    return text->p;
}

const struct trace_frame *trace_frame(const struct trace *trace, uint32_t frame)
{
    return item(&trace->frames, frame);
}

struct trace_stack trace_stack(const struct trace *trace, uint32_t stack)
{
    return *(const struct trace_stack *)item(&trace->stacks, stack);
}

static uint32_t count(const struct table *t)
{
    return atomic_load_explicit(&t->n, memory_order_acquire);
}

uint32_t trace_n_strings(const struct trace *trace)
{
    return count(&trace->strings);
}

uint32_t trace_n_frames(const struct trace *trace)
{
    return count(&trace->frames);
}

uint32_t trace_n_stacks(const struct trace *trace)
{
    return count(&trace->stacks);
}

struct trace_origin trace_origin(const struct trace *trace)
{
    struct trace_origin origin = {.program = ""};
    uint32_t n = trace_n_strings(trace);
    for (uint32_t i = 0; i < n; i++) {
        const char *text = trace_string(trace, i, NULL);
        if (*text != 's')
            continue;
        if (!strncmp(text, GOTRACE_TEXT_PROGRAM, sizeof GOTRACE_TEXT_PROGRAM - 1)) {
            origin.is_native = true;
            origin.program = text + sizeof GOTRACE_TEXT_PROGRAM - 1;
        }
        origin.has_turns |= !strcmp(text, GOTRACE_TEXT_TURNS);
        origin.has_wakes |= !strcmp(text, GOTRACE_TEXT_WAKES);
    }
    return origin;
}

bool trace_is_native(const struct trace *trace)
{
    static const char prefix[] = "runtime.";
    uint32_t n = trace_n_frames(trace);
    for (uint32_t i = 0; i < n; i++)
        if (!strncmp(trace_string(trace, trace_frame(trace, i)->func, NULL), prefix,
                     sizeof prefix - 1))
            return false;
    return n > 0 || trace_origin(trace).is_native;
}
