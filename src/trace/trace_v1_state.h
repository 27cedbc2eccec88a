/* trace_v1_state: what goroutines and processors do, event after event (Go 1.5 to 1.21): whether
 * an event can follow those before it, and which processor it is shown on.
 * Source: postProcessTrace in internal/trace/internal/tracev1/parser.go of Go 1.27.
 *
 * In: events in order.  Out: their processors.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_V1_STATE_H
#define SONDE_TRACE_TRACE_V1_STATE_H

#include "trace/trace_v1_order.h"

struct trace_v1_goroutine;
struct trace_v1_processor;

struct trace_v1_region {
    uint64_t task, name;
    uint32_t outer;
};

struct trace_v1_state {
    const struct trace_v1_file *file;
    struct trace_v1_goroutine *goroutines; /* by their index */
    struct trace_v1_processor *procs;      /* by their index, and those that are none */
    VEC(struct trace_v1_region) regions;
    uint32_t free_region;
    bool is_in_gc, is_stopped;
    struct err broken; /* why an event cannot be */
};

/* False and *err: no memory.  *state is zeroed. */
bool trace_v1_state_init(struct trace_v1_state *state, const struct trace_v1_order *order,
                         struct err *err);
void trace_v1_state_release(struct trace_v1_state *state); /* also fine on a zeroed struct */

/* The next event.  *p, that of its batch, becomes the processor that it is shown on.  False: it
 * cannot be (state->broken; never where events are missing), or no memory (*err).  O(1). */
bool trace_v1_state_step(struct trace_v1_state *state, const struct trace_v1_next *next, int32_t *p,
                         struct err *err);

#endif
