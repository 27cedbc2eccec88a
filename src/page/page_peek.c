/* peek: functions with their callers and callees: those that are asked for, as the report
 * `peek` has them, or the largest, as `tree` does. */
#include "page/page_common.h"
#include "report/table.h"

/* What a page can show; the smaller ones are left out, and counted. */
#define MOST_NODES 100
#define MOST_EDGES 100

static void write_edges(struct table *t, const struct table_node *n, struct json *j,
                        const char *key, const char *more_key, const uint32_t *edges,
                        uint32_t n_edges)
{
    json_key(j, key);
    json_open(j, '[');
    for (uint32_t i = 0; i < n_edges && i < MOST_EDGES; i++) {
        struct table_edge e = table_edge(t, n, edges[i]);
        json_open(j, '{');
        json_member(j, "name", e.name);
        json_member_int(j, "value", graph_weight(&t->graph.edges[edges[i]]));
        json_member_bool(j, "inlined", e.is_inlined);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_member_int(j, more_key, n_edges > MOST_EDGES ? n_edges - MOST_EDGES : 0);
}

static bool write_node(struct table *t, const struct table_node *n, struct json *j, struct err *err)
{
    const struct graph_node *node = &t->graph.nodes[n->node];
    uint32_t *edges, n_edges;
    json_open(j, '{');
    json_member(j, "name", n->name);
    json_member_int(j, "flat", graph_flat(node));
    json_member_int(j, "cum", graph_cum(node));
    if (!graph_in_edges(&t->graph, n->node, &edges, &n_edges, err))
        return false;
    write_edges(t, n, j, "callers", "more_callers", edges, n_edges);
    if (!graph_out_edges(&t->graph, n->node, &edges, &n_edges, err))
        return false;
    write_edges(t, n, j, "callees", "more_callees", edges, n_edges);
    json_close(j, '}');
    return true;
}

static bool write_nodes(struct table *t, struct json *j, struct err *err)
{
    bool ok = true;
    json_key(j, "nodes");
    json_open(j, '[');
    for (struct table_node n = {0}; ok && table_next(t, &n);)
        ok = write_node(t, &n, j, err);
    json_close(j, ']');
    json_member_int(j, "more",
                    t->run.pipeline.argument ? t->run.n_not_asked
                                             : (int64_t)t->trim.n_nodes_before - t->graph.n_order);
    return ok;
}

static bool write_peek(const struct page_ctx *ctx, struct json *j, struct err *err)
{
    struct report_ctx own = ctx->report;
    struct table t = {0};
    const char *argument = page_argument(ctx);
    own.regexp = *argument ? argument : NULL;
    bool ok = report_begin(&t.run, own.regexp ? &report_peek : &report_tree, &own, err);
    t.run.most_asked = MOST_NODES;
    if (!own.regexp && (t.run.options.nodecount < 1 || t.run.options.nodecount > MOST_NODES))
        t.run.options.nodecount = MOST_NODES;
    ok = ok && table_build(&t, REPORT_GRAPH_EDGES, err);
    if (ok) {
        report_select_unit(&t.run, &t.graph);
        ok = page_head(j, &t.run, &t.graph, &t.trim, err) && write_nodes(&t, j, err);
    }
    table_end(&t);
    return ok;
}

const struct page_ops page_peek = {
    .name = "peek",
    .title = "Peek",
    .help = "Functions with their callers and callees",
    .key = 'p',
    .write = write_peek,
};
