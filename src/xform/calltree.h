/* calltree: samples merged by their stacks, from the outermost frame down, as a
 * flame graph draws them.
 *
 * In: a graph (which says what a frame is: function, file, line).  Out: a tree,
 * children of a node side by side, largest first.
 * Units: the absolute values of the chosen sample type; sums stop at INT64_MAX.
 * Threads: one tree each.  Signals: no. */
#ifndef SONDE_XFORM_CALLTREE_H
#define SONDE_XFORM_CALLTREE_H

#include "xform/graph.h"

struct calltree_node {
    uint32_t frame;  /* graph node; GRAPH_NONE for the root */
    uint32_t parent; /* index; of the root, 0 */
    uint32_t first_child, n_children;
    uint32_t depth; /* of the root, 0 */
    uint32_t n_cut; /* children left out since they are too small */
    int64_t self, cum;
    int64_t cut;     /* the sum of those */
    bool is_inlined; /* in all its samples */
};

struct calltree {
    struct calltree_node *nodes; /* malloc'ed; [0] is the root, children come after parents */
    uint32_t n_nodes;
    uint32_t max_depth;
    uint64_t n_cut;  /* left out in all, those below them not counted */
    int64_t cut;     /* the sum of those */
    int64_t min_cum; /* that was applied in the end */
    bool has_negative;
};

/* Leave out nodes whose cum is less than min_cum (1 = none but zeros), and as
 * many more of the smallest as it takes to have at most max_nodes.  False with
 * ERR_NOMEM; release it in any case.
 * O(frames of samples, as far down as their nodes are kept). */
bool calltree_build(struct calltree *t, const struct graph *g, int64_t min_cum, uint32_t max_nodes,
                    struct err *err);
void calltree_release(struct calltree *t); /* also fine on a zeroed struct */

#endif
