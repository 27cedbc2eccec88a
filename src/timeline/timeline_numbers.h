/* timeline_numbers: numbers of goroutines, processors, threads, tasks and lanes, counted from 0 as
 * they are seen first: the places of their rows in the tables of the index.  Those that were asked
 * for last are kept at hand.
 *
 * In: ids of a trace.  Out: rows of struct timeline.
 * Threads: one at a time.  Failure (memory) is sticky: timeline.failed. */
#ifndef SONDE_TIMELINE_NUMBERS_H
#define SONDE_TIMELINE_NUMBERS_H

#include "timeline/timeline_index.h"

struct timeline_recent {
    int64_t id;
    uint32_t number;
};

struct timeline_numbers {
    struct timeline *tl;
    struct timeline_recent goes[1024], threads[64];
    uint32_t procs[64];
};
void timeline_numbers_init(struct timeline_numbers *numbers, struct timeline *tl);

/* Another lane of a goroutine, behind those that it has.  TIMELINE_NO_LANE: no memory. */
uint32_t timeline_number_lane(struct timeline *tl, uint32_t go, uint8_t number);

/* The following are TIMELINE_NONE when there is no memory. */

/* Of a goroutine; if it is new and is to be made, it is seen at `now_ns`.  TIMELINE_NONE: it is
 * new and is not to be made. */
uint32_t timeline_number_go_slow(struct timeline_numbers *numbers, int64_t id, bool make,
                                 int64_t now_ns);
static inline uint32_t timeline_number_go(struct timeline_numbers *numbers, int64_t id, bool make,
                                          int64_t now_ns)
{
    size_t n = sizeof numbers->goes / sizeof *numbers->goes;
    const struct timeline_recent *recent = &numbers->goes[(uint64_t)id % n];
    return recent->id == id && recent->number != TIMELINE_NONE
               ? recent->number
               : timeline_number_go_slow(numbers, id, make, now_ns);
}
uint32_t timeline_number_proc(struct timeline_numbers *numbers, int32_t id);
uint32_t timeline_number_thread(struct timeline_numbers *numbers, int64_t id);
/* TIMELINE_NONE also for what is of no task. */
uint32_t timeline_number_task(struct timeline *tl, uint64_t id);

#endif
