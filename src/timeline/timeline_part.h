/* timeline_part: the events of a part of a trace, for analyses: what they tell of that time is what
 * they tell of it when they are handed the whole trace.
 *
 * In: a sealed timeline.  Out: events in order, a block at a time: first those before the part that
 * still matter at its begin (timeline_past.h), then all of some time before it and of the part.
 * Units: ns since the first event.  Threads: any number at once.  Signals: no. */
#ifndef SONDE_TIMELINE_TIMELINE_PART_H
#define SONDE_TIMELINE_TIMELINE_PART_H

#include "timeline/timeline.h"

struct timeline_part {
    int64_t start_ns, end_ns;
    /* So many events at the end and later are handed out as well, and of those behind them the ones
     * of trace_event_is_first_status. */
    size_t n_behind;
    /* Behind those, of goroutines of which it is told only later what they start with, an event
     * that tells it.  Not for profiles, which count up to the end. */
    bool tells_names;
};

/* `events` returns false to end it.  False and *err: no memory.
 * The events from the part's begin on cost some 15 ns each, and so do a million before it at the
 * most, of traces that are like those of real programs. */
bool timeline_part(const struct timeline *timeline, const struct timeline_part *part,
                   bool (*events)(void *arg, const struct trace_event *events, size_t n), void *arg,
                   struct err *err);

#endif
