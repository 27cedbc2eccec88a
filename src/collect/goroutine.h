/* goroutine: the stacks of all threads at a moment, with the sample type of Go's
 * runtime/pprof (count).  Threads: any.  Signals: no. */
#ifndef SONDE_COLLECT_GOROUTINE_H
#define SONDE_COLLECT_GOROUTINE_H

#include "collect/collect.h"

extern const struct collect_ops collect_goroutine;

#endif
