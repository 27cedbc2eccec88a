/* simplex: integers as close to each other as distances between them allow, by the
 * network simplex method (Gansner, Koutsofios, North, Vo: "A Technique for Drawing
 * Directed Graphs", 1993).
 *
 * In: a connected graph without cycles whose edges ask for
 *     values[to] - values[from] >= length,
 * and values that satisfy all of them.  Out: values that still do, with the sum of
 * weight * (values[to] - values[from]) as small as possible.
 * Threads: any.  Signals: no. */
#ifndef SONDE_RENDER_SIMPLEX_H
#define SONDE_RENDER_SIMPLEX_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct simplex_edge {
    uint32_t from, to;
    int32_t length;
    int32_t weight; /* 0 and more */
};

/* With `center`, of values that are equally good those in the middle are taken.
 * The result is the same for the same input.  When `max_steps` are used up (a step
 * is a look at an edge or a node) the values are what is reached by then: good, not
 * the best.  False with ERR_NOMEM; the values are then what they were. */
bool simplex_solve(int32_t *values, uint32_t n_values, const struct simplex_edge *edges,
                   uint32_t n_edges, bool center, uint64_t max_steps, struct err *err);

#endif
