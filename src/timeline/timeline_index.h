/* timeline_index: what is behind struct timeline, for the files of this folder.
 * Units: times in ns since the first event, but for events' own.
 * Threads: timeline.h.  Signals: no. */
#ifndef SONDE_TIMELINE_TIMELINE_INDEX_H
#define SONDE_TIMELINE_TIMELINE_INDEX_H

#include "base/map.h"
#include "timeline/timeline_lanes.h"
#include "timeline/timeline_machine.h"
#include "timeline/timeline_past.h"
#include "timeline/timeline_store.h"

#include <pthread.h>

struct timeline_go {
    int64_t id;
    int64_t seen_ns; /* first event that tells what it does */
    int64_t end_ns;  /* -1: after the trace */
    uint32_t parent, create_stack;
    uint32_t start_frame; /* UINT32_MAX: not known */
    uint32_t lane;        /* of its states; others follow by timeline_lane_of.next */
    uint32_t name_stack;  /* the first of a change that tells its start function; 0: none */
    uint8_t initial;      /* kind of state that it had before it was seen; ABSENT: created */
    uint8_t held;         /* while adding: HELD_ bits */
    uint16_t depth;       /* while adding: regions that are open */
    bool is_collector;    /* works for the garbage collector */
    bool is_background;   /* of the runtime, and mostly idle */
    bool is_listed;       /* while adding: in the list of those that may hold something */
};

/* Of lanes of goroutines. */
enum { TIMELINE_LANE_STATES, TIMELINE_LANE_WITHIN, TIMELINE_LANE_REGIONS /* + depth */ };
#define TIMELINE_REGION_LANES 32 /* deeper ones are not shown */
struct timeline_lane_of {
    uint32_t goroutine;
    uint32_t next; /* of the same goroutine; TIMELINE_NO_LANE */
    uint8_t number;
};

#define TIMELINE_EXACT_EVENTS 1000000

enum timeline_count {
    TIMELINE_COUNT_WAKES,
    TIMELINE_COUNT_CREATES,
    TIMELINE_COUNT_SWITCHES,
    TIMELINE_COUNT_SYSCALLS,
    TIMELINE_COUNT_ENDED,
    TIMELINE_COUNT_SAMPLES,
    TIMELINE_COUNT_PAUSES,
    TIMELINE_COUNT_EVENTS,
    TIMELINE_N_COUNTS
};

/* Sums of a stretch of events. */
struct timeline_stretch {
    int64_t most[2], least[2]; /* heap, goal; -1: not known */
    int32_t n_most[TIMELINE_N_SERIES - 2], n_least[TIMELINE_N_SERIES - 2];
    uint16_t counts[TIMELINE_N_COUNTS];
};

/* Where a chunk begins. */
struct timeline_chunk_begin {
    int64_t series[TIMELINE_N_SERIES];
    uint32_t first_held;
};
struct timeline_held {
    uint32_t goroutine;
    uint8_t bits;
};

struct timeline_task_lane {
    uint32_t task, lane; /* a lane of a goroutine that has regions of the task */
};

struct timeline {
    const struct trace *trace;
    struct timeline_store store;
    struct timeline_past past;
    int64_t first_ns;  /* on the trace's clock */
    int64_t last_ns;   /* since it */
    int64_t status_ns; /* the last event of trace_event_is_first_status */
    bool has_first, failed, is_sealed;
    /* Of a stretch: TIMELINE_STRETCH_EVENTS; as many may be made again for one answer:
     * TIMELINE_EXACT_EVENTS.  Of a tile: TIMELINE_TILE_ITEMS.  Tests make them few. */
    uint32_t stretch_events;
    uint64_t exact_events;
    size_t tile_items;

    struct timeline_lanes lanes[TIMELINE_N_CLASSES];
    VEC(struct timeline_lane_of) lane_of; /* of lanes of goroutines */
    VEC(struct timeline_go) goes;
    struct map go_of;
    VEC(int32_t) procs; /* ids by place */
    VEC(int64_t) threads;
    struct map proc_of, thread_of;
    int32_t *sorted_procs;
    VEC(struct timeline_task) tasks;
    struct map task_of;
    VEC(struct timeline_task_lane) task_lanes; /* by task, once sealed */
    struct map task_lane_of;
    VEC(struct timeline_span) cycles, pauses;

    VEC(int64_t) stretch_ns; /* begins; TIMELINE_STRETCHES a chunk, and the end */
    VEC(struct timeline_stretch) stretches;
    VEC(struct timeline_chunk_begin) chunks;
    VEC(struct timeline_held) held;
    int64_t series_max[TIMELINE_N_SERIES];
    uint64_t totals[TIMELINE_N_COUNTS];
    uint64_t n_regions, n_logs;

    struct timeline_building *building;
    struct timeline_cache *cache;
};

/* Numbers of ids; TIMELINE_NONE: not there. */
static inline uint32_t timeline_go_of(const struct timeline *tl, int64_t id)
{
    return map_get(&tl->go_of, (uint64_t)id);
}

/* The lane of a goroutine with this number; TIMELINE_NO_LANE: it has none. */
static inline uint32_t timeline_lane_numbered(const struct timeline *tl, uint32_t go,
                                              unsigned number)
{
    uint32_t lane = tl->goes.items[go].lane;
    while (lane != TIMELINE_NO_LANE && tl->lane_of.items[lane].number != number)
        lane = tl->lane_of.items[lane].next;
    return lane;
}

/* The chunk in which a time lies; the first or last for what is outside. */
size_t timeline_chunk_at(const struct timeline *tl, int64_t ns);
/* Events in chunks from..to. */
uint64_t timeline_n_events(const struct timeline *tl, size_t from, size_t to);

/* The place in task_lanes where the task's begin. */
size_t timeline_task_lane(const struct timeline *tl, uint32_t task);

/* What a state is called and what kind it is to the user (TIMELINE_SYNC and so on). */
uint8_t timeline_kind_of(const struct timeline *tl, const struct timeline_state *state,
                         uint32_t goroutine);
const char *timeline_name_of(const struct timeline *tl, const struct timeline_state *state,
                             uint32_t goroutine);
const char *timeline_stack_name(const struct timeline *tl, uint32_t stack);

#endif
