/* perf_feed: the records of perf events in the order of time, over the rings of all processors.
 * In: events.  Out: decoded records, each once.
 * Threads: one at a time; n_lost may be read by others.  Signals: no. */
#ifndef SONDE_COLLECT_PERF_FEED_H
#define SONDE_COLLECT_PERF_FEED_H

#include "base/vec.h"
#include "os/perf.h"

struct perf_feed_entry {
    uint64_t time_ns;
    size_t at; /* in the bytes */
};

/* Records taken from the rings and not yet handed on.  Begins zeroed. */
struct perf_feed {
    VEC(uint8_t) bytes;
    VEC(struct perf_feed_entry) entries;
    uint64_t n_lost; /* for want of memory; atomic */
};

void perf_feed_release(struct perf_feed *feed);

/* Empty the rings, and hand on what happened up to `limit_ns`: what is older can no longer be
 * missing.  Records are valid during the call. */
void perf_feed_round(struct perf_feed *feed, struct perf *events, uint64_t limit_ns,
                     void (*take)(void *arg, const struct perf_record *record), void *arg);

/* The limit while events go on: a record is in its ring a little after the time it tells. */
uint64_t perf_feed_settled_ns(void);

#endif
