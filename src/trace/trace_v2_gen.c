#include "trace/trace_v2_gen.h"

#include "base/go_sort.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DROP_BYTES (4u << 20) /* of a generation that is looked through */

struct header {
    uint64_t gen, time;
    int64_t m;
    const uint8_t *data;
    uint32_t n;
    bool is_experimental, is_end;
};

void trace_v2_gen_release(struct trace_v2_gen *gen)
{
    vec_release(&gen->batches);
    vec_release(&gen->threads);
    vec_release(&gen->samples);
    vec_release(&gen->stack_batches);
    vec_release(&gen->sample_batches);
    trace_ids_release(&gen->strings);
    trace_ids_release(&gen->stacks);
    map_release(&gen->thread_of);
    map_release(&gen->frame_of_pc);
    *gen = (struct trace_v2_gen){0};
}

static bool truncated(const struct trace_input *input, size_t at, const char *what, struct err *err)
{
    return err_set(err, ERR_INPUT, "truncated at byte %zu of %zu: %s", at, input->n, what);
}

static bool broken(uint64_t gen, struct err *err, const char *what)
{
    return err_set(err, ERR_INPUT, "broken trace: generation %" PRIu64 ": %s", gen, what);
}

/* The batch at *at, which moves behind it. */
static bool read_batch(const struct trace_input *input, size_t *at, struct header *out,
                       struct err *err)
{
    const uint8_t *p = input->data + *at, *end = input->data + input->n;
    *out = (struct header){.data = p};
    uint64_t m, n;
    switch (*p++) {
    case GOTRACE_END_OF_GENERATION:
        out->is_end = true;
        ++*at;
        return true;
    case GOTRACE_EXPERIMENTAL_BATCH:
        if (p == end)
            return truncated(input, *at, "in the header of a batch", err);
        out->is_experimental = *p++ != 0;
        break;
    case GOTRACE_EVENT_BATCH:
        break;
    default:
        return err_set(
            err, ERR_INPUT,
            "broken trace: byte %zu: a batch should begin there, not an event of type %u", *at,
            input->data[*at]);
    }
    if (!(p = gotrace_get(p, end, &out->gen)) || !(p = gotrace_get(p, end, &m)) ||
        !(p = gotrace_get(p, end, &out->time)) || !(p = gotrace_get(p, end, &n))) {
        if (input->n - *at < 2 + 4 * GOTRACE_VARINT_MAX)
            return truncated(input, *at, "in the header of a batch", err);
        return err_set(err, ERR_INPUT, "broken trace: byte %zu: a number of more than 64 bits",
                       *at);
    }
    if (n > GOTRACE_BATCH_MAX)
        return err_set(err, ERR_INPUT,
                       "broken trace: byte %zu: a batch of %" PRIu64 " bytes, more than %u", *at, n,
                       GOTRACE_BATCH_MAX);
    if (n > (size_t)(end - p))
        return truncated(input, *at, "the batch that begins there is cut off", err);
    out->m = (int64_t)m;
    out->data = p;
    out->n = (uint32_t)n;
    *at = (size_t)(p + n - input->data);
    out->is_end = !out->is_experimental && n && *p == GOTRACE_END_OF_GENERATION;
    return true;
}

static bool add_strings(struct trace_v2_gen *gen, struct trace *trace, const uint8_t *p,
                        const uint8_t *end, struct err *err)
{
    for (p++; p < end;) {
        uint64_t id, n;
        if (*p++ != GOTRACE_STRING)
            return broken(gen->gen, err, "a batch of strings holds something else");
        if (!(p = gotrace_get(p, end, &id)) || !(p = gotrace_get(p, end, &n)) ||
            n > (size_t)(end - p))
            return broken(gen->gen, err, "a string is longer than its batch");
        if (n > GOTRACE_STRING_MAX)
            return err_set(err, ERR_INPUT,
                           "broken trace: generation %" PRIu64 ": a string of %" PRIu64
                           " bytes, more than %u",
                           gen->gen, n, GOTRACE_STRING_MAX);
        if (trace_ids_get(&gen->strings, id) != TRACE_NO_ID)
            return err_set(err, ERR_INPUT,
                           "broken trace: generation %" PRIu64 ": two strings with id %" PRIu64,
                           gen->gen, id);
        uint32_t number = trace_add_string(trace, (const char *)p, (size_t)n);
        if (number == UINT32_MAX || !trace_ids_add(&gen->strings, id, number))
            return err_nomem(err);
        p += n;
    }
    return true;
}

/* The number of the frame at *p, which moves behind it.  All frames of a pc are what the first
 * of them is. */
