/* timeline: what the page of a trace shows of a part of it, without reading the trace again.
 * An index is made in one pass over the events; then any part of the trace is answered from it
 * (timeline_view.h): wide parts from sums over stretches of events, narrow ones by making the
 * events of those chunks again.
 *
 * In: events in order.  Out: what timeline_view.h hands out.
 * Memory: the index, some percent of the trace's file (timeline_stats tells it), and a cache.
 * Units: times in ns since the first event, unless a name says otherwise.
 * Threads: one adds, until timeline_end; from then on any number may ask.  Signals: no. */
#ifndef SONDE_TIMELINE_TIMELINE_H
#define SONDE_TIMELINE_TIMELINE_H

#include "base/err.h"
#include "trace/trace_event.h"
#include "trace/trace_reader.h"

#define TIMELINE_NONE UINT32_MAX /* no goroutine */

struct timeline;

struct timeline *timeline_new(void);           /* NULL: no memory */
void timeline_free(struct timeline *timeline); /* NULL is fine; before the trace and the file go */

/* Open the trace that will be added.  NULL and *err as trace_reader_open.  The reader is
 * the caller's, who reads it to its end and hands each block to timeline_events (and to
 * whom else he likes); its trace must live as long as the timeline.  The file stays open. */
struct trace_reader *timeline_open(struct timeline *timeline, const char *path, struct err *err);
/* In place of it, for events that come from elsewhere: they are then all kept, packed. */
void timeline_open_events(struct timeline *timeline, const struct trace *trace);

/* The next events.  Failure (memory) is kept and told by timeline_end.  O(n). */
void timeline_events(struct timeline *timeline, const struct trace_event *events, size_t n);
/* All events have been there; false: no memory, and nothing may be asked. */
bool timeline_end(struct timeline *timeline, struct err *err);

/* What it knows of the whole trace; after timeline_end.  O(1). */
struct timeline_stats {
    int64_t first_ns;    /* the first event's time on the trace's clock */
    int64_t duration_ns; /* to the last event */
    uint64_t n_events, n_samples, n_regions, n_logs;
    uint64_t n_wakes, n_creates, n_switches;
    uint32_t n_goroutines, n_procs, n_threads, n_tasks, n_cycles, n_pauses;
    uint64_t index_bytes; /* memory of the index, without the cache */
};
struct timeline_stats timeline_stats(const struct timeline *timeline);

/* Goroutines, in the order of their first appearance: numbers from 0. */
struct timeline_goroutine {
    int64_t id;
    int64_t begin_ns, end_ns;  /* of being known; -1: before the trace, after it */
    int64_t first_ns, last_ns; /* where it has something to show */
    uint32_t parent;           /* number, or TIMELINE_NONE */
    uint32_t start_frame;      /* of its start function; UINT32_MAX: not known */
    uint32_t create_stack;     /* 0: not known */
    uint8_t lanes;             /* 0 states, then assists and sweeps if any, then regions */
};
struct timeline_goroutine timeline_goroutine(const struct timeline *timeline, uint32_t number);
uint32_t timeline_find_goroutine(const struct timeline *timeline, int64_t id); /* TIMELINE_NONE */
/* Its start function; "" not known.  Lives as long as the trace. */
const char *timeline_function(const struct timeline *timeline, uint32_t number);

/* Ids of processors, ascending: n_procs of them. */
const int32_t *timeline_procs(const struct timeline *timeline);

struct timeline_task {
    uint64_t id, parent;      /* 0: none */
    int64_t begin_ns, end_ns; /* -1: before the trace, after it */
    uint32_t name;            /* string */
    uint32_t goroutine;       /* that began it; TIMELINE_NONE */
    uint32_t n_regions, n_logs;
};
/* In the order in which they were first seen; number < n_tasks. */
const struct timeline_task *timeline_task(const struct timeline *timeline, uint32_t number);

#endif
