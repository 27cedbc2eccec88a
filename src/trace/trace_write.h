/* trace_write: an execution trace in Go's format, written generation by generation, for those who
 * record one or rewrite one.
 *
 *   struct trace_writer *w = trace_writer_new(&out);
 *   trace_writer_begin(w);                       // a generation
 *   stack = trace_writer_stack(w, frames, n);
 *   trace_writer_event(w, thread, time, GOTRACE_GO_BLOCK, (uint64_t[]){reason, stack}, 2);
 *   ...
 *   trace_writer_end(w, &clock);                 // its tables; then perhaps another one
 *   trace_writer_free(w);                        // out->failed tells whether all is there
 *
 * In: events of each thread in the order of their times; the caller sees to it that they make
 * sense to Go's parser (wire/gotrace.h): statuses before events, sequence numbers, contexts; and no
 * two events that depend on each other at the same time.
 * Out: bytes, offered to out's sink batch by batch (buf_drain), so that a trace needs no memory
 * but for its tables and a batch a thread.
 * Numbers of strings and stacks hold for the whole trace; a generation's tables have those that
 * its events name.
 * Units: ns.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_WRITE_H
#define SONDE_TRACE_TRACE_WRITE_H

#include "base/buf.h"
#include "wire/gotrace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_WRITE_NO_THREAD UINT64_MAX

struct trace_writer;

/* `out` is borrowed; the header is added to it.  NULL: no memory. */
struct trace_writer *trace_writer_new(struct buf *out);
void trace_writer_free(struct trace_writer *w); /* NULL is fine */

/* Memory ran out, or the sink refused: what comes after is not written. */
bool trace_writer_failed(const struct trace_writer *w);

/* The generation's number, from 1. */
uint64_t trace_writer_begin(struct trace_writer *w);

/* A text's number, 0 for "".  What is longer than GOTRACE_STRING_MAX is cut.  O(n). */
uint32_t trace_writer_string(struct trace_writer *w, const char *text, size_t n);

/* In the table of this generation too, where no event of it may name it: the kind of a STWBegin of
 * an earlier one is looked up at its STWEnd. */
void trace_writer_keep_string(struct trace_writer *w, uint32_t string);

struct trace_write_frame {
    uint64_t pc; /* each has one function, file and line: those of inlined calls differ */
    const char *function, *file;
    uint64_t line;
};
/* A stack's number, the innermost frame first; 0 for none.  The outermost of more than
 * GOTRACE_FRAMES_MAX are left out. */
uint32_t trace_writer_stack(struct trace_writer *w, const struct trace_write_frame *frames,
                            size_t n);

/* One event, between begin and end: its arguments after the time, as many as the type has.  A time
 * before that of the thread's last event becomes that. */
void trace_writer_event(struct trace_writer *w, uint64_t thread, uint64_t time_ns,
                        enum gotrace_type type, const uint64_t *args, size_t n_args);
/* A sample of CPU time; g 0: of no goroutine; p UINT64_MAX: of no processor. */
void trace_writer_sample(struct trace_writer *w, uint64_t time_ns, uint64_t thread, uint64_t p,
                         uint64_t g, uint32_t stack);

/* Bytes of this generation that were written so far. */
uint64_t trace_writer_bytes(const struct trace_writer *w);

struct trace_write_clock {
    uint64_t time_ns; /* on the clock of the events */
    uint64_t mono_ns; /* the same moment on CLOCK_MONOTONIC, and on the wall clock */
    uint64_t wall_s, wall_ns;
};
void trace_writer_end(struct trace_writer *w, const struct trace_write_clock *clock);

#endif