static bool add_frame(struct trace_v2_gen *gen, struct trace *trace, const uint8_t **p,
                      const uint8_t *end, uint32_t *number, struct err *err)
{
    uint64_t pc, func, file, line;
    if (!(*p = gotrace_get(*p, end, &pc)) || !(*p = gotrace_get(*p, end, &func)) ||
        !(*p = gotrace_get(*p, end, &file)) || !(*p = gotrace_get(*p, end, &line)))
        return broken(gen->gen, err, "a stack is longer than its batch");
    *number = map_get(&gen->frame_of_pc, pc);
    if (*number != MAP_NONE)
        return true;
    struct trace_frame frame = {.pc = pc,
                                .func = trace_ids_get(&gen->strings, func),
                                .file = trace_ids_get(&gen->strings, file),
                                .line = line};
    if (frame.func == TRACE_NO_ID || frame.file == TRACE_NO_ID)
        return err_set(err, ERR_INPUT,
                       "broken trace: generation %" PRIu64 ": a frame has the string %" PRIu64
                       ", which is not there",
                       gen->gen, frame.func == TRACE_NO_ID ? func : file);
    *number = trace_add_frame(trace, &frame);
    if (*number == UINT32_MAX || !map_put(&gen->frame_of_pc, pc, *number))
        return err_nomem(err);
    return true;
}

static bool add_stacks(struct trace_v2_gen *gen, struct trace *trace, const uint8_t *p,
                       const uint8_t *end, struct err *err)
{
    uint32_t frames[GOTRACE_FRAMES_MAX];
    for (p++; p < end;) {
        uint64_t id, n;
        if (*p++ != GOTRACE_STACK)
            return broken(gen->gen, err, "a batch of stacks holds something else");
        if (!(p = gotrace_get(p, end, &id)) || !(p = gotrace_get(p, end, &n)))
            return broken(gen->gen, err, "a stack is longer than its batch");
        if (n > GOTRACE_FRAMES_MAX)
            return err_set(err, ERR_INPUT,
                           "broken trace: generation %" PRIu64 ": a stack of %" PRIu64
                           " frames, more than %u",
                           gen->gen, n, GOTRACE_FRAMES_MAX);
        for (uint64_t i = 0; i < n; i++)
            if (!add_frame(gen, trace, &p, end, &frames[i], err))
                return false;
        if (trace_ids_get(&gen->stacks, id) != TRACE_NO_ID)
            return err_set(err, ERR_INPUT,
                           "broken trace: generation %" PRIu64 ": two stacks with id %" PRIu64,
                           gen->gen, id);
        uint32_t number = trace_add_stack(trace, frames, (uint32_t)n);
        if (number == UINT32_MAX || !trace_ids_add(&gen->stacks, id, number))
            return err_nomem(err);
    }
    return true;
}

static bool add_samples(struct trace_v2_gen *gen, const uint8_t *p, const uint8_t *end,
                        struct err *err)
{
    for (p++; p < end;) {
        uint64_t args[5];
        if (*p++ != GOTRACE_CPU_SAMPLE)
            return broken(gen->gen, err, "a batch of CPU samples holds something else");
        for (unsigned i = 0; i < 5; i++)
            if (!(p = gotrace_get(p, end, &args[i])))
                return broken(gen->gen, err, "a CPU sample is longer than its batch");
        struct trace_v2_sample sample = {.time_ns = trace_v2_gen_ns(gen, args[0]),
                                         .m = (int64_t)args[1],
                                         .p = (int32_t)args[2],
                                         .g = args[3] ? (int64_t)args[3] : TRACE_NONE,
                                         .stack = trace_ids_get(&gen->stacks, args[4])};
        if (sample.p != (int64_t)args[2])
            return broken(gen->gen, err, "a CPU sample is of a processor that cannot be");
        if (!vec_push(&gen->samples, sample))
            return err_nomem(err);
    }
    return true;
}

static bool less_sample(uint32_t a, uint32_t b, void *arg)
{
    const struct trace_v2_sample *samples = arg;
    return samples[a].time_ns < samples[b].time_ns;
}

/* Samples of one time stand where Go's sort leaves them. */
static bool sort_samples(struct trace_v2_gen *gen, struct err *err)
{
    size_t n = gen->samples.n;
    if (n < 2)
        return true;
    uint32_t *order = malloc(n * sizeof *order);
    struct trace_v2_sample *sorted = malloc(n * sizeof *sorted);
    if (order && sorted) {
        for (size_t i = 0; i < n; i++)
            order[i] = (uint32_t)i;
        go_sort(order, (uint32_t)n, less_sample, gen->samples.items);
        for (size_t i = 0; i < n; i++)
            sorted[i] = gen->samples.items[order[i]];
        memcpy(gen->samples.items, sorted, n * sizeof *sorted);
    }
    bool done = order && sorted;
    free(order);
    free(sorted);
    return done ? true : err_nomem(err);
}

