/* timeline_lanes: what lies on lanes (of processors, of threads, of goroutines), told by sums of
 * stretches of events.  A lane changes its state from time to time; of each stretch in which
 * it does there is one sum: when the first and the last change were, how much of the time
 * between was spent how, and what came after.  So of long boxes the real ends are known, and of
 * many short ones what they add up to.  When the sums get more than they may, stretches are
 * joined two and two.
 *
 * In: changes in the order of time.  Out: the state at a stretch's begin; segments of a range.
 * Memory: 36 bytes a lane and stretch in which it changes.
 * Units: times in ns since the first event; stretches are numbered, a chunk has
 * TIMELINE_STRETCHES.
 * Threads: one adds; after the seal any number may ask.  Signals: no. */
#ifndef SONDE_TIMELINE_TIMELINE_LANES_H
#define SONDE_TIMELINE_TIMELINE_LANES_H

#include "base/vec.h"
#include "timeline/timeline_view.h"

#define TIMELINE_STRETCH_EVENTS 4096
#define TIMELINE_STRETCHES 16                      /* a chunk */
#define TIMELINE_STRETCH_MAX_NS ((int64_t)1 << 35) /* 16 of them fit 40 bits */
#define TIMELINE_NO_LANE UINT32_MAX

/* What a lane has from a moment on.  `what`: of waiting, running and runnable goroutines the
 * reason (string), of system calls the stack, of regions the name (string).  `g`: on
 * processors and threads the goroutine, of regions the task's number, TIMELINE_NONE. */
struct timeline_state {
    int64_t since_ns;
    uint32_t what, g;
    uint8_t kind; /* enum timeline_kind: RUNNING RUNNABLE WAITING SYSCALL GC_WORK ASSIST SWEEP STW
                     REGION ABSENT */
};

enum { TIMELINE_SPENT_RUNNING, TIMELINE_SPENT_OTHER, TIMELINE_SPENT_SYSCALL, TIMELINE_N_SPENT };

/* A part of a lane in time: one box, or what lies between two changes of a stretch. */
struct timeline_segment {
    int64_t start_ns, end_ns;
    struct timeline_state state;        /* of a mixture: what most of it is */
    uint32_t n;                         /* boxes of a mixture; 0: it is one */
    int64_t spent_ns[TIMELINE_N_SPENT]; /* of a mixture: running, runnable (on processors and
                                           threads the collector's work), in system calls */
    int64_t rest_ns;                    /* of a mixture: waiting, or nothing */
};

struct timeline_sum {
    uint32_t stretch;     /* joined ones have the number of the first */
    uint32_t first, last; /* changes: ns after the stretch's begin, low bits */
    uint32_t what, g;     /* the state after the last change */
    uint32_t most;        /* what the longest between is of: goroutine, reason, name */
    uint16_t n;           /* boxes between; UINT16_MAX: many */
    uint8_t first_high, last_high;
    uint8_t kind, most_kind;
    uint8_t spent[TIMELINE_N_SPENT]; /* between, of 255 */
};
struct timeline_live;

struct timeline_lanes {
    uint32_t n;
    unsigned shift; /* at most 4: stretches are joined 2^shift at a time */
    size_t n_sums;  /* sealed */
    struct timeline_sum *sums;
    uint32_t *begins;          /* of each lane, and the end */
    const int64_t *stretch_ns; /* begins of stretches, borrowed */
    uint32_t n_stretches;
    uint8_t *initial; /* kind of each lane's state before its first change */
    /* While changes are added. */
    struct timeline_live *live;
    size_t live_cap;
    VEC(struct timeline_sum) adding;
    VEC(uint32_t) lane_of; /* of those */
    VEC(uint32_t) touched;
    size_t most; /* sums that there may be, if joining can do it */
    bool failed;
};

void timeline_lanes_release(struct timeline_lanes *lanes);

/* A new lane, in this state since 0; TIMELINE_NO_LANE: no memory. */
uint32_t timeline_lanes_new(struct timeline_lanes *lanes, struct timeline_state initial);
/* What a lane had before its first change, which is yet to come. */
void timeline_lanes_set_initial(struct timeline_lanes *lanes, uint32_t lane, uint8_t kind);
const struct timeline_state *timeline_lanes_now(const struct timeline_lanes *lanes, uint32_t lane);
void timeline_lanes_change(struct timeline_lanes *lanes, uint32_t lane, int64_t since_ns,
                           uint8_t kind, uint32_t what, uint32_t g);
/* The stretch with this number ends, the next one begins; with it a chunk, perhaps.
 * stretch_ns: begins of stretches up to this one. */
void timeline_lanes_end_stretch(struct timeline_lanes *lanes, uint32_t stretch,
                                const int64_t *stretch_ns, bool chunk_ends);
/* stretch_ns: begins of all stretches, n of them, and the end of the trace; it is borrowed. */
bool timeline_lanes_seal(struct timeline_lanes *lanes, const int64_t *stretch_ns,
                         uint32_t n_stretches);
size_t timeline_lanes_bytes(const struct timeline_lanes *lanes);

/* The state in front of all that happens in a stretch, which must be a chunk's first. */
struct timeline_state timeline_lanes_before(const struct timeline_lanes *lanes, uint32_t lane,
                                            uint32_t stretch);
/* When it next changes in or behind such a stretch; INT64_MAX: never. */
int64_t timeline_lanes_next(const struct timeline_lanes *lanes, uint32_t lane, uint32_t stretch);

/* The segments that overlap [start, end), in order, from the sums.  ABSENT ones are left out. */
void timeline_lanes_segments(const struct timeline_lanes *lanes, uint32_t lane, int64_t start_ns,
                             int64_t end_ns,
                             void (*segment)(void *arg, const struct timeline_segment *segment),
                             void *arg);

#endif
