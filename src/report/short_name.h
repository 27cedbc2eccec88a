/* short_name: function names cut for pictures, as pprof cuts them: Go package
 * paths and versions, Java packages, C++ namespaces go.
 * Threads: any.  Signals: no. */
#ifndef SONDE_REPORT_SHORT_NAME_H
#define SONDE_REPORT_SHORT_NAME_H

#include "base/buf.h"
#include "base/str.h"

/* A slice of `name`, or of *scratch, which is only written to when parts of the
 * middle go. */
struct str short_name(struct str name, struct buf *scratch);

#endif
