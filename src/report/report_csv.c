/* topcsv, treecsv, peekcsv: the tables of top, tree and peek as comma-separated values.
 * Of tree and peek each row says which node it belongs to, and whether it is the node
 * itself or a caller or callee of it. */
#include "report/table.h"

#include "render/csv.h"

static void write_node(const struct table *t, const struct table_node *n, struct csv *c)
{
    csv_string(c, n->name);
    csv_int(c, n->flat);
    csv_decimal(c, n->flat_percent);
    csv_decimal(c, n->sum_percent);
    csv_int(c, n->cum);
    csv_decimal(c, n->cum_percent);
    csv_string(c, str_of(t->run.pipeline.unit));
    csv_string(c, str_of(table_inline_name(n->inlined)));
    csv_end_row(c);
}

/* The columns of write_node with the edge's value and share as cum and cum_percent. */
static void write_edges(struct table *t, const struct table_node *n, const uint32_t *edges,
                        uint32_t n_edges, struct str kind, struct csv *c)
{
    for (uint32_t i = 0; i < n_edges; i++) {
        struct table_edge e = table_edge(t, n, edges[i]);
        csv_string(c, n->name);
        csv_string(c, kind);
        csv_string(c, e.name);
        csv_empty(c);
        csv_empty(c);
        csv_empty(c);
        csv_int(c, e.value);
        csv_decimal(c, e.percent);
        csv_string(c, str_of(t->run.pipeline.unit));
        csv_string(c, str_of(table_inline_name(e.is_inlined ? TABLE_INLINED : TABLE_CALLED)));
        csv_end_row(c);
    }
}

static bool write_nodes(struct table *t, bool with_edges, struct csv *c, struct err *err)
{
    uint32_t *edges, n_edges;
    csv_head(c, with_edges
                    ? "node,kind,name,flat,flat_percent,sum_percent,cum,cum_percent,unit,inline"
                    : "name,flat,flat_percent,sum_percent,cum,cum_percent,unit,inline");
    for (struct table_node n = {0}; table_next(t, &n);) {
        if (with_edges) {
            if (!graph_in_edges(&t->graph, n.node, &edges, &n_edges, err))
                return false;
            write_edges(t, &n, edges, n_edges, STR("caller"), c);
            csv_string(c, n.name);
            csv_string(c, STR("node"));
        }
        write_node(t, &n, c);
        if (with_edges) {
            if (!graph_out_edges(&t->graph, n.node, &edges, &n_edges, err))
                return false;
            write_edges(t, &n, edges, n_edges, STR("callee"), c);
        }
    }
    return true;
}

static bool write_table(const struct report_ops *ops, enum report_graph kind,
                        const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct table t;
    struct csv c = {.out = out};
    bool ok = table_begin(&t, ops, kind, ctx, err) &&
              write_nodes(&t, kind == REPORT_GRAPH_EDGES, &c, err);
    table_end(&t);
    return ok;
}

static bool write_top(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return write_table(&report_topcsv, REPORT_GRAPH_NODES, ctx, out, err);
}

static bool write_tree(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return write_table(&report_treecsv, REPORT_GRAPH_EDGES, ctx, out, err);
}

static bool write_peek(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return write_table(&report_peekcsv, REPORT_GRAPH_EDGES, ctx, out, err);
}

const struct report_ops report_topcsv = {
    .name = "topcsv",
    .help = "Outputs top entries as comma-separated values",
    .write = write_top,
};

const struct report_ops report_treecsv = {
    .name = "treecsv",
    .help = "Outputs the call graph as comma-separated values",
    .nodecount = 80,
    .write = write_tree,
};

const struct report_ops report_peekcsv = {
    .name = "peekcsv",
    .help = "Outputs callers/callees of functions matching regexp as comma-separated values",
    .flags = REPORT_TAKES_REGEXP | REPORT_UNTRIMMED,
    .nodecount = 80,
    .write = write_peek,
};
