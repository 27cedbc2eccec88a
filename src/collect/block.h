/* block: the block profile: where threads waited, for what keeps them from running:
 * locks, condition variables, semaphores, barriers, other threads; with the sample types
 * of Go's runtime/pprof (count, nanoseconds).  Threads: any.  Signals: no. */
#ifndef SONDE_COLLECT_BLOCK_H
#define SONDE_COLLECT_BLOCK_H

#include "collect/collect.h"

extern const struct collect_ops collect_block;

#endif
