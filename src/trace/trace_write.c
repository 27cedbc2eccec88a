#include "trace/trace_write.h"

#include "base/intern.h"
#include "base/map.h"
#include "base/vec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_BYTES_MAX (1 + GOTRACE_ARGS_MAX * GOTRACE_VARINT_MAX)
#define PIECE_BYTES (32u << 10) /* of a table's batch */
#define HEADER_BYTES_MAX (1 + 4 * GOTRACE_VARINT_MAX)

struct frame {
    uint64_t pc, line;
    uint32_t function, file;
};

struct stack {
    uint32_t frame, n_frames; /* from where on in frames */
    uint32_t next;            /* with the same hash; 0: none */
    uint64_t generation;      /* whose table it is in */
};

struct thread {
    uint64_t id, first, last;
    struct buf events;
};

struct trace_writer {
    struct buf *out;
    struct arena arena;
    struct intern strings;
    VEC(uint64_t) string_generations;        /* whose table it is in, by string */
    VEC(uint32_t) used_strings, used_stacks; /* of this generation */
    VEC(struct frame) frames;
    VEC(struct stack) stacks; /* 0: none */
    struct map stack_of_hash, thread_of_id;
    VEC(struct thread) threads;
    struct buf samples;
    uint64_t generation, bytes, first;
    bool failed;
};

static bool fail(struct trace_writer *w)
{
    w->failed = true;
    return false;
}

struct trace_writer *trace_writer_new(struct buf *out)
{
    struct trace_writer *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->out = out;
    arena_init(&w->arena);
    map_init(&w->stack_of_hash);
    map_init(&w->thread_of_id);
    if (!intern_init(&w->strings, &w->arena) || !vec_push(&w->stacks, (struct stack){0})) {
        trace_writer_free(w);
        return NULL;
    }
    char header[GOTRACE_HEADER_BYTES] = "go 1.26 trace";
    static_assert(GOTRACE_WRITE_VERSION == 26, "the header's version");
    buf_add(out, header, sizeof header);
    return w;
}

void trace_writer_free(struct trace_writer *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->threads.n; i++)
        buf_release(&w->threads.items[i].events);
    vec_release(&w->threads);
    vec_release(&w->string_generations);
    vec_release(&w->used_strings);
    vec_release(&w->used_stacks);
    vec_release(&w->frames);
    vec_release(&w->stacks);
    map_release(&w->stack_of_hash);
    map_release(&w->thread_of_id);
    buf_release(&w->samples);
    intern_release(&w->strings);
    arena_release(&w->arena);
    free(w);
}

bool trace_writer_failed(const struct trace_writer *w)
{
    return w->failed || w->out->failed;
}

uint64_t trace_writer_begin(struct trace_writer *w)
{
    w->generation++;
    w->bytes = 0;
    w->first = UINT64_MAX;
    return w->generation;
}

uint64_t trace_writer_bytes(const struct trace_writer *w)
{
    return w->bytes;
}

static void put(struct buf *out, uint64_t value)
{
    uint8_t bytes[GOTRACE_VARINT_MAX];
    buf_add(out, bytes, (size_t)(gotrace_put(bytes, value) - bytes));
}

static void write_batch(struct trace_writer *w, uint64_t thread, uint64_t time_ns,
                        const struct buf *events)
{
    uint8_t head[HEADER_BYTES_MAX], *p = head;
    *p++ = GOTRACE_EVENT_BATCH;
    p = gotrace_put(p, w->generation);
    p = gotrace_put(p, thread);
    p = gotrace_put(p, time_ns);
    p = gotrace_put(p, events->len);
    w->failed |= events->failed;
    buf_add(w->out, head, (size_t)(p - head));
    buf_add(w->out, events->data, events->len);
    w->bytes += (size_t)(p - head) + events->len;
    buf_drain(w->out);
}

/* --- tables --- */

uint32_t trace_writer_string(struct trace_writer *w, const char *text, size_t n)
{
    struct str s = {text, n < GOTRACE_STRING_MAX ? n : GOTRACE_STRING_MAX};
    uint32_t id = intern_add(&w->strings, s);
    if (id == INTERN_NONE)
        return fail(w) ? 0 : 0;
    while (w->string_generations.n <= id)
        if (!vec_push(&w->string_generations, 0))
            return fail(w) ? 0 : 0;
    return id;
}

