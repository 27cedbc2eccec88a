/* cpu: the CPU profile: where the CPU time of a command and its children goes.
 * By timers inside the processes (libsonde preloaded) as a rule; by perf events
 * from outside for what preloading cannot reach (static and Go programs) and
 * for rates above the kernel's timer tick. */
#ifndef SONDE_COLLECT_CPU_H
#define SONDE_COLLECT_CPU_H

#include "collect/collect.h"

extern const struct collect_ops collect_cpu;

#endif