/* Frequency and clocks. */
static bool set_sync(struct trace_v2_gen *gen, const struct header *batch, unsigned version,
                     struct err *err)
{
    const uint8_t *p = batch->data, *end = p + batch->n;
    uint64_t time = batch->time, args[4];
    if (version >= 25)
        p++;
    while (p < end) {
        uint8_t type = *p++;
        unsigned n = type == GOTRACE_FREQUENCY ? 1 : 4;
        if (type != GOTRACE_FREQUENCY && (type != GOTRACE_CLOCK_SNAPSHOT || version < 25))
            return broken(gen->gen, err, "a batch of clocks holds something else");
        if (type == GOTRACE_FREQUENCY ? gen->has_frequency : gen->clock.is_known)
            return broken(gen->gen, err, "its clocks are there twice");
        for (unsigned i = 0; i < n; i++)
            if (!(p = gotrace_get(p, end, &args[i])))
                return broken(gen->gen, err, "a clock is longer than its batch");
        if (type == GOTRACE_FREQUENCY) {
            gen->has_frequency = true;
            gen->ns_per_tick = 1.0 / ((double)args[0] / 1e9);
            continue;
        }
        time += args[0];
        int64_t more_s = (int64_t)args[3] / 1000000000, ns = (int64_t)args[3] % 1000000000;
        if (ns < 0) {
            ns += 1000000000;
            more_s--;
        }
        gen->clock = (struct trace_clock){.is_known = true,
                                          .trace_ns = (int64_t)time, /* ticks, until the end */
                                          .mono_ns = args[1],
                                          .wall_s = (int64_t)(args[2] + (uint64_t)more_s),
                                          .wall_ns = (uint32_t)ns};
    }
    return true;
}

static bool add_events(struct trace_v2_gen *gen, const struct header *batch, struct err *err)
{
    uint32_t new = (uint32_t)gen->batches.n;
    uint32_t at = map_get_or_put(&gen->thread_of, (uint64_t)batch->m, (uint32_t)gen->threads.n);
    if (at == MAP_NONE || !vec_push(&gen->batches, (struct trace_v2_batch){batch->data, batch->time,
                                                                           batch->n, UINT32_MAX}))
        return err_nomem(err);
    if (at == gen->threads.n) {
        if (!vec_push(&gen->threads, (struct trace_v2_thread){batch->m, new, new}))
            return err_nomem(err);
        return true;
    }
    struct trace_v2_thread *thread = &gen->threads.items[at];
    gen->batches.items[thread->last].next = new;
    thread->last = new;
    return true;
}

static bool add_batch(struct trace_v2_gen *gen, const struct header *batch, unsigned version,
                      struct trace *trace, struct err *err)
{
    if (!gen->min_time || batch->time < gen->min_time)
        gen->min_time = batch->time;
    if (batch->is_experimental)
        return true;
    /* Stacks refer to strings, samples to stacks: these wait until all is there. */
    struct trace_v2_batch later = {batch->data, batch->time, batch->n, UINT32_MAX};
    switch (batch->n ? batch->data[0] : 0) {
    case GOTRACE_STRINGS:
        return add_strings(gen, trace, batch->data, batch->data + batch->n, err);
    case GOTRACE_STACKS:
        return vec_push(&gen->stack_batches, later) ? true : err_nomem(err);
    case GOTRACE_CPU_SAMPLES:
        return vec_push(&gen->sample_batches, later) ? true : err_nomem(err);
    case GOTRACE_FREQUENCY:
        if (version < 25)
            return set_sync(gen, batch, version, err);
        break;
    case GOTRACE_SYNC:
        if (version >= 25)
            return set_sync(gen, batch, version, err);
        break;
    default:
        break;
    }
    return add_events(gen, batch, err);
}

/* All batches are there: resolve what refers to one another. */
static bool finish(struct trace_v2_gen *gen, unsigned version, struct trace *trace, struct err *err)
{
    if (!gen->has_frequency)
        return broken(gen->gen, err, "it has no frequency");
    if (version >= 25 && !gen->clock.is_known)
        return broken(gen->gen, err, "it has no clock snapshot");
    gen->clock.trace_ns = trace_v2_gen_ns(gen, (uint64_t)gen->clock.trace_ns);
    for (size_t i = 0; i < gen->stack_batches.n; i++) {
        const struct trace_v2_batch *b = &gen->stack_batches.items[i];
        if (!add_stacks(gen, trace, b->data, b->data + b->n, err))
            return false;
    }
    for (size_t i = 0; i < gen->sample_batches.n; i++) {
        const struct trace_v2_batch *b = &gen->sample_batches.items[i];
        if (!add_samples(gen, b->data, b->data + b->n, err))
            return false;
    }
    return sort_samples(gen, err);
}

