/* trace_mark: what of a trace's generations is needed to read a piece of one of them again, after
 * the trace has been read: where its batches are in the file, and what numbers its ids have.
 * Traces of Go 1.22 and later have such; of others there is nothing.
 *
 * In: the generations as they are read.  Out: what was kept of them, until the marks are freed.
 * Memory: some bytes a batch (64 KiB), 4 bytes a string and stack of each generation.
 * Units: times of batches in ticks.
 * Threads: one adds, others may get what is there at the same time.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_MARK_H
#define SONDE_TRACE_TRACE_MARK_H

#include "trace/trace_v2_gen.h"

struct trace_mark_batch {
    uint64_t at; /* of the file's bytes: its events */
    uint64_t time;
    uint32_t n;
    uint32_t next; /* the thread's next batch; UINT32_MAX: none */
};

struct trace_mark_generation {
    double ns_per_tick;
    struct trace_mark_batch *batches;
    struct trace_v2_thread *threads; /* as the ordering has them */
    uint32_t n_batches, n_threads;
    struct trace_ids strings, stacks;
};

struct trace_marks;

struct trace_marks *trace_marks_new(void); /* NULL: no memory */
void trace_marks_free(struct trace_marks *marks);

/* Keep what is needed of a generation that was just read.  False: no memory.  O(its batches and
 * ids). */
bool trace_marks_add(struct trace_marks *marks, const struct trace_v2_gen *gen,
                     const struct trace_input *input);

/* The generation whose events follow the i-th TRACE_SYNC, from 0; NULL: there is none. */
const struct trace_mark_generation *trace_marks_get(struct trace_marks *marks, size_t i);
size_t trace_marks_bytes(struct trace_marks *marks);

#endif
