/* trace_states: the events of an execution trace, from what threads do.  Each thread is a
 * goroutine and runs on a processor (P) that nobody else has at the time; it is its own M.
 * Whatever it is told, in whatever order, what it writes is a valid trace: a thread that is
 * said to wait twice has gone on in between.
 *
 * Where the kernel tells when threads come to a processor and leave it (n_cpus), the first n_cpus
 * Ps are the machine's, and that decides: a thread that leaves while it could go on is runnable
 * ("preempted"); one that leaves for something waits, for what it said that it does, from then on:
 * a wait in which it stays on its processor is none; it runs when it comes.  A thread of which no
 * such thing is known, or that does things while it is said to be away, has a further P meanwhile.
 * Where it tells of wake-ups too (has_wakes), a thread can run from then on; and one that leaves in
 * a system call waits ("IO wait").  A wake-up that nobody has told of is at the time when it comes:
 * less than GOTRACE_UNTOLD_NS before it runs.
 *
 * In: what happens, one after another, as it is seen in the order of time.  Out: generations.
 * Times, per thread, are put right where they would go back.
 * Units: ns.  Threads: one at a time.  Signals: no.
 * Failure (memory, or what the sink says) is sticky: `failed`. */
#ifndef SONDE_WIRE_TRACE_STATES_H
#define SONDE_WIRE_TRACE_STATES_H

#include "wire/gotrace_write.h"
#include "wire/trace_raw.h"

#define TRACE_STATES_NONE UINT32_MAX /* no thread */
#define TRACE_REGIONS_MAX 32         /* inside each other */

enum trace_go {
    TRACE_GO_GONE, /* not there, or not yet */
    TRACE_GO_CREATED,
    TRACE_GO_WAITS,
    TRACE_GO_READY,
    TRACE_GO_RUNS,
    TRACE_GO_CALLS
};

struct trace_go_region {
    uint64_t task;
    uint32_t name; /* of region_names */
};

struct trace_go_thread {
    uint64_t m, g, g_seq;
    uint64_t last_ns;
    uint64_t batch_ns;
    struct gotrace_bytes batch;
    enum trace_go state;
    uint32_t p;   /* TRACE_STATES_NONE: none */
    uint32_t cpu; /* that it is on; TRACE_STATES_NONE: not known, or none */
    bool is_away; /* known to be on none */
    enum trace_doing { TRACE_DOES_RUN, TRACE_DOES_WAIT, TRACE_DOES_CALL } doing; /* as it says */
    enum trace_raw_reason reason;
    uint32_t block_stack; /* where it waits */
    uint32_t here_stack;  /* where it is, as it says, until it says that it runs */
    uint64_t here_until_ns;
    /* Who let it go on before it was seen to wait. */
    uint32_t waker, waker_stack;
    uint64_t waker_g;
    uint32_t n_regions;
    struct trace_go_region regions[TRACE_REGIONS_MAX];
};

struct trace_go_proc {
    uint64_t seq, generation; /* of which its status is written */
    uint32_t holder;          /* of the machine's: the thread that runs there */
};

struct trace_states {
    struct gotrace_memory memory;
    struct gotrace_sink sink;
    /* Writes the stacks of the generation (stack_ids[0 .. n_stack_ids)), adding what texts it
     * needs to `texts`; false: it failed.  `later`: it keeps the numbers, and the end of the
     * generation too is written by whoever has them. */
    bool (*put_stacks)(void *arg, struct trace_states *states);
    bool (*put_later)(void *arg, struct trace_states *states);
    void *arg;
    bool failed;
    uint32_t n_cpus;             /* to be set before; 0: threads come and leave untold */
    bool has_wakes;              /* the same; of no use without n_cpus */
    uint64_t n_repairs;          /* told of what cannot have been */
    uint64_t n_waits, n_unwoken; /* of the waits, those of whose end nothing was told */

    uint64_t generation; /* from 1; 0: none has begun */
    /* The trace's times are from base_ns on: Go's reader counts them in doubles. */
    uint64_t base_ns, begin_ns; /* begin_ns: of the generation, as the trace has it */
    uint64_t last_ns, n_bytes;  /* of the last event; of the whole trace */
    uint64_t n_events;
    uint64_t next_g;
    struct gotrace_texts texts, region_names;
    struct gotrace_bytes samples;

