/* mutex: the mutex profile: which unlocks others had waited for, and how long; with the
 * sample types of Go's runtime/pprof (count, nanoseconds).  Threads: any.  Signals: no. */
#ifndef SONDE_COLLECT_MUTEX_H
#define SONDE_COLLECT_MUTEX_H

#include "collect/collect.h"

extern const struct collect_ops collect_mutex;

#endif
