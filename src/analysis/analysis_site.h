/* analysis_site: what a stack of a wait says: where in the program it is, and what is waited for.
 * In: reasons and stacks of a trace.  Out: a frame; a kind.
 * Threads: any.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_SITE_H
#define SONDE_ANALYSIS_ANALYSIS_SITE_H

#include "trace/trace.h"

/* What is waited for. */
enum analysis_wait_kind {
    ANALYSIS_WAIT_OTHER,
    ANALYSIS_WAIT_LOCK, /* that somebody holds */
    ANALYSIS_WAIT_COLLECTOR,
    ANALYSIS_WAIT_IDLE, /* for work: asleep, a worker, an event loop, in accept, the runtime */
};

/* Of a wait with this reason and stack.  O(frames). */
enum analysis_wait_kind analysis_wait_kind(const struct trace *trace, uint32_t reason,
                                           uint32_t stack);

/* The frame that a reader looks for: the innermost one that has a name, outside of the runtime,
 * of sync, of libc and of what implements locks; that of the leaf if there is none; NULL: no
 * stack. */
const struct trace_frame *analysis_site(const struct trace *trace, uint32_t stack);

/* Waits for the network; of native programs also for pipes and files. */
bool analysis_is_network(const char *reason);

#endif
