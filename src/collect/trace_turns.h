/* trace_turns: when the threads of a command come to a processor and leave it, as the kernel's perf
 * events tell it, and when they are woken and by whom (os/bpf_wakes.h), for its execution trace
 * (wire/trace_merge.h).
 *
 * In: a command that waits at its gate.  Out: turns.  A switch is a record of 32 bytes.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_TRACE_TURNS_H
#define SONDE_COLLECT_TRACE_TURNS_H

#include "base/err.h"
#include "wire/trace_merge.h"

#include <sys/types.h>

struct trace_turns;

/* `children`: its child processes too.  NULL and *err: ERR_PERM or ERR_UNSUPPORTED: why, and what
 * to do about it; ERR_NOMEM, ERR_IO. */
struct trace_turns *trace_turns_new(pid_t pid, bool children, struct err *err);
void trace_turns_free(struct trace_turns *turns); /* NULL is fine */

/* From now on, who wakes whom too; once.  False and *err: why that cannot be (bpf_wakes_new), and
 * nothing has changed. */
bool trace_turns_add_wakes(struct trace_turns *turns, pid_t pid, bool children, struct err *err);

/* The number of processors that turns may name. */
uint32_t trace_turns_n_cpus(const struct trace_turns *turns);
/* Tells the merge of what has come; `is_last`: all of it, else what can no longer be out of order.
 * To be called before each step. */
void trace_turns_step(struct trace_turns *turns, struct trace_merge *merge, bool is_last);
/* Turns that the kernel or we had no room for. */
uint64_t trace_turns_n_lost(const struct trace_turns *turns);

#endif
