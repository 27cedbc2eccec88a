/* neighbours: which functions call some, and are called by them, directly.
 *
 * In: places of one profile, whose values add up, that a pivot has set on marked frames.  Out:
 * values by node.  A sample counts once for a caller, whatever it calls and how often: of one
 * marked node they are its edges (graph.h), of several no caller is counted twice.  Functions
 * that call themselves are not among their callers.
 * Units: the values of the chosen sample type; sums wrap around as those of the graph.
 * Threads: one at a time; uses several itself.  Signals: no. */
#ifndef SONDE_XFORM_NEIGHBOURS_H
#define SONDE_XFORM_NEIGHBOURS_H

#include "xform/places.h"

struct neighbours_row {
    uint32_t node;
    int64_t value;
};

struct neighbours_table {
    struct neighbours_row *rows; /* malloc'ed; the largest first */
    uint32_t n;
};

struct neighbours {
    struct neighbours_table marked;           /* those that occur; their cum */
    struct neighbours_table callers, callees; /* of any of them */
    int64_t flat, cum;                        /* of all of them, each sample once */
};

/* `marks` [n_nodes] are 0 or 1, those of places_pivot.  False with ERR_NOMEM; release it in any
 * case.  O(frames further in than the outermost marked one). */
bool neighbours_init(struct neighbours *n, const struct places *p, const uint8_t *marks,
                     struct err *err);
void neighbours_release(struct neighbours *n); /* also fine on a zeroed struct */

#endif
