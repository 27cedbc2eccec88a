/* trace_source: what stands behind the facade (trace_reader.h), one for each wire format: it
 * makes events in order, a block at a time, on the thread of the facade.
 *
 * In: the bytes of a trace.  Out: events, and what they refer to in struct trace.
 * Threads: one at a time; others look up in the trace at the same time.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_SOURCE_H
#define SONDE_TRACE_TRACE_SOURCE_H

#include "trace/trace_reader.h"

#include <sys/mman.h>

/* Borrowed until the source is freed. */
struct trace_input {
    const uint8_t *data; /* the whole file, its header too */
    size_t n;
    unsigned version;                /* of the header: 5 to 21 are v1, 22 to 26 v2 */
    bool is_mapped;                  /* pages that were read may go (madvise) */
    struct trace_marks *marks;       /* trace_mark.h; NULL: nobody wants them */
    const struct trace_names *names; /* NULL: there are none */
};

/* The bytes [begin, end) are not needed any more, or not for some time: their pages may go, and
 * those that the kernel mapped with them, which it does by windows (fault_around_bytes).  What
 * is needed after all comes again. */
static inline void trace_input_drop(const struct trace_input *input, const uint8_t *begin,
                                    const uint8_t *end)
{
    const uintptr_t window = 65536;
    uintptr_t first = (uintptr_t)input->data, last = (first + input->n + 4095) & ~(uintptr_t)4095;
    uintptr_t from = (uintptr_t)begin & ~(window - 1);
    uintptr_t to = ((uintptr_t)end + window - 1) & ~(window - 1);
    from = from < first ? first : from;
    to = to > last ? last : to;
    if (input->is_mapped && from < to)
        (void)madvise((void *)from, to - from, MADV_DONTNEED);
}

struct trace_block {
    struct trace_event *events; /* the caller's, with room for `cap` */
    size_t n, cap;              /* cap is at least 16; n is 0 before */
    struct trace_clock clock;   /* when is_new_clock */
    bool is_new_clock;          /* the clock changes with this block (it may become unknown) */
    uint64_t done;              /* bytes of the file that were used up, for progress */
};

struct trace_source_ops {
    /* NULL and *err.  `trace` is filled from here on; it outlives the source. */
    void *(*open)(const struct trace_input *input, struct trace *trace, struct err *err);
    /* Fill the block: n = 0 at the end.  An event TRACE_SYNC is the first of its block, so that
     * a block has one clock.  False and *err: broken there; the n events in front of it are
     * good (n may be 0), and it is not called again. */
    bool (*next)(void *source, struct trace_block *block, struct err *err);
    void (*free)(void *source); /* NULL is fine */
};

extern const struct trace_source_ops trace_v1_source; /* trace_v1.c */
extern const struct trace_source_ops trace_v2_source; /* trace_v2.c */

/* The version that the header of a trace names (22 of "go 1.22 trace"); 0: it is none. */
unsigned trace_header_version(const uint8_t *data, size_t n);
/* What is wrong with a file that has none. */
void trace_header_error(const uint8_t *data, size_t n, const char *name, struct err *err);

#endif
