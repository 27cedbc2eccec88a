/* fibers: the fibers (coroutines) that a program has told of (sonde/sonde.h): of those that
 * are parked, where they go on.
 * Memory: of the most there were at a time, never given back.
 * Threads: any.  Signals: no. */
#ifndef SONDE_AGENT_FIBERS_H
#define SONDE_AGENT_FIBERS_H

#include "agent/peer.h"

#define FIBERS_NAME_BYTES 64

struct sonde_labels;

/* A parked fiber. */
struct fibers_parked {
    struct peer *peer; /* where it goes on, and whether it has not since */
    const char *name;
    const struct sonde_labels *labels;
    uint32_t id; /* from 1 */
};

/* Calls fn for each that is parked, until it has returned true for it or the fiber goes on.
 * `peer` is room for one. */
void fibers_each(struct peer *peer, bool (*fn)(const struct fibers_parked *fiber));

#endif
