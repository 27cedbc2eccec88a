/* trace: what the events of an execution trace refer to.  Strings, frames and stacks of all
 * generations are each kept once, under numbers that hold for the whole trace; events
 * (trace_event.h) have these numbers in place of the file's ids.  So memory grows with what is
 * different, not with the length of the trace, and equal stacks have equal numbers.
 *
 * In: filled by the readers (trace_reader.h).  Out: looked up by everybody else.
 * Threads: one thread adds; others may look up what they were given the numbers of, at the
 * same time: nothing moves.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_H
#define SONDE_TRACE_TRACE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace_frame {
    uint64_t pc;         /* of the leaf as taken, else a return address, as Go has it */
    uint32_t func, file; /* strings */
    uint64_t line;
};

struct trace_stack {
    const uint32_t *frames; /* numbers of frames, the innermost first */
    uint32_t n_frames;
};

struct trace;

struct trace *trace_new(void); /* NULL: no memory */
void trace_free(struct trace *trace);

/* Number of a text (from 0, which is ""), of a frame, of a stack (from 0, which is none: a
 * stack without frames that was taken has a number of its own).  Equal ones have equal numbers.
 * UINT32_MAX when memory runs out or there are 2^32 of them.  O(length). */
uint32_t trace_add_string(struct trace *trace, const char *text, size_t n);
uint32_t trace_add_frame(struct trace *trace, const struct trace_frame *frame);
uint32_t trace_add_stack(struct trace *trace, const uint32_t *frames, uint32_t n_frames);

/* The number must be one that was handed out.  NUL-terminated, lives as long as the trace;
 * *n (may be NULL) is its length, since a text may hold NULs.  O(1). */
const char *trace_string(const struct trace *trace, uint32_t string, size_t *n);
const struct trace_frame *trace_frame(const struct trace *trace, uint32_t frame);
struct trace_stack trace_stack(const struct trace *trace, uint32_t stack);
/* Is it of a program of which libsonde wrote it, whose goroutines are threads?  It says so, or has
 * frames and none of Go's runtime, of which what Go writes has some.  O(frames). */
bool trace_is_native(const struct trace *trace);
/* What it says of itself (wire/gotrace.h), as far as it was read; known from its first event on.
 * O(strings). */
struct trace_origin {
    bool is_native;      /* it says that it is of a native program */
    const char *program; /* its name, or ""; lives as long as the trace */
    bool has_turns,
        has_wakes; /* when threads ran, and when they could have, is the kernel's word */
};
struct trace_origin trace_origin(const struct trace *trace);
uint32_t trace_n_strings(const struct trace *trace), trace_n_frames(const struct trace *trace),
    trace_n_stacks(const struct trace *trace); /* for tables indexed by them; 0 counts */

#endif
