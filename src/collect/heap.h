/* heap: the heap profile: what was allocated where, and what of it is still in use,
 * with the sample types of Go's runtime/pprof.  Both are scaled up from the blocks that
 * were sampled.  allocs is the same profile, of which reports show what was allocated. */
#ifndef SONDE_COLLECT_HEAP_H
#define SONDE_COLLECT_HEAP_H

#include "collect/collect.h"

extern const struct collect_ops collect_heap, collect_allocs;

#endif
