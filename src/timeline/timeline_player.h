/* timeline_player: a generation's threads, each at its next event in the file, and which is
 * foreseen to come next.  Adding events and making them again both go by it, so that they agree.
 *
 * In: a generation (trace_mark.h), the file's bytes, where its threads are.  Out: events.
 * Units: times in ns on the clock of the trace.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_TIMELINE_TIMELINE_PLAYER_H
#define SONDE_TIMELINE_TIMELINE_PLAYER_H

#include "base/map.h"
#include "trace/trace_event.h"
#include "trace/trace_mark.h"

#define TIMELINE_STEP_MAX 3 /* events that one of the wire becomes */

struct timeline_cursor {
    int64_t time_ns;                /* of its next event */
    const uint8_t *begin, *p, *end; /* of that event, behind it, of its batch */
    int64_t begin_ns, last_ns;      /* what the time of it, of the next after it, counts from */
    uint64_t args[GOTRACE_ARGS_MAX];
    int64_t m, g;
    int32_t proc;
    uint32_t batch;
    uint8_t type;
    bool is_there, is_aside;
};

struct timeline_player {
    const struct trace_mark_generation *generation;
    const uint8_t *data;
    size_t n_data;
    struct timeline_cursor *cursors;
    uint32_t *heap; /* cursors that are not aside, the earliest first */
    uint32_t n, n_heap, cap;
    struct map cursor_of; /* by thread */
    int64_t last_ns;      /* of the event before */
};

void timeline_player_release(struct timeline_player *player);
/* All threads of a generation at their beginnings, with no context; the heap is not made.
 * False: no memory. */
bool timeline_player_begin(struct timeline_player *player,
                           const struct trace_mark_generation *generation, const uint8_t *data,
                           size_t n_data);
/* Go on from there; batch UINT32_MAX: it has no more. */
void timeline_player_at(struct timeline_player *player, uint32_t cursor, uint32_t batch,
                        uint32_t at, int64_t last_ns);
void timeline_player_heap(struct timeline_player *player); /* make it, when all are set */

/* The thread's cursor; MAP_NONE: it has none. */
static inline uint32_t timeline_player_of(const struct timeline_player *player, int64_t m)
{
    return map_get(&player->cursor_of, (uint64_t)m);
}
/* What the cursor's next event is foreseen to become: how many, at most TIMELINE_STEP_MAX. */
unsigned timeline_player_foresee(const struct timeline_player *player, uint32_t cursor,
                                 struct trace_event *out);
/* The cursor to its next event; it is in the heap afterwards, if it has one. */
void timeline_player_step(struct timeline_player *player, uint32_t cursor);
/* The first of the heap out of it. */
void timeline_player_aside(struct timeline_player *player);
/* An event has been: what its thread does now.  `cursor`: that it is of. */
void timeline_player_apply(struct timeline_player *player, uint32_t cursor,
                           const struct trace_event *event);

#endif
