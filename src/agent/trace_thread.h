/* trace_thread: what a thread has of an execution trace, and the short way of an event: all that
 * happens when nothing is new.  Only for those who note events; what else there is to say of
 * them is in trace.h.
 * Threads: the calling one.  Signals: as trace.h. */
#ifndef SONDE_AGENT_TRACE_THREAD_H
#define SONDE_AGENT_TRACE_THREAD_H

#include "agent/block.h"
#include "agent/modules.h"
#include "agent/recording.h"
#include "agent/sampler.h"
#include "agent/trace.h"

#include <string.h>

#define TRACE_CACHED 32u /* stacks a thread */

/* The stack of some registers, and what it was found by. */
struct trace_cached {
    uint64_t pc, sp, bp;
    uint32_t stack, n_closed; /* libraries, at that time */
    struct sampler_log log;   /* n 0: nothing is here */
};

/* What is of a thread; all zero in a child by fork. */
struct trace_thread {
    int tid; /* 0: nobody's */
    uint32_t epoch;
    struct trace_chunk *chunk; /* NULL: there was none to be had */
    uint32_t n;                /* records taken of it; may pass its end */
    bool is_adding;
    uint64_t last_chunk; /* its number */
    uint64_t n_lost;
    struct trace_known_wait wait;
    struct trace_cached cached[TRACE_CACHED];
};

extern __thread struct trace_thread *trace_own; /* NULL: not entered yet */
extern uint32_t trace_epoch;                    /* of the trace; a thread is entered once in each */

/* The long ways. */
struct trace_thread *trace_enter(void);
uint32_t trace_walk(struct trace_cached *to, const struct walk_regs *regs);
struct trace_record *trace_room(struct trace_thread *thread, uint32_t at, uint32_t n);

/* The calling thread's part.  NULL: it is not traced. */
static inline struct trace_thread *trace_thread(void)
{
    struct trace_thread *t = trace_own;
    if (recording_is_bare)
        return NULL;
    if (__builtin_expect(t && t->tid && t->epoch == __atomic_load_n(&trace_epoch, __ATOMIC_RELAXED),
                         1))
        return t;
    return trace_enter();
}

static inline bool trace_cached_is(const struct trace_cached *e, const struct walk_regs *regs)
{
    if (e->pc != regs->pc || e->sp != regs->sp || e->bp != regs->bp || !e->log.n ||
        e->n_closed != modules_n_closed())
        return false;
    const char *sp = (const char *)regs->sp;
    uint64_t differs = 0;
    for (uint32_t i = 0; i < e->log.n; i++) {
        uint64_t word;
        memcpy(&word, sp + e->log.offsets[i], sizeof word);
        differs |= word ^ e->log.values[i];
    }
    return !differs;
}

/* The stack from the frame with these registers on, for records. */
static inline uint32_t trace_stack(struct trace_thread *t, const struct walk_regs *regs)
{
    struct trace_cached *e = &t->cached[((regs->pc >> 2) ^ (regs->sp >> 4)) % TRACE_CACHED];
    return __builtin_expect(trace_cached_is(e, regs), 1) ? e->stack : trace_walk(e, regs);
}

/* One instruction: a handler between would else take the same one. */
static inline uint32_t trace_take(struct trace_thread *t, uint32_t n)
{
    __asm__ volatile("xaddl %0, %1" : "+r"(n), "+m"(t->n) : : "memory");
    return n;
}

static inline void trace_publish(struct trace_record *to, const struct trace_record *record)
{
    to->time = record->time;
    to->reason = record->reason;
    to->n_text = record->n_text;
    to->stack = record->stack;
    to->a = record->a;
    to->b = record->b;
    __atomic_store_n(&to->type, record->type, __ATOMIC_RELEASE);
}

/* n records, published by the caller, who then calls trace_added.  NULL: there is no room. */
static inline struct trace_record *trace_adds(struct trace_thread *t, uint32_t n)
{
    t->is_adding = true;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    struct trace_chunk *chunk = t->chunk;
    uint32_t at = chunk ? trace_take(t, n) : TRACE_RAW_RECORDS;
    return __builtin_expect(at + n <= TRACE_RAW_RECORDS, 1) ? &chunk->records[at]
                                                            : trace_room(t, at, n);
}

static inline void trace_added(struct trace_thread *t)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    t->is_adding = false;
}

static inline void trace_add(struct trace_thread *t, const struct trace_record *record)
{
    struct trace_record *to = trace_adds(t, 1);
    if (__builtin_expect(to != NULL, 1))
        trace_publish(to, record);
    trace_added(t);
}

#endif
