/* trace_v2_ranges: the rules for what begins and ends: tasks, regions, garbage collections, sweeps,
 * assists, stop-the-worlds.
 *
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_V2_RANGES_H
#define SONDE_TRACE_TRACE_V2_RANGES_H

#include "trace/trace_v2_step.h"

/* As trace_v2_order_advance; WRONG also for what is none of them. */
enum trace_v2_step trace_v2_ranges_advance(struct trace_v2_try *s);

#endif
