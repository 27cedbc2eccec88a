/* trace_v2_ids: the ids that a generation gives to its strings or stacks, and what numbers these
 * have in struct trace.  Ids are small as a rule and index an array; large ones are hashed, so
 * that a hostile id costs no more than its own entry.
 * Threads: one at a time; concurrent gets are fine.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_V2_IDS_H
#define SONDE_TRACE_TRACE_V2_IDS_H

#include "base/map.h"

#define TRACE_V2_NO_ID UINT32_MAX

struct trace_v2_ids {
    uint32_t *dense; /* id -> number, or TRACE_V2_NO_ID */
    size_t n_dense;
    struct map sparse;
    size_t n;
};

void trace_v2_ids_clear(struct trace_v2_ids *ids); /* keeps the memory */
void trace_v2_ids_release(struct trace_v2_ids *ids);
/* False: no memory.  The id must not be there. */
bool trace_v2_ids_add(struct trace_v2_ids *ids, uint64_t id, uint32_t number);

/* TRACE_V2_NO_ID: not there.  Id 0 is always there and has number 0. */
static inline uint32_t trace_v2_ids_get(const struct trace_v2_ids *ids, uint64_t id)
{
    if (id < ids->n_dense && ids->dense[id] != TRACE_V2_NO_ID)
        return ids->dense[id];
    if (id == 0)
        return 0;
    return ids->sparse.n ? map_get(&ids->sparse, id) : TRACE_V2_NO_ID;
}

#endif
