/* graph_tree: the graph as a call tree, where a function that is called from two
 * others is two nodes.  A part of graph.h.
 * Threads: one graph each.  Signals: no. */
#ifndef SONDE_XFORM_GRAPH_TREE_H
#define SONDE_XFORM_GRAPH_TREE_H

#include "xform/graph.h"

/* Replace the nodes, which tell what a frame is, by those of the tree, with their
 * values; fills graph.parent and graph.leaf.  False when memory runs out.
 * O(frames). */
bool graph_tree_build(struct graph *g);

/* The edges from each node that was not left out to the next above it that was not.
 * False when memory runs out.  O(nodes). */
bool graph_tree_edges(struct graph *g);

#endif