static bool is_stack(const struct trace_writer *w, const struct stack *stack,
                     const struct frame *frames, size_t n)
{
    if (stack->n_frames != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct frame *a = &w->frames.items[stack->frame + i], *b = &frames[i];
        if (a->pc != b->pc || a->line != b->line || a->function != b->function ||
            a->file != b->file)
            return false;
    }
    return true;
}

uint32_t trace_writer_stack(struct trace_writer *w, const struct trace_write_frame *frames,
                            size_t n)
{
    struct frame own[GOTRACE_FRAMES_MAX];
    uint64_t hash = n;
    n = n < GOTRACE_FRAMES_MAX ? n : GOTRACE_FRAMES_MAX;
    if (!n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        own[i] = (struct frame){
            .pc = frames[i].pc,
            .line = frames[i].line,
            .function = trace_writer_string(w, frames[i].function, strlen(frames[i].function)),
            .file = trace_writer_string(w, frames[i].file, strlen(frames[i].file))};
        hash = hash_u64(hash ^ own[i].pc) + own[i].function + (own[i].line << 32);
    }
    uint32_t first = map_get(&w->stack_of_hash, hash);
    for (uint32_t i = first == MAP_NONE ? 0 : first; i; i = w->stacks.items[i].next)
        if (is_stack(w, &w->stacks.items[i], own, n))
            return i;
    uint32_t id = (uint32_t)w->stacks.n;
    struct stack stack = {.frame = (uint32_t)w->frames.n,
                          .n_frames = (uint32_t)n,
                          .next = first == MAP_NONE ? 0 : first};
    if (id == MAP_NONE || w->frames.n > UINT32_MAX - n ||
        !vec_reserve(&w->frames, w->frames.n + n) || !vec_push(&w->stacks, stack) ||
        !map_put(&w->stack_of_hash, hash, id))
        return fail(w) ? 0 : 0;
    memcpy(&w->frames.items[w->frames.n], own, n * sizeof *own);
    w->frames.n += n;
    return id;
}

static void use_string(struct trace_writer *w, uint64_t id)
{
    if (!id || id >= w->string_generations.n || w->string_generations.items[id] == w->generation)
        return;
    w->string_generations.items[id] = w->generation;
    if (!vec_push(&w->used_strings, (uint32_t)id))
        fail(w);
}

void trace_writer_keep_string(struct trace_writer *w, uint32_t string)
{
    use_string(w, string);
}

static void use_stack(struct trace_writer *w, uint64_t id)
{
    if (!id || id >= w->stacks.n || w->stacks.items[id].generation == w->generation)
        return;
    struct stack *stack = &w->stacks.items[id];
    stack->generation = w->generation;
    if (!vec_push(&w->used_stacks, (uint32_t)id))
        fail(w);
    for (uint32_t i = 0; i < stack->n_frames; i++) {
        use_string(w, w->frames.items[stack->frame + i].function);
        use_string(w, w->frames.items[stack->frame + i].file);
    }
}

/* A table's batch is written when it is full, and begun with its type. */
static void cut_piece(struct trace_writer *w, struct buf *piece, enum gotrace_type type, bool last)
{
    if (piece->len > (last ? 1 : PIECE_BYTES)) {
        write_batch(w, TRACE_WRITE_NO_THREAD, w->first, piece);
        buf_clear(piece);
    }
    if (!piece->len)
        buf_putc(piece, (char)type);
}

static void write_stacks(struct trace_writer *w)
{
    AUTO_BUF piece = {0};
    for (size_t i = 0; i < w->used_stacks.n; i++) {
        const struct stack *stack = &w->stacks.items[w->used_stacks.items[i]];
        cut_piece(w, &piece, GOTRACE_STACKS, false);
        buf_putc(&piece, GOTRACE_STACK);
        put(&piece, w->used_stacks.items[i]);
        put(&piece, stack->n_frames);
        for (uint32_t k = 0; k < stack->n_frames; k++) {
            const struct frame *frame = &w->frames.items[stack->frame + k];
            put(&piece, frame->pc);
            put(&piece, frame->function);
            put(&piece, frame->file);
            put(&piece, frame->line);
        }
    }
    cut_piece(w, &piece, GOTRACE_STACKS, true);
}

static void write_strings(struct trace_writer *w)
{
    AUTO_BUF piece = {0};
    for (size_t i = 0; i < w->used_strings.n; i++) {
        struct str s = w->strings.strings[w->used_strings.items[i]];
        cut_piece(w, &piece, GOTRACE_STRINGS, false);
        buf_putc(&piece, GOTRACE_STRING);
        put(&piece, w->used_strings.items[i]);
        put(&piece, s.len);
        buf_add(&piece, s.p, s.len);
    }
    cut_piece(w, &piece, GOTRACE_STRINGS, true);
}

