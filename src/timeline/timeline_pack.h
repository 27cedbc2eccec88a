/* timeline_pack: an event in some 10 to 30 bytes, which counts from the one packed before it.
 * In: events, or bytes.  Out: the same events.
 * Units: times in ns on the clock of the trace.  Threads: plain values.  Signals: no. */
#ifndef SONDE_TIMELINE_TIMELINE_PACK_H
#define SONDE_TIMELINE_TIMELINE_PACK_H

#include "trace/trace_event.h"

#define TIMELINE_PACK_MAX (8 * GOTRACE_VARINT_MAX + 2) /* bytes of one event */

/* Write an event at `p`, which has room for it; the end of it.  `before`: the one packed before
 * it, whose context it may share; zeroed: none.  Its time is told by what it has over before_ns. */
uint8_t *timeline_pack(uint8_t *p, const struct trace_event *event,
                       const struct trace_event *before, int64_t before_ns);
/* The end of it; NULL: the bytes end in the middle of it. */
const uint8_t *timeline_unpack(const uint8_t *p, const uint8_t *end, struct trace_event *event,
                               const struct trace_event *before, int64_t before_ns);

#endif
