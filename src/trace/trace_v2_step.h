/* trace_v2_step: what the rules of the order (trace_v2_order.c, trace_v2_ranges.c) are written
 * with: an event that is tried, the context it is in, errors, and the event for users.
 *
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_V2_STEP_H
#define SONDE_TRACE_TRACE_V2_STEP_H

#include "trace/trace_v2_order.h"

/* What the event is about, and what the thread is doing before and after it. */
struct trace_v2_try {
    struct trace_v2_order *order;
    const struct trace_v2_event *event;
    struct trace_v2_m *thread;
    int64_t g, m; /* the context that is shown */
    int32_t p;
    int64_t new_g;
    int32_t new_p;
    struct trace_v2_go *new_go; /* that of new_g, when it is known */
    struct err *err;
};

/* WRONG, and *err: the event's name, why, and of whom. */
enum trace_v2_step trace_v2_step_wrong(const struct trace_v2_try *s, const char *why);
enum trace_v2_step trace_v2_step_wrong_id(const struct trace_v2_try *s, const char *why,
                                          uint64_t id);
enum trace_v2_step trace_v2_step_no_memory(const struct trace_v2_try *s);

/* Append an event of a type with some arguments, of context g; NULL and *err: it refers to what
 * is not there. */
struct trace_event *trace_v2_step_emit_as(const struct trace_v2_try *s, unsigned type,
                                          const uint64_t *args, int64_t g);
/* The event that is tried. */
static inline struct trace_event *trace_v2_step_emit(const struct trace_v2_try *s)
{
    return trace_v2_step_emit_as(s, s->event->type, s->event->args, s->g);
}

static inline enum trace_v2_step trace_v2_step_done_if(const struct trace_event *emitted)
{
    return emitted ? TRACE_V2_DONE : TRACE_V2_WRONG;
}

/* Is the context as it must be?  False and *err. */
enum { TRACE_V2_ANY, TRACE_V2_HAVE, TRACE_V2_HAVE_NOT };
bool trace_v2_step_context(const struct trace_v2_try *s, int p, int g);
static inline bool trace_v2_step_user_context(const struct trace_v2_try *s)
{
    return (s->m != TRACE_NONE && s->p != TRACE_NONE && s->g != TRACE_NONE) ||
           trace_v2_step_context(s, TRACE_V2_HAVE, TRACE_V2_HAVE);
}

/* The goroutine of the context, in a status; its processor; NULL and *err. */
struct trace_v2_go *trace_v2_step_current(const struct trace_v2_try *s, unsigned status);
struct trace_v2_proc *trace_v2_step_current_proc(const struct trace_v2_try *s);

/* Is the event's number the next of a goroutine or processor? */
static inline bool trace_v2_step_succeeds(const struct trace_v2_try *s, uint64_t seq,
                                          uint64_t last_gen, uint64_t last)
{
    return s->order->gen->gen == last_gen && seq == last + 1;
}

#endif