/* --- events --- */

static struct thread *thread_of(struct trace_writer *w, uint64_t id)
{
    uint32_t i = map_get(&w->thread_of_id, id);
    if (i != MAP_NONE)
        return &w->threads.items[i];
    i = (uint32_t)w->threads.n;
    if (!vec_push(&w->threads, (struct thread){.id = id}) || !map_put(&w->thread_of_id, id, i)) {
        fail(w);
        return NULL;
    }
    return &w->threads.items[i];
}

static void flush(struct trace_writer *w, struct thread *thread)
{
    if (thread->events.len)
        write_batch(w, thread->id, thread->first, &thread->events);
    buf_clear(&thread->events);
}

static void see_time(struct trace_writer *w, uint64_t time_ns)
{
    if (time_ns < w->first)
        w->first = time_ns;
}

void trace_writer_event(struct trace_writer *w, uint64_t thread_id, uint64_t time_ns,
                        enum gotrace_type type, const uint64_t *args, size_t n_args)
{
    const struct gotrace_spec *spec = &gotrace_specs[type];
    struct thread *thread = thread_of(w, thread_id);
    if (!thread || trace_writer_failed(w))
        return;
    assert(spec->is_timed && spec->n_args == n_args + 1);
    if (thread->events.len > GOTRACE_BATCH_MAX - EVENT_BYTES_MAX)
        flush(w, thread);
    if (time_ns < thread->last)
        time_ns = thread->last;
    if (!thread->events.len)
        thread->first = thread->last = time_ns;
    see_time(w, time_ns);
    uint8_t bytes[EVENT_BYTES_MAX], *p = bytes;
    *p++ = (uint8_t)type;
    p = gotrace_put(p, time_ns - thread->last);
    for (size_t i = 0; i < n_args; i++)
        p = gotrace_put(p, args[i]);
    buf_add(&thread->events, bytes, (size_t)(p - bytes));
    thread->last = time_ns;
    for (size_t i = 0; i < sizeof spec->stack_args && spec->stack_args[i]; i++)
        use_stack(w, args[spec->stack_args[i] - 1]);
    for (size_t i = 0; i < sizeof spec->string_args && spec->string_args[i]; i++)
        use_string(w, args[spec->string_args[i] - 1]);
}

void trace_writer_sample(struct trace_writer *w, uint64_t time_ns, uint64_t thread, uint64_t p,
                         uint64_t g, uint32_t stack)
{
    see_time(w, time_ns);
    cut_piece(w, &w->samples, GOTRACE_CPU_SAMPLES, false);
    buf_putc(&w->samples, GOTRACE_CPU_SAMPLE);
    put(&w->samples, time_ns);
    put(&w->samples, thread);
    put(&w->samples, p);
    put(&w->samples, g);
    put(&w->samples, stack);
    use_stack(w, stack);
}

/* --- */

static void write_sync(struct trace_writer *w, const struct trace_write_clock *clock)
{
    AUTO_BUF sync = {0};
    uint64_t from = clock->time_ns < w->first ? clock->time_ns : w->first;
    buf_putc(&sync, GOTRACE_SYNC);
    buf_putc(&sync, GOTRACE_FREQUENCY);
    put(&sync, 1000000000);
    buf_putc(&sync, GOTRACE_CLOCK_SNAPSHOT);
    put(&sync, clock->time_ns - from);
    put(&sync, clock->mono_ns);
    put(&sync, clock->wall_s);
    put(&sync, clock->wall_ns);
    write_batch(w, TRACE_WRITE_NO_THREAD, from, &sync);
}

void trace_writer_end(struct trace_writer *w, const struct trace_write_clock *clock)
{
    if (w->first == UINT64_MAX)
        w->first = clock->time_ns;
    for (size_t i = 0; i < w->threads.n; i++)
        flush(w, &w->threads.items[i]);
    if (w->samples.len)
        cut_piece(w, &w->samples, GOTRACE_CPU_SAMPLES, true);
    buf_clear(&w->samples);
    write_stacks(w);
    write_strings(w);
    write_sync(w, clock);
    buf_putc(w->out, GOTRACE_END_OF_GENERATION);
    buf_drain(w->out);
    vec_clear(&w->used_stacks);
    vec_clear(&w->used_strings);
}
