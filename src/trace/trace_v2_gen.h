/* trace_v2_gen: a generation of a trace: what its batches hold but for the events themselves,
 * which stay in the file.  Strings, frames and stacks go into struct trace; here are the numbers
 * that the file's ids stand for.
 * Source of the rules: internal/trace/generation.go and batch.go of Go 1.27.
 *
 * In: the bytes of the trace.  Out: struct trace_v2_gen.
 * Units: times of batches in ticks; trace_v2_gen_ns makes ns of them.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_V2_GEN_H
#define SONDE_TRACE_TRACE_V2_GEN_H

#include "base/vec.h"
#include "trace/trace_ids.h"
#include "trace/trace_source.h"

/* Events of a thread, as they follow one another in the file. */
struct trace_v2_batch {
    const uint8_t *data;
    uint64_t time;
    uint32_t n;
    uint32_t next; /* the thread's next batch; UINT32_MAX: none */
};

struct trace_v2_thread {
    int64_t m;
    uint32_t first, last; /* batches */
};

struct trace_v2_sample {
    int64_t time_ns, g, m;
    int32_t p;
    uint32_t stack; /* number; TRACE_NO_ID: it is not there */
};

struct trace_v2_gen {
    uint64_t gen;      /* 0: none was read */
    size_t begin, end; /* of the file's bytes */
    double ns_per_tick;
    uint64_t min_time;
    bool has_frequency;
    struct trace_clock clock;
    VEC(struct trace_v2_batch) batches;
    VEC(struct trace_v2_thread) threads; /* as they first appear */
    VEC(struct trace_v2_sample) samples; /* in order of time */
    struct trace_ids strings, stacks;
    /* While it is read. */
    struct map thread_of, frame_of_pc;
    VEC(struct trace_v2_batch) stack_batches;
    VEC(struct trace_v2_batch) sample_batches;
};

enum trace_v2_read { TRACE_V2_READ, TRACE_V2_END, TRACE_V2_BROKEN };

void trace_v2_gen_release(struct trace_v2_gen *gen); /* also fine on a zeroed struct */

/* Read the generation that begins at gen->end (GOTRACE_HEADER_BYTES at first), which is then
 * behind it.  END: there is none.  BROKEN and *err: it cannot be used.  READ with err->code set:
 * the generation is whole, but nothing behind it can be read (before Go 1.26 a generation
 * ends where another begins).  O(its bytes). */
enum trace_v2_read trace_v2_gen_read(struct trace_v2_gen *gen, const struct trace_input *input,
                                     struct trace *trace, struct err *err);

/* ns of ticks, by the arithmetic of Go on amd64: what does not fit is INT64_MIN. */
static inline int64_t trace_v2_gen_ns(const struct trace_v2_gen *gen, uint64_t ticks)
{
    double ns = (double)ticks * gen->ns_per_tick;
    return ns < 0x1p63 ? (int64_t)ns : INT64_MIN;
}

#endif
