/* threadcreate: the stacks that made threads, with the sample type of Go's runtime/pprof. */
#ifndef SONDE_COLLECT_THREADCREATE_H
#define SONDE_COLLECT_THREADCREATE_H

#include "collect/collect.h"

extern const struct collect_ops collect_threadcreate;

#endif
