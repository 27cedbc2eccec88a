/* trace_merge: an execution trace of what libsonde notes (trace_raw.h), of one process or of
 * several, as one trace.
 *
 * Records are read as they come, brought into the order of time, and told to trace_states a
 * little later (TRACE_MERGE_LAG_NS): by then it is known whom a thread has let go on, since
 * that thread says so when it runs again.
 *
 * What the kernel tells of threads that come to a processor, leave it and are woken goes in
 * between, by time (trace_merge_turn; states.n_cpus, has_wakes).
 *
 * In: the memory of a process, whose contents are not trusted.  Out: trace_states.
 * Units: ns.  Threads: one at a time.  Signals: no.  Failure is sticky: states.failed. */
#ifndef SONDE_WIRE_TRACE_MERGE_H
#define SONDE_WIRE_TRACE_MERGE_H

#include "wire/trace_queue.h"
#include "wire/trace_source.h"
#include "wire/trace_states.h"
#include "wire/trace_wakes.h"

#define TRACE_MERGE_LAG_NS 50000000u
#define TRACE_MERGE_LAG_TURNS_NS                                                                   \
    250000000u /* with turns: a thread may have to wait for its turn                               \
                */
#define TRACE_MERGE_GENERATION_NS 1000000000u
#define TRACE_MERGE_GENERATION_BYTES (16u << 20)
/* Records that wait for their time, and the bytes of their texts: as long as there are more, what
 * comes is left where it is. */
#define TRACE_MERGE_PENDING_MAX (16u << 20)
#define TRACE_MERGE_TEXT_MAX (256u << 20)

/* What is known of a thread id. */
struct trace_merge_thread {
    int32_t tid;
    uint32_t go;  /* of trace_states; TRACE_STATES_NONE: it is not there */
    uint32_t cpu; /* that it is on; TRACE_STATES_NONE: not known, or none */
    bool is_away; /* known to be on none */
    bool has_begun;
    bool has_stack;    /* one has been read, since it began */
    uint64_t woken_ns; /* while it was on a processor, the last time; 0: never */
    int32_t woken_by;
    struct trace_queue queue;
};

/* A thread comes to a processor, leaves it to wait or though it could go on, or is woken. */
enum trace_turn_kind {
    TRACE_TURN_COMES,
    TRACE_TURN_LEAVES,
    TRACE_TURN_IS_PREEMPTED,
    TRACE_TURN_WAKES
};
struct trace_turn {
    uint64_t ns;
    int32_t tid;
    uint32_t cpu_or_by : 30; /* WAKES: who wakes it (tid), 0: nobody who is known */
    uint32_t kind : 2;
};

struct trace_stack_key {
    uint32_t source, row;
    uint32_t first; /* 0, or of a thread's start function, `row`: the first stack that it has */
};

/* A thread that `by` (tid) has made, as it says itself. */
struct trace_born {
    int32_t by, tid;
    uint64_t ticks;
    uint32_t source, first;
};
#define TRACE_MERGE_BORN 1024u /* that are kept */

struct trace_merge {
    struct trace_states states;
    struct trace_wakes wakes;
    struct trace_source *sources;
    size_t n_sources, max_sources;
    struct trace_merge_thread *threads; /* the first is nobody's: what belongs to no queue */
    size_t n_threads, max_threads;
    uint32_t *by_tid; /* thread + 1; a hash table */
    size_t n_by_tid;
    uint32_t *heap; /* of threads, by the time of their next item */
    size_t n_heap, max_heap;
    struct trace_unborn *unborn; /* made, not begun */
    size_t n_unborn, max_unborn;
    struct trace_born born[TRACE_MERGE_BORN];
    uint32_t n_born; /* number i at i % TRACE_MERGE_BORN */
    struct trace_source_scan scan;
    struct trace_stack_key *stacks; /* number - 1 */
    size_t n_stacks, max_stacks;
    uint32_t *stack_slots;
    size_t n_stack_slots;
    struct trace_turn *turns; /* first_turn .. n_turns - 1 are to come */
    size_t first_turn, n_turns, max_turns;
    struct trace_queued queued;
    uint64_t n_lost_gone; /* of processes that were dropped */
    uint64_t since_ns;    /* what was before is not to be told; 0: all is */
    uint64_t until_ns;    /* what lasts until then is told to; 0: up to the last event */
};

/* memory, sink and the functions for tables are to be set in merge->states before. */
void trace_merge_release(struct trace_merge *merge);

/* Another process.  Its memory is `n_bytes` long.  False: it is none of ours, or no memory. */
bool trace_merge_add(struct trace_merge *merge, struct trace_raw_header *header, uint64_t n_bytes);
/* That memory is no more: nothing else comes of it. */
void trace_merge_drop(struct trace_merge *merge, size_t source);
/* Records that there was no room for, of all processes: as many as they say. */
uint64_t trace_merge_n_lost(const struct trace_merge *merge);

/* In the order of time, and before a step whose time is the lag later.  Of a thread that is not
 * known, or a processor that is none of n_cpus, nothing is told. */
void trace_merge_turn(struct trace_merge *merge, const struct trace_turn *turn);

/* The trace is to begin then: of what was before, threads have what they are in. */
void trace_merge_since(struct trace_merge *merge, uint64_t since_ns);
/* The trace is to end then, at the last step: threads that wait until then are told to. */
void trace_merge_until(struct trace_merge *merge, uint64_t until_ns);
/* Reads what is new, and tells what is older than the lag; `is_last`: all of it, and ends the
 * trace. */
void trace_merge_step(struct trace_merge *merge, bool is_last);

#endif
