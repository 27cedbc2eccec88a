/* trace_v2_order: which of the threads' next events can be the next of all.  Batches are of one
 * thread each and clocks of processors differ, so times alone do not say; but an event fits what
 * its goroutine, processor and thread were doing (trace_v2_state.h), or it does not yet.
 * Source of the rules: internal/trace/order.go of Go 1.27; all that it checks is checked.
 *
 * In: an event of a thread, as on the wire.  Out: events for users, appended to a block.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_V2_ORDER_H
#define SONDE_TRACE_TRACE_V2_ORDER_H

#include "trace/trace_v2_gen.h"
#include "trace/trace_v2_state.h"

#define TRACE_V2_EVENTS_MAX 3 /* that one of the wire becomes */

struct trace_v2_event {
    int64_t time_ns;
    uint64_t args[4]; /* those that it does not have are 0 */
    uint8_t type;     /* of a timed event */
};

struct trace_v2_order {
    struct trace_v2_state state;
    uint64_t first_gen, gc_seq;
    enum { TRACE_V2_GC_UNKNOWN, TRACE_V2_GC_OFF, TRACE_V2_GC_ON } gc;
    int64_t last_ns; /* of the event before */
    /* Set by the caller. */
    struct trace *trace;
    const struct trace_v2_gen *gen;
    struct trace_block *block;
};

enum trace_v2_step { TRACE_V2_NOT_YET, TRACE_V2_DONE, TRACE_V2_WRONG };

/* `thread` is that of the event, NULL for thread -1.  DONE: it was appended to the block, which has
 * room for TRACE_V2_EVENTS_MAX.  WRONG and *err: the trace is broken; what was appended is
 * to be taken back. */
enum trace_v2_step trace_v2_order_advance(struct trace_v2_order *order,
                                          const struct trace_v2_event *event,
                                          struct trace_v2_m *thread, struct err *err);

/* Append an event that needs no order (a sample, a sync); its time is made later than that
 * of the one before. */
void trace_v2_order_append(struct trace_v2_order *order, const struct trace_event *event);

#endif