static void clear(struct trace_v2_gen *gen)
{
    gen->gen = gen->min_time = 0;
    gen->begin = gen->end;
    gen->ns_per_tick = 0;
    gen->has_frequency = false;
    gen->clock = (struct trace_clock){0};
    vec_clear(&gen->batches);
    vec_clear(&gen->threads);
    vec_clear(&gen->samples);
    vec_clear(&gen->stack_batches);
    vec_clear(&gen->sample_batches);
    trace_ids_clear(&gen->strings);
    trace_ids_clear(&gen->stacks);
    map_release(&gen->thread_of);
    map_release(&gen->frame_of_pc);
}

/* Looking for batches touches a page of each: let go of those behind us now and then. */
static void drop_behind(const struct trace_input *input, size_t *dropped, size_t at)
{
    if (at - *dropped < DROP_BYTES)
        return;
    trace_input_drop(input, input->data + *dropped, input->data + at);
    *dropped = at;
}

/* From Go 1.26 on: up to the event that ends it. */
static enum trace_v2_read read_ended(struct trace_v2_gen *gen, const struct trace_input *input,
                                     struct trace *trace, struct err *err)
{
    size_t dropped = gen->end;
    for (struct header batch;;) {
        drop_behind(input, &dropped, gen->end);
        if (gen->end == input->n) {
            if (!gen->gen)
                return TRACE_V2_END;
            truncated(input, input->n, "the end of a generation is missing", err);
            return TRACE_V2_BROKEN;
        }
        if (!read_batch(input, &gen->end, &batch, err))
            return TRACE_V2_BROKEN;
        if (batch.is_end)
            return TRACE_V2_READ;
        if (!gen->gen)
            gen->gen = batch.gen;
        if (!batch.gen || batch.gen != gen->gen) {
            broken(gen->gen, err,
                   batch.gen ? "its end is missing, or another is mixed with it"
                             : "a batch has number 0");
            return TRACE_V2_BROKEN;
        }
        if (!add_batch(gen, &batch, input->version, trace, err))
            return TRACE_V2_BROKEN;
    }
}

/* Before: up to the first batch of the next.  What cannot be read behind the first batch may
 * belong to the next, so the generation is used as it is, and *behind says why. */
static enum trace_v2_read read_unended(struct trace_v2_gen *gen, const struct trace_input *input,
                                       struct trace *trace, struct err *behind, struct err *err)
{
    size_t at = gen->end, dropped = at;
    for (struct header batch; at < input->n; gen->end = at) {
        drop_behind(input, &dropped, at);
        if (!read_batch(input, &at, &batch, behind)) {
            if (gen->gen)
                return TRACE_V2_READ;
            *err = *behind;
            return TRACE_V2_BROKEN;
        }
        if (batch.gen == 0) {
            broken(gen->gen, err, "a batch has number 0");
            return TRACE_V2_BROKEN;
        }
        if (!gen->gen)
            gen->gen = batch.gen;
        if (batch.gen == gen->gen + 1)
            return TRACE_V2_READ;
        if (batch.gen != gen->gen) {
            broken(gen->gen, err, "generations are not in order");
            return TRACE_V2_BROKEN;
        }
        if (batch.is_end) {
            broken(gen->gen, err, "it ends as those of later versions do");
            return TRACE_V2_BROKEN;
        }
        if (!add_batch(gen, &batch, input->version, trace, err))
            return TRACE_V2_BROKEN;
    }
    return TRACE_V2_READ;
}

enum trace_v2_read trace_v2_gen_read(struct trace_v2_gen *gen, const struct trace_input *input,
                                     struct trace *trace, struct err *err)
{
    struct err behind = {0};
    clear(gen);
    enum trace_v2_read read = input->version >= 26 ? read_ended(gen, input, trace, err)
                                                   : read_unended(gen, input, trace, &behind, err);
    if (read != TRACE_V2_READ)
        return read;
    if (!finish(gen, input->version, trace, err)) {
        if (behind.code && err->code != ERR_NOMEM) /* that is why */
            *err = behind;
        return TRACE_V2_BROKEN;
    }
    *err = behind;
    return TRACE_V2_READ;
}
