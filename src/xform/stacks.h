/* stacks: samples with equal stacks, added up: what is exchanged with other tools.
 *
 * In: a graph (which says what a frame is: function, file, line).  Out: the stacks
 * in the order in which the profile has them first.
 * Units: the values of the chosen sample type; sums stop at the ends of int64.
 * Threads: one each.  Signals: no. */
#ifndef SONDE_XFORM_STACKS_H
#define SONDE_XFORM_STACKS_H

#include "base/vec.h"
#include "xform/graph.h"

struct stacks_item {
    int64_t value;   /* never 0; of a view of means the mean */
    int64_t divisor; /* what it was divided by, else 0 */
    uint32_t sample; /* of graph.view.samples: one that has this stack */
};

struct stacks {
    struct stacks_item *items; /* malloc'ed */
    uint32_t n;
};

/* Frames that differ only in being inlined are equal; stacks without frames and
 * those that come to 0 are left out.  False with ERR_NOMEM; release it in any case.
 * O(frames). */
bool stacks_init(struct stacks *stacks, const struct graph *g, struct err *err);
void stacks_release(struct stacks *stacks); /* also fine on a zeroed struct */

/* The frames of a stack, a base/vec.h; zero it to begin with. */
struct stacks_frames {
    uint32_t *items; /* graph nodes, with GRAPH_FRAME_INLINED */
    size_t n, cap;
};

/* The frames of a sample, outermost first, in place of what was there.  False when
 * memory runs out. */
bool stacks_load(struct stacks_frames *frames, const struct graph *g, uint32_t sample);

#endif
