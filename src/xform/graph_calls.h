/* graph_calls: who calls whom in a graph that nothing was left out of, caller by caller.
 *
 * Edges (graph.h) can be looked at from both ends, and there is a table of them while they are
 * made.  By addresses there can be nearly as many as there are frames; a report that goes over the
 * callers once needs neither.  Here a call is noted where its caller's are, once for each run of
 * samples that make it, and calls are added up when they are asked for.
 *
 * In: a graph.  Out: for each node its calls, as the edges out of it would be.
 * Threads: one at a time; it uses several itself.  Signals: no. */
#ifndef SONDE_XFORM_GRAPH_CALLS_H
#define SONDE_XFORM_GRAPH_CALLS_H

#include "base/vec.h"
#include "xform/graph.h"

/* What a caller calls in some of the samples. */
struct graph_call {
    int64_t weight;
    uint32_t callee;
};

struct graph_callee {
    int64_t weight;
    uint64_t address; /* of the callee */
    uint32_t node;
};

struct graph_calls {
    struct graph *g;          /* borrowed */
    size_t *first;            /* calls of node i: calls[first[i] .. first[i + 1]) */
    struct graph_call *calls; /* malloc'ed */
    /* Scratch of graph_calls_of.  at: [n_nodes] by callee, where it is in the list, if it is. */
    uint32_t *at;
    VEC(struct graph_callee) list;
};

/* False with ERR_NOMEM; release it in any case.  O(frames). */
bool graph_calls_init(struct graph_calls *c, struct graph *g, struct err *err);
void graph_calls_release(struct graph_calls *c); /* also fine on a zeroed struct */

/* The callees of a node, the largest weights first, then by their labels.  *callees is valid until
 * the next call.  False with ERR_NOMEM. */
bool graph_calls_of(struct graph_calls *c, uint32_t node, const struct graph_callee **callees,
                    uint32_t *n, struct err *err);

/* Ask for the memory that graph_calls_of(node) will need: first this, a little later that. */
static inline void graph_calls_prefetch(const struct graph_calls *c, uint32_t node)
{
    __builtin_prefetch(&c->calls[c->first[node]]);
}
static inline void graph_calls_prefetch_callees(const struct graph_calls *c, uint32_t node)
{
    for (size_t i = c->first[node]; i < c->first[node + 1]; i++)
        __builtin_prefetch(&c->g->nodes[c->calls[i].callee]);
}

#endif
