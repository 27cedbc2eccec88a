/* analysis_wait: how long goroutines waited: for a processor, by reason, in system calls; and
 * who ended it.  The lengths are in histograms, the longest are kept one by one, and waits
 * are added up by the pair of stacks of who waited and who ended it.
 * In: stays (analysis_goroutine.h).
 * Units: ns.  Memory: bounded by start functions, reasons and pairs of stacks.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_WAIT_H
#define SONDE_ANALYSIS_ANALYSIS_WAIT_H

#include "analysis/analysis_goroutine.h"
#include "analysis/analysis_histogram.h"
#include "analysis/analysis_site.h"
#include "analysis/analysis_top.h"

/* Whether a time between runnable and running is none: nobody noted the wake-up.  *is_native is 0
 * at first. */
bool analysis_is_untold(const struct trace *trace, int64_t ns, int8_t *is_native);

/* One wait. */
struct analysis_wait {
    int64_t ns; /* it is judged by */
    int64_t at_ns, g;
    int64_t waker_g;                  /* TRACE_NONE: the network, a timer, the runtime */
    uint32_t name, reason, stack;     /* start function; strings, a stack */
    uint32_t waker_name, waker_stack; /* 0: not known */
    /* Of a lock: who held it for most of the time.  Many may wait for it and pass it on to each
     * other; that is who gave it to the first of them. */
    int64_t holder_g; /* TRACE_NONE: not known */
    uint32_t holder_name, holder_stack;
    uint8_t state;
    uint8_t kind; /* enum analysis_wait_kind */
    bool is_open; /* a lock, and nobody was seen to give it up: it goes on, as far as is known */
};

/* Goroutines with the same start function. */
struct analysis_go_group {
    uint32_t name;
    bool is_wanted, is_system;
    uint64_t count;
    struct analysis_exec exec; /* of all */
    struct analysis_histogram sched;
};

struct analysis_reason {
    uint32_t reason;
    struct analysis_histogram lengths;
};

struct analysis_pair {
    uint32_t stack, waker_stack, holder_stack, reason;
    uint32_t waker_name, holder_name, name; /* of the last */
    uint8_t kind;
    uint64_t count, n_open; /* n_open: of them, is_open */
    int64_t total_ns, max_ns;
    int64_t max_at_ns, max_g; /* of the longest */
};

struct analysis_waits {
    const struct trace *trace;
    const struct analysis_options *options;
    const struct analysis_window *window;
    struct map group_index;
    VEC(struct analysis_go_group) groups;
    VEC(struct analysis_reason) reasons;
    struct map reason_index;
    struct analysis_histogram sched, syscalls;
    uint64_t n_untold; /* times between runnable and running that the trace does not have */
    int8_t is_native;  /* 0: not looked at, -1: no */
    struct analysis_top longest_sched, longest_blocks, longest_syscalls;
    struct analysis_top longest_runs; /* from a wait to the next, but for the runtime's own */
    struct analysis_top longest_busy; /* blocked, but not ANALYSIS_WAIT_IDLE */
    struct map pair_index;            /* hash of the stacks */
    struct map kind_index;            /* stack << 32 | reason: kind */
    VEC(struct analysis_pair) pairs;
    bool failed;
};

void analysis_waits_init(struct analysis_waits *ws, const struct trace *trace,
                         const struct analysis_options *options,
                         const struct analysis_window *window);
void analysis_waits_release(struct analysis_waits *ws, struct analysis_parts *parts);

/* The group of a goroutine, by the name it has now; NULL: no memory. */
struct analysis_go_group *analysis_waits_group(struct analysis_waits *ws,
                                               struct analysis_goroutine *g);
/* It is over, or the trace is: count what it did. */
void analysis_waits_finish(struct analysis_waits *ws, struct analysis_parts *parts,
                           struct analysis_goroutine *g);

/* Whether the stay is a wait that counts by itself, and what it is; `waker`: the goroutine of
 * the event that ended it, or NULL.  What g waited for is kept with it. */
bool analysis_waits_make(struct analysis_waits *ws, struct analysis_goroutine *g,
                         const struct analysis_stay *stay, const struct trace_event *event,
                         const struct analysis_goroutine *waker, struct analysis_wait *out);
/* It is in another state: the time since it last waited may be over. */
void analysis_waits_run(struct analysis_waits *ws, struct analysis_goroutine *g, uint8_t to,
                        int64_t now_ns);
/* The trace ends, and it waits for a lock: that counts where locks are told, not as a length. */
void analysis_waits_add_open(struct analysis_waits *ws, struct analysis_goroutine *g,
                             int64_t now_ns);
void analysis_waits_add(struct analysis_waits *ws, struct analysis_goroutine *g,
                        const struct analysis_wait *wait);
void analysis_waits_end(struct analysis_waits *ws);

#endif
