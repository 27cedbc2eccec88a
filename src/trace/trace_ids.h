/* trace_ids: the ids that a file gives to its strings, stacks or goroutines (of v2 each generation
 * anew), and the numbers that these have here.  Ids are small as a rule and index an array; large
 * ones are hashed, so that a hostile id costs no more than its own entry.
 * In, out: ids and numbers, O(1).
 * Threads: one at a time; concurrent gets are fine.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_IDS_H
#define SONDE_TRACE_TRACE_IDS_H

#include "base/map.h"

#define TRACE_NO_ID UINT32_MAX

struct trace_ids {
    uint32_t *dense; /* id -> number, or TRACE_NO_ID */
    size_t n_dense;
    struct map sparse;
    size_t n;
};

void trace_ids_clear(struct trace_ids *ids); /* keeps the memory */
void trace_ids_release(struct trace_ids *ids);
/* False: no memory.  The id must not be there. */
bool trace_ids_add(struct trace_ids *ids, uint64_t id, uint32_t number);

/* TRACE_NO_ID: not there.  Id 0 is always there and has number 0. */
static inline uint32_t trace_ids_get(const struct trace_ids *ids, uint64_t id)
{
    if (id < ids->n_dense && ids->dense[id] != TRACE_NO_ID)
        return ids->dense[id];
    if (id == 0)
        return 0;
    return ids->sparse.n ? map_get(&ids->sparse, id) : TRACE_NO_ID;
}

#endif
