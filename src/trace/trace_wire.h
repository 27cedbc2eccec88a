/* trace_wire: what a trace file of Go 1.22 and later holds, event by event as it stands there:
 * as text, as `go tool trace -d=wire` prints it, and how many bytes each type takes, as
 * -d=footprint does.  Nothing is put in order or checked.
 * Source of the text: internal/trace/raw and cmd/trace/main.go of Go 1.27.
 *
 * In: a path.  Out: a buffer, which is drained on the way (buf_drain).
 * Threads: any.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_WIRE_H
#define SONDE_TRACE_TRACE_WIRE_H

#include "base/buf.h"
#include "base/err.h"

/* False and *err: no trace, one of Go 1.21 or before, or broken: what stands in front of the
 * break is in *out (of a footprint nothing is).  Ends early, with true, when *out has failed. */
bool trace_wire(const char *path, struct buf *out, struct err *err);
bool trace_footprint(const char *path, struct buf *out, struct err *err);

#endif
