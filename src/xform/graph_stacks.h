/* graph_stacks: stacks as the nodes of a graph that are present in them.  A part of graph.h.
 *
 * What a location comes to is looked up once, so that going over a stack has no branch for
 * most of its frames: which of them are present cannot be foreseen.
 *
 * In: a graph and which of its nodes are present.  Out: words: a node, and the flags below.
 * Threads: a table may be read by many.  Signals: no. */
#ifndef SONDE_XFORM_GRAPH_STACKS_H
#define SONDE_XFORM_GRAPH_STACKS_H

#include "base/vec.h"
#include "xform/graph.h"

#define GRAPH_STACK_INLINED GRAPH_FRAME_INLINED
#define GRAPH_STACK_RESIDUAL 0x40000000u /* absent ones lie between it and the one before */
#define GRAPH_STACK_NODE 0x07ffffffu     /* the rest: the node */

struct graph_stack {
    VEC(uint32_t) words; /* outermost first */
};

struct graph_stack_table {
    const struct graph *g;
    uint32_t *locations;    /* [n_locations] */
    VEC(uint32_t) compound; /* those with several present frames: how many, and each */
};

/* Has a word room for all frames?  Of some 100 million it has. */
bool graph_stack_fits(const struct graph *g);

/* `present` [n_nodes]: not 0 for nodes that are there.  False when memory runs out; release it
 * in any case.  O(frames of locations). */
bool graph_stack_table_init(struct graph_stack_table *t, const struct graph *g,
                            const uint8_t *present);
void graph_stack_table_release(struct graph_stack_table *t);

/* Append the present nodes of a sample.  False when memory runs out. */
bool graph_stack_add(struct graph_stack *stack, const struct graph_stack_table *t,
                     const struct view_sample *s);
/* Append those of words[0 .. n), which are of a stack, that are present still. */
bool graph_stack_add_again(struct graph_stack *stack, const uint32_t *words, size_t n,
                           const uint8_t *present);

/* Release graph.kept. */
void graph_forget_stacks(struct graph *g);

#endif
