/* table: what a program reads instead of a person: the nodes of top, tree and peek with
 * their values as numbers of the profile's unit.
 *
 *   struct table t;
 *   if (table_begin(&t, &report_topjson, REPORT_GRAPH_NODES, ctx, err))
 *       for (struct table_node n = {0}; table_next(&t, &n);) ...
 *   table_end(&t);
 *
 * Threads: one at a time each.  Signals: no. */
#ifndef SONDE_REPORT_TABLE_H
#define SONDE_REPORT_TABLE_H

#include "report/report_run.h"

struct table {
    struct report_run run;
    struct graph graph;
    struct report_trim trim;
};

/* Run the pipeline, make the graph, trimmed and sorted as the options say.  False and
 * *err, also where peek's regexp finds nothing; end it in any case. */
bool table_begin(struct table *t, const struct report_ops *ops, enum report_graph kind,
                 const struct report_ctx *ctx, struct err *err);
/* The second half of it: *t is zeroed, but for a run that has begun. */
bool table_build(struct table *t, enum report_graph kind, struct err *err);
void table_end(struct table *t);

/* How a node's frames were called, as far as its edges tell. */
enum table_inline { TABLE_CALLED, TABLE_INLINED, TABLE_PARTLY };

struct table_node {
    uint32_t next; /* place in graph.order of the one to come; 0 to begin with */
    uint32_t node;
    struct str name; /* as the text reports have it */
    int64_t flat, cum;
    int64_t sum; /* of flat so far, not divided */
    double flat_percent, sum_percent, cum_percent;
    enum table_inline inlined;
};

/* The next node that is to be shown into *n; false at the end. */
bool table_next(struct table *t, struct table_node *n);

struct table_edge {
    struct str name; /* of the other node */
    int64_t value;
    double percent; /* of the node's cum */
    bool is_inlined;
};

/* How a node is called, or calls; edges as graph_in_edges and graph_out_edges give them. */
struct table_edge table_edge(struct table *t, const struct table_node *n, uint32_t edge);

const char *table_inline_name(enum table_inline inlined); /* "", "inline", "partial-inline" */

#endif
