/* jemalloc_read: heap profiles of jemalloc, by stack, scaled up from what was sampled
 * as its own jeprof does.  The sample types are those of pprof's heap profiles.
 * Threads: calls are independent.  Signals: no. */
#ifndef SONDE_FORMAT_JEMALLOC_READ_H
#define SONDE_FORMAT_JEMALLOC_READ_H

#include "format/format.h"

extern const struct format_ops jemalloc_format;

#endif