    struct trace_go_thread *threads;
    size_t n_threads, max_threads;
    uint32_t *unused; /* of threads */
    size_t n_unused, max_unused;

    struct trace_go_proc *procs;
    size_t n_procs, max_procs, n_procs_told;
    uint32_t *idle; /* of procs */
    size_t n_idle, max_idle;

    uint64_t *tasks;              /* that have begun and not ended; a hash table */
    size_t n_tasks, n_task_slots; /* slots that are used, ended ones too */

    uint64_t *stack_used; /* by number: the generation that used it last */
    size_t max_stack_used;
    uint32_t *stack_ids;
    size_t n_stack_ids, max_stack_ids;
};

void trace_states_release(struct trace_states *states);

/* The file's header, and the first generation, which begins at this time. */
void trace_states_start(struct trace_states *states, uint64_t now_ns);
/* Ends the generation, and begins another one; `real_ns`: the wall clock at `mono_ns`. */
void trace_states_cut(struct trace_states *states, uint64_t now_ns, uint64_t mono_ns,
                      uint64_t real_ns, bool is_last);

bool trace_states_has_threads(const struct trace_states *states); /* that have not ended */

/* `by` makes a thread, which is to begin.  TRACE_STATES_NONE on failure. */
uint32_t trace_states_create(struct trace_states *states, uint32_t by, uint64_t ns,
                             uint32_t new_stack, uint32_t stack);
/* A thread begins to run, as `m`: one that was created, or (TRACE_STATES_NONE) one of which it is
 * not known who made it; then `was_there` tells that it was before the trace.  `cpu`: the processor
 * that it is on, or TRACE_STATES_NONE.  Its number; TRACE_STATES_NONE on failure. */
uint32_t trace_states_begin(struct trace_states *states, uint32_t thread, uint64_t m, uint64_t ns,
                            bool was_there, uint32_t cpu);
/* It ends; its number is free for another one. */
void trace_states_exit(struct trace_states *states, uint32_t thread, uint64_t ns);
void trace_states_block(struct trace_states *states, uint32_t thread, uint64_t ns,
                        enum trace_raw_reason reason, uint32_t stack);
/* `by` lets `thread` go on, if it waits.  Whether it did. */
bool trace_states_unblock(struct trace_states *states, uint32_t thread, uint32_t by, uint64_t ns,
                          uint32_t stack);
/* It is there, and may wake others, until it runs, or until then. */
void trace_states_is_at(struct trace_states *states, uint32_t thread, uint32_t stack,
                        uint64_t until_ns);
/* It runs, from here on at the latest. */
void trace_states_run(struct trace_states *states, uint32_t thread, uint64_t ns);
void trace_states_call(struct trace_states *states, uint32_t thread, uint64_t ns, uint32_t stack);
void trace_states_sample(struct trace_states *states, uint32_t thread, uint64_t ns, uint32_t stack);

/* The kernel's: the thread comes to the processor `cpu`, below n_cpus; or leaves its own, and
 * could go on (`is_ready`) or not. */
void trace_states_come(struct trace_states *states, uint32_t thread, uint64_t ns, uint32_t cpu);
void trace_states_leave(struct trace_states *states, uint32_t thread, uint64_t ns, bool is_ready);
/* It wakes the thread, if that waits; `by`: who does, or TRACE_STATES_NONE; `stack`: where, if that
 * is known better than by what `by` has said. */
void trace_states_wake(struct trace_states *states, uint32_t thread, uint32_t by, uint64_t ns,
                       uint32_t stack);

struct trace_states_text {
    const char *text;
    size_t n;
};
void trace_states_task_begin(struct trace_states *states, uint32_t thread, uint64_t ns,
                             uint64_t task, uint64_t parent, struct trace_states_text name,
                             uint32_t stack);
void trace_states_task_end(struct trace_states *states, uint32_t thread, uint64_t ns, uint64_t task,
                           uint32_t stack);
void trace_states_region(struct trace_states *states, uint32_t thread, uint64_t ns, bool begins,
                         uint64_t task, struct trace_states_text name, uint32_t stack);
void trace_states_log(struct trace_states *states, uint32_t thread, uint64_t ns, uint64_t task,
                      struct trace_states_text category, struct trace_states_text message,
                      uint32_t stack);

/* The end marker of a generation, where put_later has kept it back. */
bool trace_states_put_end(const struct gotrace_sink *sink);

#endif
