/* timeline_cache: what lanes do in chunks, made from the events again when it is first asked for
 * and kept while there is room.
 *
 * In: a sealed timeline.  Out: changes of a chunk, by lane.
 * Memory: TIMELINE_CACHE_BYTES, and what is in use.
 * Units: times in ns since the first event.
 * Threads: any number; who asks for what another is making waits for it.  Signals: no. */
#ifndef SONDE_TIMELINE_TIMELINE_CACHE_H
#define SONDE_TIMELINE_TIMELINE_CACHE_H

#include "timeline/timeline_machine.h"

#define TIMELINE_CACHE_BYTES ((size_t)96 << 20)

/* Kinds from here on are marks (enum timeline_mark_kind), which change nothing.  Of logs `what`
 * is the category and `g` the message (strings), of samples `what` the stack, of others `g` the
 * other goroutine. */
#define TIMELINE_MARK 32

/* The changes of a chunk, those of a lane together, in order. */
struct timeline_changes {
    uint32_t n, n_lanes;
    struct timeline_state *items;
    uint32_t *lanes;  /* ascending */
    uint32_t *begins; /* of each of those, and the end */
    /* The cache's. */
    struct timeline_changes *newer, *older;
    size_t chunk, n_bytes;
    enum timeline_class class;
    unsigned n_users;
    bool is_ready, is_good;
};

struct timeline_cache *timeline_cache_new(void); /* NULL: no memory */
void timeline_cache_free(struct timeline_cache *cache);

/* NULL: no memory.  Some ms when it is to be made.  Give it back. */
const struct timeline_changes *timeline_cache_get(const struct timeline *timeline, size_t chunk,
                                                  enum timeline_class class);
void timeline_cache_put(const struct timeline *timeline, const struct timeline_changes *changes);

/* The part of a lane; *n 0: it does not change there.  O(log lanes). */
const struct timeline_state *timeline_changes_of(const struct timeline_changes *changes,
                                                 uint32_t lane, uint32_t *n);

#endif
