/* calltree: samples merged by their stacks, as a flame graph draws them: from the outermost
 * frame inwards, or from where samples stand (places.h), inwards or outwards.
 *
 * In: a graph (which says what a frame is: function, file, line), or places.  Out: a tree,
 * level by level, children of a node side by side, largest first.
 * Units: the absolute values of the chosen sample type; sums stop at INT64_MAX.
 * Threads: one tree each.  Signals: no. */
#ifndef SONDE_XFORM_CALLTREE_H
#define SONDE_XFORM_CALLTREE_H

#include "base/vec.h"
#include "xform/places.h"

struct calltree_node {
    uint32_t frame;  /* of places; of a single graph its node; GRAPH_NONE for a root without */
    uint32_t parent; /* index; of the root, 0 */
    uint32_t first_child, n_children;
    uint32_t depth; /* of the root, 0 */
    uint32_t n_cut; /* children left out since they are too small */
    int64_t self, cum;
    int64_t before;  /* of cum, what counts as before (places.h) */
    int64_t cut;     /* the sum of those left out */
    bool is_inlined; /* in all its samples */
};

struct calltree {
    struct calltree_node *nodes; /* malloc'ed; [0] is the root, children come after parents */
    uint32_t n_nodes;
    uint32_t max_depth;
    uint64_t n_cut;  /* left out in all, those below them not counted */
    int64_t cut;     /* the sum of those */
    int64_t min_cum; /* that was applied in the end; some that are equal may be left out */
    bool has_negative;
};

struct calltree_options {
    /* Leave out nodes whose cum is less (1 = none but zeros), and as many more of the
     * smallest as it takes, of equal ones the last, to have at most so many. */
    int64_t min_cum;
    uint32_t max_nodes;
    bool outwards;
    uint32_t root; /* the frame of the root, GRAPH_NONE: it has none */
    /* Samples stand before the frame `root` and are to go over it.  If not, `root_inlined`
     * says whether it is. */
    bool over_root, root_inlined;
};

/* The places are only read.  False with ERR_NOMEM; release the tree in any case.
 * O(frames of samples, as far as their nodes are kept). */
bool calltree_grow(struct calltree *t, const struct places *places,
                   const struct calltree_options *options, struct err *err);
/* All of a graph, inwards. */
bool calltree_build(struct calltree *t, struct graph *g, int64_t min_cum, uint32_t max_nodes,
                    struct err *err);
void calltree_release(struct calltree *t); /* also fine on a zeroed struct */

/* A box of a tree, and those above it. */
struct calltree_path {
    VEC(uint32_t) frames; /* outermost first; the last one is the box */
    bool is_inlined;      /* it is, in all its samples */
};

/* Go down to a box: "2.0.1", the second child of the first child of the third child, in
 * the order of the tree when nothing is left out.  Only its samples are left, each inside
 * its frame.  `root` as in calltree_options, with over_root.  False with ERR_USAGE when it
 * is no path, or there is no such box, or ERR_NOMEM; release the path in any case. */
bool calltree_zoom(struct places *places, uint32_t root, const char *text,
                   struct calltree_path *path, struct err *err);
void calltree_path_release(struct calltree_path *path); /* also fine on a zeroed struct */

#endif
