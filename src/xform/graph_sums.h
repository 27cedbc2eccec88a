/* graph_sums: the values of a graph's nodes, for graphs that are made later of the same view: to
 * add up the samples is most of the work.
 * Ownership: malloc'ed, the caller's.  Threads: never changed, so any number of readers.
 * Signals: no. */
#ifndef SONDE_XFORM_GRAPH_SUMS_H
#define SONDE_XFORM_GRAPH_SUMS_H

#include "xform/graph.h"

struct graph_sums;

/* Those of a graph that was made with these options and is no tree, whatever was left out of it
 * since then.  NULL when memory runs out. */
struct graph_sums *graph_sums_new(const struct graph *g, const struct graph_options *options);
void graph_sums_free(struct graph_sums *sums); /* NULL is fine */
size_t graph_sums_bytes(const struct graph_sums *sums);

/* Does a graph with these options, of the view of the first one, have the same nodes and values? */
bool graph_sums_fit(const struct graph_sums *sums, const struct graph_options *options);

/* Give the nodes of such a graph their values. */
void graph_sums_put(const struct graph_sums *sums, struct graph *g);

#endif
