/* heap: the heap profile: what was allocated where, and what of it is still in use,
 * with the sample types of Go's runtime/pprof.  Both are scaled up from the blocks that
 * were sampled. */
#ifndef SONDE_COLLECT_HEAP_H
#define SONDE_COLLECT_HEAP_H

#include "collect/collect.h"

extern const struct collect_ops collect_heap;

#endif
