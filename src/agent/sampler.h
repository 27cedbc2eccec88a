/* sampler: one CPU sample: unwinds the interrupted thread and adds its stack to
 * the store.
 * Threads: any, at the same time.  Signals: made to run in a handler; some 600
 * bytes of stack, 16 bytes of (initial-exec) thread-local storage. */
#ifndef SONDE_AGENT_SAMPLER_H
#define SONDE_AGENT_SAMPLER_H

#include "agent/store.h"
#include "unwind/walk.h"

#include <ucontext.h>

/* From now on samples of `kinds` (a mask of 1 << kind) go to `store`, which the sampler
 * borrows. */
void sampler_start(uint32_t kinds, struct store *store);

/* No more of these; with WIRE_CPU in `kinds`, no handler uses its store any more on
 * return: waits for running ones.  (Stores of other kinds stay.) */
void sampler_stop(uint32_t kinds);

/* In a forked child: as sampler_stop of all, but handlers of the parent's other threads
 * are no concern. */
void sampler_reset(void);

/* The store that samples of this kind go to, or NULL.  Pair with sampler_leave. */
struct store *sampler_enter(enum wire_kind kind);
void sampler_leave(enum wire_kind kind);

/* The calling thread's own stack: while its sp is in [lo, hi), all from there to `hi`
 * is memory that can be read.  Of a thread that does not say so, each page of its
 * stack takes a system call to find that out. */
void sampler_own_stack(uint64_t lo, uint64_t hi);

/* Waits a while for the handlers that run now; others may have begun on return. */
void sampler_wait(void);

/* Takes a CPU sample of weight `weight` of the registers in `uc`. */
void sampler_sample(struct store *store, const ucontext_t *uc, uint64_t weight);

/* The calling thread's stack from the frame with these registers on, as sampler_here has
 * it.  The number of frames; 0: busy. */
uint32_t sampler_walk(const struct walk_regs *regs, uint64_t *frames, uint32_t max);

/* Adds one sample of the calling thread's stack, from the frame with these registers
 * on; `pc` is a return address.  Its row, or NULL: dropped. */
struct wire_stack *sampler_here(struct store *store, enum wire_kind kind, uint64_t key,
                                const struct walk_regs *regs);

/* What a walk has read of the own stack: as long as that is the same, so is the walk. */
#define SAMPLER_LOG_MAX 40
struct sampler_log {
    uint32_t n;                        /* SAMPLER_LOG_MAX + 1: it has read more, or elsewhere */
    uint32_t offsets[SAMPLER_LOG_MAX]; /* from sp */
    uint64_t values[SAMPLER_LOG_MAX];
};
/* sampler_here for execution traces, with a log. */
struct wire_stack *sampler_trace(const struct walk_regs *regs, struct sampler_log *log);
/* A stack of one frame, the function at this address. */
struct wire_stack *sampler_function(uint64_t address);

/* The stack of another thread, from the registers of `peer` on, which is blocked: its row is
 * in *row, NULL: dropped.  False, and nothing was added: it has run meanwhile.  `what`:
 * all but its frames. */
struct peer;
bool sampler_peer(struct store *store, struct store_stack what, struct peer *peer,
                  struct wire_stack **row);

/* The stack that a handler interrupted, with the labels of `what`.  Its row, or NULL. */
struct wire_stack *sampler_interrupted(struct store *store, struct store_stack what,
                                       const ucontext_t *uc);

/* sampler_here, with the labels of `what`. */
struct wire_stack *sampler_self(struct store *store, struct store_stack what,
                                const struct walk_regs *regs);

#endif
