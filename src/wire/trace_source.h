/* trace_source: what the threads of a process note, as it comes into the memory that it shares:
 * records in the order in which their chunks were taken, each at its time.
 *
 * In: the memory of a process, whose contents are not trusted.  Out: records; chunks that were
 * read are free again.
 * Units: ns, from the clock of the records (ticks).  Threads: one at a time.  Signals: no.
 * Memory: that of gotrace_write.h. */
#ifndef SONDE_WIRE_TRACE_SOURCE_H
#define SONDE_WIRE_TRACE_SOURCE_H

#include "wire/gotrace_write.h"
#include "wire/trace_raw.h"

struct trace_source {
    struct trace_raw_header *header; /* borrowed; NULL: it is no more */
    uint64_t n_chunks, chunks_offset;
    uint32_t clock;
    bool keeps_last;
    uint64_t *serials; /* of the chunks as they were when last looked at */
    uint8_t *n_read;
    uint64_t ticks, ns; /* a moment on both clocks, and the ns of 2^32 ticks from it on */
    uint64_t scale;
    uint64_t now_ns; /* when what is being read was begun with */
};

/* Room to sort chunks in, for all sources.  Begins zeroed. */
struct trace_source_scan {
    struct trace_chunk_ref *refs;
    size_t max;
};
void trace_source_scan_release(struct trace_source_scan *scan, const struct gotrace_memory *memory);

/* False: it is no such memory, of n_bytes. */
bool trace_source_init(struct trace_source *source, struct trace_raw_header *header,
                       uint64_t n_bytes);
void trace_source_release(struct trace_source *source, const struct gotrace_memory *memory);

uint64_t trace_source_ns(const struct trace_source *source, uint64_t ticks);

/* Takes the record `r` of a thread; `parts` are those with its text, all there.  False: not now,
 * it is to come again. */
typedef bool trace_source_take_fn(void *arg, int32_t tid, uint64_t ns, const struct trace_record *r,
                                  const struct trace_record *parts);
/* Hands over what is new.  False: no memory. */
bool trace_source_read(struct trace_source *source, const struct gotrace_memory *memory,
                       struct trace_source_scan *scan, trace_source_take_fn *take, void *arg);

#endif
