/* trace_v1_order: in which order the events of all processors happened (Go 1.5 to 1.21).
 *
 * The events of one processor are in order.  Of the first ones of all, those can be next for
 * which all that they need has happened: goroutines have numbered states (a start needs the
 * third unblock, say).  Of these the earliest is taken.  So the order is right even if the
 * clocks of processors differ.  In what is left of a broken trace much may wait for what is
 * missing: there the times are believed.  The order is kept as two bytes an event, its processor;
 * the events themselves are read again when they are converted. Source:
 * internal/trace/internal/tracev1 of Go 1.27 (order.go, parser.go).
 *
 * In: a file that was scanned.  Out: its events in order.  Units: times in ticks.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_V1_ORDER_H
#define SONDE_TRACE_TRACE_V1_ORDER_H

#include "trace/trace_v1_file.h"

/* The end of a system call that was written later than it was. */
struct trace_v1_moved {
    int64_t ticks;
    uint32_t goroutine; /* index */
    uint32_t place;     /* among them, as they were written */
};

struct trace_v1_stream { /* the events of one processor; of none: samples, exits */
    struct trace_v1_cursor cursor;
    struct trace_v1_event event; /* the first that was not taken, if it has one */
    bool has_event;
    uint64_t last_g; /* whose index was asked for last */
    uint32_t last_index;
};

struct trace_v1_order {
    const struct trace_v1_file *file;
    struct trace_ids goroutines; /* id -> index; 0 is that of no goroutine */
    VEC(uint64_t) ids;           /* of a goroutine */
    uint32_t n_goroutines;       /* with an index, once the order is known */
    uint16_t *order;             /* streams; the flag: a system call that blocks */
    uint64_t n, next;
    VEC(struct trace_v1_moved) moved; /* by time */
    size_t next_moved;
    struct trace_v1_stream *streams; /* [processors + 2] */
    uint32_t n_streams;
    size_t next_sample, next_exit;
    struct err broken; /* ERR_NONE: the order is whole */
};

/* Find the order; *order is zeroed, the file outlives it.  Where there is none any more
 * (order->broken) it ends.  False and *err: no memory.  O(events log processors). */
bool trace_v1_order_make(struct trace_v1_order *order, const struct trace_v1_file *file,
                         struct err *err);
void trace_v1_order_release(struct trace_v1_order *order); /* also fine on a zeroed struct */

struct trace_v1_next {
    const struct trace_v1_event *event; /* until the next call */
    uint32_t goroutine;                 /* index of event->g */
    uint32_t target;                    /* index of args[0], if that is a goroutine */
    uint32_t proc;                      /* index of file->procs, or behind its end */
    bool blocks;                        /* a system call: its goroutine is blocked by it */
};
/* The next event in order; types with Local are those without.  False at the end. */
bool trace_v1_order_next(struct trace_v1_order *order, struct trace_v1_next *next);

#endif
