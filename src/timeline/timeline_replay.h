/* timeline_replay: the changes of a chunk, from its events.  See timeline_cache.h, which keeps
 * them. Threads: any number.  Signals: no. */
#ifndef SONDE_TIMELINE_TIMELINE_REPLAY_H
#define SONDE_TIMELINE_TIMELINE_REPLAY_H

#include "timeline/timeline_cache.h"

/* Fill n, items, n_lanes, lanes, begins and n_bytes; false: no memory, and nothing is there.  Some
 * 30 ns an event. */
bool timeline_replay(const struct timeline *timeline, size_t chunk, enum timeline_class class,
                     struct timeline_changes *out);

#endif
