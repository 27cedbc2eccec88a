/* trace_wait: waits of threads in an execution trace, and who ends them.
 *
 * A thread that waits for something with an address is counted there (mutex_may_wait), and whoever
 * is about to let others go on leaves word of it when somebody is: the time, the address, its
 * stack. Who has let whom go is put together by the reader (wire/trace_wakes.h): so a thread writes
 * to memory of its own only, but for the count. Costs: an event each (trace.h), and 10 ns a wait,
 * or 50 where others wait for the same. Threads: any.  Signals: as block.h. */
#ifndef SONDE_AGENT_TRACE_WAIT_H
#define SONDE_AGENT_TRACE_WAIT_H

#include "agent/block.h"
#include "agent/mutex.h"
#include "agent/trace.h"
#include "wire/trace_wakes.h"

/* The calling thread waits, from the function with these registers, for what is at `on` (NULL:
 * for nobody).  The time, or 0: it is not traced. */
uint64_t trace_wait_begins(enum trace_raw_reason reason, const void *on,
                           const struct walk_regs *regs);
/* It waits no more.  BLOCK_NOT, BLOCK_AT_ONCE: it has not waited; nor has it when `since` is not 0
 * and only some us ago. */
void trace_wait_ends(enum block_end end, uint64_t since);

/* The calling thread makes a system call that may take long, from ... (0: it is not traced); and is
 * back. */
uint64_t trace_call_begins(const struct walk_regs *regs);
void trace_call_ends(void);

/* The calling thread is about to let `n` of those go on who wait for `on`, from the function with
 * these registers. */
void trace_wakes(const void *on, uint32_t n, const struct walk_regs *regs);

/* The calling thread has given back a lock that it may have waited for. */
void trace_wait_unlocked(void);

/* That wait, if there is one, is counted no more. */
void trace_wait_forget(struct trace_known_wait *wait);

/* The thread ends, perhaps in the middle of a wait; others may wait for its end. */
void trace_wait_thread_ends(struct trace_thread *thread);
/* In a forked child: nobody waits. */
void trace_wait_reset(void);

#endif
