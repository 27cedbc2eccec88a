/* go_trace_state: what the model of a Go program's execution trace (go_trace_model.h) knows of
 * goroutines, threads and processors, and the events that change it: whatever is asked for, Go's
 * parser finds that they follow from each other.  For go_trace_model.c and what belongs to it.
 *
 * Goroutines (g), threads (m) and processors (p) are numbers of the model's lists.
 * In: what is to be so.  Out: events of the writer.
 * Units: CLOCK_MONOTONIC ns.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_GO_TRACE_STATE_H
#define SONDE_COLLECT_GO_TRACE_STATE_H

#include "base/map.h"
#include "base/vec.h"
#include "collect/go_trace_model.h"

#define NONE UINT32_MAX /* no goroutine, thread or processor */
#define SPARE_THREAD 0  /* of ours: what happened while nobody looked is put there */
enum state { RUNNABLE, RUNNING, SYSCALL, WAITING, GONE };

struct goroutine {
    uint64_t id, seq, generation; /* generation: in which its status was told */
    enum state state;
    uint32_t m;      /* RUNNING, SYSCALL; NONE */
    uint32_t stack;  /* found with; 0 */
    bool is_found;   /* only that, until an event tells more */
    bool is_seen;    /* used by `compare` of a snapshot */
    bool is_worker;  /* of the collector */
    bool assists;    /* the collector: GOTRACE_GC_MARK_ASSIST_BEGIN is told */
    uint32_t region; /* the innermost one that was begun and not ended; 0 */
};

/* One that Go's parser waits for the end of; of a goroutine, from the innermost on. */
struct region {
    uint64_t task;
    uint32_t text, outer; /* outer: 0: none */
    uint64_t gap;         /* how many there were when it began */
};

struct thread {
    uint64_t id;
    uint32_t g, p;   /* NONE */
    uint32_t leaves; /* the goroutine that is back from a system call, without a processor; NONE */
    uint32_t found;  /* the one that was found running there; NONE */
    uint32_t off;    /* the text of the region that says that it is off its processor; 0 */
};

struct processor {
    uint64_t id, seq, generation;
    enum state state; /* RUNNING, SYSCALL; RUNNABLE: idle */
    uint32_t m;       /* NONE: idle */
};

struct go_trace_model {
    unsigned minor;
    struct trace_writer *writer;
    struct go_trace_stacks *stacks;
    VEC(struct goroutine) gs;
    VEC(struct thread) ms;
    VEC(struct processor) ps;
    VEC(struct region) regions; /* 0: none */
    uint32_t free_region;       /* those that are not in use are a list; 0 */
    uint64_t n_gaps;
    struct map g_of_id, m_of_id, p_of_id;
    struct map tasks;                        /* that were begun and not ended */
    uint64_t generation, began, now, gc_seq; /* began: when the generation did */
    bool gc_is_on, has_gap, failed;
    uint32_t stopper; /* the goroutine that has stopped the world; NONE */
    uint32_t stop_reason;
    uint32_t reasons[256]; /* strings, by wait reason; 0: not made yet */
    struct go_trace_counts counts;
};

/* An event of thread m, at the model's time, which goes on with it.
 * ARGS(a, b): the arguments of one. */
#define ARGS(...) (uint64_t[]){__VA_ARGS__}, sizeof(uint64_t[]){__VA_ARGS__} / 8
void go_trace_emit(struct go_trace_model *t, uint32_t m, enum gotrace_type type,
                   const uint64_t *args, size_t n);
uint32_t go_trace_text(struct go_trace_model *t, const char *text); /* of the writer */

/* By their own numbers.  Threads and processors are added when they are not there (NONE: no
 * memory), a goroutine with add_g, where one with its number is forgotten. */
uint32_t go_trace_find_m(struct go_trace_model *t, uint64_t id);
uint32_t go_trace_find_p(struct go_trace_model *t, uint64_t id);
uint32_t go_trace_find_g(struct go_trace_model *t, uint64_t id);
uint32_t go_trace_add_g(struct go_trace_model *t, uint64_t id, enum state state);
bool go_trace_exists(const struct go_trace_model *t, uint32_t g);

/* Their statuses, if this generation does not have them yet. */
void go_trace_tell_p(struct go_trace_model *t, uint32_t p, enum state state);
void go_trace_tell_g(struct go_trace_model *t, uint32_t g);
void go_trace_tell_m(struct go_trace_model *t, uint32_t m);

