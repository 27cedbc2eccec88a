/* timeline_past: what of the events before a chunk still matters there, so that an analysis that is
 * handed it, and then the events from there on, tells the same of the time from there on as one
 * that was handed all events: of each goroutine the change into the state that it has, its start
 * function and whether it has run; and the begins of ranges, regions and tasks that are not over.
 * It is kept for every 2^shift-th chunk, each thing once for as long as it lasts; when it gets more
 * than it may, for half as many chunks.
 *
 * In: events in order, and where chunks begin.  Out: events of a chunk's past.
 * Memory: some 40 bytes a goroutine that changes between two such chunks, up to `most`; while
 * events are added, some 90 bytes a goroutine and open region that there is.
 * Units: times in ns on the clock of the trace.
 * Threads: one adds; after timeline_past_seal any number may ask.  Signals: no. */
#ifndef SONDE_TIMELINE_TIMELINE_PAST_H
#define SONDE_TIMELINE_TIMELINE_PAST_H

#include "base/buf.h"
#include "base/vec.h"
#include "trace/trace_event.h"

struct timeline_past_record {
    uint32_t from, to; /* it holds at these chunks' numbers >> shift */
    uint32_t at, n;    /* bytes */
};

struct timeline_past {
    VEC(struct timeline_past_record) records;
    struct buf bytes;
    struct trace_event first; /* the trace's */
    unsigned shift;
    size_t most; /* bytes */
    struct timeline_past_adding *adding;
    bool is_off; /* the trace is such that it cannot be told: nothing is kept */
    bool failed;
};

struct timeline_past_events {
    VEC(struct trace_event) events;
};

bool timeline_past_init(struct timeline_past *past); /* false: no memory; release it anyway */
void timeline_past_release(struct timeline_past *past);

/* The chunk with this number begins with the event that comes next. */
void timeline_past_chunk(struct timeline_past *past, size_t chunk);
/* A change of the goroutine with this number, which counts from 0 as they come (UINT32_MAX: it has
 * none); returns the stack
 * that names it, when this event is the first to do so; else 0.  Failure (memory) is kept. */
uint32_t timeline_past_change(struct timeline_past *past, const struct trace *trace, uint32_t go,
                              const struct trace_event *event, const struct trace_transition *t);
/* The same, of one that was there before and goes on to be: faster.  False: it is not so simple. */
bool timeline_past_step(struct timeline_past *past, uint32_t go, const struct trace_event *event,
                        uint32_t stack, bool runs);
/* An event that is no change of a goroutine. */
void timeline_past_event(struct timeline_past *past, const struct trace_event *event);
void timeline_past_seal(struct timeline_past *past);
size_t timeline_past_bytes(const struct timeline_past *past);

/* Add the trace's first event and the past of the chunk *chunk, or of one before it, to which
 * *chunk is set; nothing if that is 0.  False: no memory.  O(all that is kept). */
bool timeline_past_at(const struct timeline_past *past, size_t *chunk,
                      struct timeline_past_events *out);

#endif
