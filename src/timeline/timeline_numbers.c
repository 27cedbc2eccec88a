#include "timeline/timeline_numbers.h"

#include <string.h>

static const struct timeline_state absent = {.g = TIMELINE_NONE, .kind = TIMELINE_ABSENT};

void timeline_numbers_init(struct timeline_numbers *n, struct timeline *tl)
{
    memset(n, 0xff, sizeof *n);
    n->tl = tl;
}

uint32_t timeline_number_lane(struct timeline *tl, uint32_t go, uint8_t number)
{
    struct timeline_lane_of of = {go, TIMELINE_NO_LANE, number};
    uint32_t lane = timeline_lanes_new(&tl->lanes[TIMELINE_CLASS_GO], absent);
    if (lane == TIMELINE_NO_LANE || !vec_push(&tl->lane_of, of)) {
        tl->failed = true;
        return TIMELINE_NO_LANE;
    }
    if (number) { /* at the end of the goroutine's */
        uint32_t last = tl->goes.items[go].lane;
        while (tl->lane_of.items[last].next != TIMELINE_NO_LANE)
            last = tl->lane_of.items[last].next;
        tl->lane_of.items[last].next = lane;
    }
    return lane;
}

static uint32_t add_go(struct timeline *tl, int64_t id, int64_t now_ns)
{
    uint32_t number = (uint32_t)tl->goes.n;
    struct timeline_go go = {.id = id,
                             .seen_ns = now_ns,
                             .end_ns = -1,
                             .parent = TIMELINE_NONE,
                             .start_frame = UINT32_MAX,
                             .initial = TIMELINE_ABSENT};
    if (number >= UINT32_MAX - 1 || !vec_push(&tl->goes, go) ||
        !map_put(&tl->go_of, (uint64_t)id, number)) {
        tl->failed = true;
        return TIMELINE_NONE;
    }
    /* Lanes that cannot be made are 0, which is there or nothing is asked. */
    uint32_t lane = timeline_number_lane(tl, number, TIMELINE_LANE_STATES);
    tl->goes.items[number].lane = lane == TIMELINE_NO_LANE ? 0 : lane;
    return number;
}

uint32_t timeline_number_go_slow(struct timeline_numbers *n, int64_t id, bool make, int64_t now_ns)
{
    uint32_t number = map_get(&n->tl->go_of, (uint64_t)id);
    if (number == MAP_NONE && make)
        number = add_go(n->tl, id, now_ns);
    n->goes[(uint64_t)id % (sizeof n->goes / sizeof *n->goes)] =
        (struct timeline_recent){id, number};
    return number;
}

uint32_t timeline_number_proc(struct timeline_numbers *n, int32_t id)
{
    struct timeline *tl = n->tl;
    if ((uint32_t)id < 64 && n->procs[id] != TIMELINE_NONE)
        return n->procs[id];
    uint32_t number = map_get(&tl->proc_of, (uint64_t)(uint32_t)id);
    if (number == MAP_NONE) {
        struct timeline_lanes *lanes = &tl->lanes[TIMELINE_CLASS_PROC];
        number = (uint32_t)tl->procs.n;
        if (timeline_lanes_new(lanes, absent) == TIMELINE_NO_LANE ||
            timeline_lanes_new(lanes, absent) == TIMELINE_NO_LANE || !vec_push(&tl->procs, id) ||
            !map_put(&tl->proc_of, (uint64_t)(uint32_t)id, number)) {
            tl->failed = true;
            return TIMELINE_NONE;
        }
    }
    if ((uint32_t)id < 64)
        n->procs[id] = number;
    return number;
}

uint32_t timeline_number_thread(struct timeline_numbers *n, int64_t id)
{
    struct timeline *tl = n->tl;
    struct timeline_recent *recent = &n->threads[(uint64_t)id % 64];
    if (recent->id == id && recent->number != TIMELINE_NONE)
        return recent->number;
    uint32_t number = map_get(&tl->thread_of, (uint64_t)id);
    if (number == MAP_NONE) {
        number = (uint32_t)tl->threads.n;
        if (timeline_lanes_new(&tl->lanes[TIMELINE_CLASS_THREAD], absent) == TIMELINE_NO_LANE ||
            !vec_push(&tl->threads, id) || !map_put(&tl->thread_of, (uint64_t)id, number)) {
            tl->failed = true;
            return TIMELINE_NONE;
        }
    }
    *recent = (struct timeline_recent){id, number};
    return number;
}

uint32_t timeline_number_task(struct timeline *tl, uint64_t id)
{
    if (id == TRACE_BACKGROUND_TASK || id == TRACE_NO_TASK)
        return TIMELINE_NONE;
    uint32_t new = (uint32_t)tl->tasks.n, number = map_get_or_put(&tl->task_of, id, new);
    struct timeline_task task = {
        .id = id, .begin_ns = -1, .end_ns = -1, .goroutine = TIMELINE_NONE};
    if (number == MAP_NONE || (number == new && !vec_push(&tl->tasks, task))) {
        tl->failed = true;
        return TIMELINE_NONE;
    }
    return number;
}