/* --- processors --- */

/* Its own thread gives it up; thread m finds p idle, or takes it; m was found with the one of this
 * number (`state`: of one that was not known). */
void go_trace_stop_p(struct go_trace_model *t, uint32_t m);
void go_trace_take_away_p(struct go_trace_model *t, uint32_t p, uint32_t m);
void go_trace_start_p(struct go_trace_model *t, uint32_t p, uint32_t m);
void go_trace_have_p(struct go_trace_model *t, uint64_t id, uint32_t m, enum state state);
uint32_t go_trace_idle_p(struct go_trace_model *t); /* NONE */
bool go_trace_has_running_p(const struct go_trace_model *t, uint32_t m);
/* A goroutine that runs needs a processor for what it does: an idle one, or another thread's, which
 * gets it back when it is seen with it.  False: there is none. */
bool go_trace_need_p(struct go_trace_model *t, uint32_t m);

/* --- goroutines --- */

/* Can the thread do something?  With a processor, and no goroutine in a system call.  One that can,
 * if need be a spare one of ours, which is to be left again. */
bool go_trace_is_able(const struct go_trace_model *t, uint32_t m);
uint32_t go_trace_able_m(struct go_trace_model *t);
void go_trace_leave_spare(struct go_trace_model *t);

void go_trace_create(struct go_trace_model *t, uint32_t m, uint64_t id, enum state state,
                     uint32_t start, uint32_t stack);
/* The goroutine, which is known from then on: in the first generation it was there in `state`
 * before, later it came unseen.  NONE: it cannot be told of. */
uint32_t go_trace_meet(struct go_trace_model *t, uint64_t id, enum state state, uint32_t m);
void go_trace_unblock(struct go_trace_model *t, uint32_t g, uint32_t m, uint32_t stack);
/* Out of a system call that has cost it its processor. */
void go_trace_leave_syscall(struct go_trace_model *t, uint32_t g);
/* It runs no more; from whatever it was to runnable, or waiting; it runs on m.  False: that cannot
 * be told. */
bool go_trace_stop_g(struct go_trace_model *t, uint32_t g, enum gotrace_type type, uint32_t reason,
                     uint32_t stack);
bool go_trace_settle(struct go_trace_model *t, uint32_t g);
bool go_trace_start_g(struct go_trace_model *t, uint32_t g, uint32_t m);
/* The goroutine was found running on this thread.  NONE: that cannot be told. */
uint32_t go_trace_have_running(struct go_trace_model *t, uint64_t id, uint32_t m);
void go_trace_unbind_g(struct go_trace_model *t, uint32_t g, enum state state); /* no event */

/* It marks for the collector, so that it may allocate; nothing if that is told already, or not. */
void go_trace_begin_assist(struct go_trace_model *t, uint32_t g, uint32_t stack);
void go_trace_end_assist(struct go_trace_model *t, uint32_t g);

/* One of the first generation of which no event told: where it was found. */
void go_trace_tell_found(struct go_trace_model *t, uint32_t g);

/* --- regions: they nest, or Go's parser refuses the trace --- */

/* Of a goroutine that runs and has a processor. */
void go_trace_begin_region(struct go_trace_model *t, uint32_t g, uint64_t task, uint32_t text,
                           uint32_t stack);
/* With those within it, if they are still open.  False: it was not begun. */
bool go_trace_end_region(struct go_trace_model *t, uint32_t g, uint64_t task, uint32_t text,
                         uint32_t stack);
/* Was the innermost one begun before nobody looked for a while?  Of those that were, only the
 * outermost `n` can go on still: the others are ended. */
bool go_trace_has_old_region(const struct go_trace_model *t, uint32_t g);
void go_trace_keep_regions(struct go_trace_model *t, uint32_t g, size_t n);
void go_trace_forget_regions(struct go_trace_model *t, uint32_t g); /* no event */

/* --- threads off their processors --- */

/* A region on the goroutine that runs on thread m, or was found there: since `from_ns` the thread
 * has been off its processor, for the reason `text`.  Nothing when no goroutine runs there. */
void go_trace_begin_off(struct go_trace_model *t, uint32_t m, uint32_t text, uint64_t from_ns);
/* It is over.  Nothing when there is no such region. */
void go_trace_end_off(struct go_trace_model *t, uint32_t m);

#endif
