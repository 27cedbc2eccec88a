/* cpu: the CPU profile: where the CPU time of a command and its children goes, with the
 * sample types of Go's runtime/pprof. */
#ifndef SONDE_COLLECT_CPU_H
#define SONDE_COLLECT_CPU_H

#include "collect/collect.h"

extern const struct collect_ops collect_cpu;

#endif
