/* trace_parsed: the events of a trace as text, in order, as `go tool trace -d=parsed` prints them.
 * Source of the text: Event.String in internal/trace/event.go of Go 1.27.
 *
 * In: a reader.  Out: a buffer, which is drained on the way (buf_drain).
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_PARSED_H
#define SONDE_TRACE_TRACE_PARSED_H

#include "base/buf.h"
#include "trace/trace_reader.h"

/* False and *err: what was read up to the break is in *out.  Ends early, with true, when *out has
 * failed. */
bool trace_parsed(struct trace_reader *reader, struct buf *out, struct err *err);

/* One event, with the line ends behind it.  `clock` is that of its generation. */
void trace_parsed_event(const struct trace *trace, const struct trace_event *event,
                        const struct trace_clock *clock, struct buf *out);

#endif
