/* topjson, treejson, peekjson: the tables of top, tree and peek as JSON.
 *
 *   {"file":..., "type":"cpu", "unit":"nanoseconds", "total":..., ...,
 *    "nodes":[{"name":..., "flat":..., "flat_percent":..., "cum":..., ...,
 *              "callers":[{"name":..., "value":..., "percent":..., "inline":...}], ...}]}
 */
#include "report/table.h"

#include "render/json.h"

static void write_option(struct json *j, const char *name, const char *value)
{
    if (value && *value)
        json_member(j, name, str_of(value));
}

static void write_filters(struct json *j, const struct report_options *o)
{
    json_key(j, "filters");
    json_open(j, '{');
    write_option(j, "focus", o->focus);
    write_option(j, "ignore", o->ignore);
    write_option(j, "hide", o->hide);
    write_option(j, "show", o->show);
    write_option(j, "show_from", o->show_from);
    write_option(j, "prune_from", o->prune_from);
    write_option(j, "tagfocus", o->tagfocus);
    write_option(j, "tagignore", o->tagignore);
    json_close(j, '}');
}

static void write_head(const struct table *t, struct json *j)
{
    const struct profile *p = t->graph.view->profile;
    if (p->n_mappings) {
        json_member(j, "file", profile_str(p, p->mappings[0].file));
        json_member(j, "build_id", profile_str(p, p->mappings[0].build_id));
    }
    json_member(j, "type", str_of(t->run.pipeline.type));
    json_member(j, "unit", str_of(t->run.pipeline.unit));
    json_member_int(j, "time_nanos", p->time_nanos);
    json_member_int(j, "duration_nanos", p->duration_nanos);
    json_key(j, "comments");
    json_open(j, '[');
    for (uint32_t i = 0; i < p->n_comments; i++)
        json_string(j, profile_str(p, p->comments[i]));
    json_close(j, ']');
    write_filters(j, &t->run.options);
    json_member_int(j, "total", report_divided(&t->run, t->run.pipeline.total));
    json_member_int(j, "shown", report_divided(&t->run, graph_shown_sum(&t->graph)));
    json_member_int(j, "n_nodes", (int64_t)t->trim.n_nodes_before + t->trim.n_nodes_dropped);
}

static void write_inline(struct json *j, const char *how)
{
    if (*how)
        json_member(j, "inline", str_of(how));
}

static void write_edges(struct table *t, const struct table_node *n, const uint32_t *edges,
                        uint32_t n_edges, const char *key, struct json *j)
{
    json_key(j, key);
    json_open(j, '[');
    for (uint32_t i = 0; i < n_edges; i++) {
        struct table_edge e = table_edge(t, n, edges[i]);
        json_open(j, '{');
        json_member(j, "name", e.name);
        json_member_int(j, "value", e.value);
        json_member_double(j, "percent", e.percent);
        write_inline(j, table_inline_name(e.is_inlined ? TABLE_INLINED : TABLE_CALLED));
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_node(struct table *t, const struct table_node *n, struct json *j)
{
    const struct graph_info *info = &t->graph.nodes[n->node].info;
    json_member(j, "name", n->name);
    if (info->name && (info->file || info->line || info->address))
        json_member(j, "function", graph_name(&t->graph, n->node));
    if (info->file)
        json_member(j, "filename", graph_file(&t->graph, n->node));
    if (info->line)
        json_member_int(j, "line", info->line);
    if (info->column)
        json_member_int(j, "column", info->column);
    if (info->address)
        json_member_int(j, "address", (int64_t)info->address);
    json_member_int(j, "flat", n->flat);
    json_member_double(j, "flat_percent", n->flat_percent);
    json_member_double(j, "sum_percent", n->sum_percent);
    json_member_int(j, "cum", n->cum);
    json_member_double(j, "cum_percent", n->cum_percent);
    write_inline(j, table_inline_name(n->inlined));
}

static bool write_nodes(struct table *t, bool with_edges, struct json *j, struct err *err)
{
    uint32_t *edges, n_edges;
    for (struct table_node n = {0}; table_next(t, &n);) {
        json_break(j);
        json_open(j, '{');
        write_node(t, &n, j);
        if (with_edges) {
            if (!graph_in_edges(&t->graph, n.node, &edges, &n_edges, err))
                return false;
            write_edges(t, &n, edges, n_edges, "callers", j);
            if (!graph_out_edges(&t->graph, n.node, &edges, &n_edges, err))
                return false;
            write_edges(t, &n, edges, n_edges, "callees", j);
        }
        json_close(j, '}');
    }
    return true;
}

static bool write_table(const struct report_ops *ops, enum report_graph kind,
                        const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct table t;
    struct json j = {.out = out};
    bool ok = table_begin(&t, ops, kind, ctx, err);
    if (ok) {
        json_open(&j, '{');
        write_head(&t, &j);
        json_key(&j, "nodes");
        json_open(&j, '[');
        ok = write_nodes(&t, kind == REPORT_GRAPH_EDGES, &j, err);
        json_close(&j, ']');
        json_close(&j, '}');
        buf_putc(out, '\n');
    }
    table_end(&t);
    return ok;
}

static bool write_top(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return write_table(&report_topjson, REPORT_GRAPH_NODES, ctx, out, err);
}

static bool write_tree(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return write_table(&report_treejson, REPORT_GRAPH_EDGES, ctx, out, err);
}

static bool write_peek(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return write_table(&report_peekjson, REPORT_GRAPH_EDGES, ctx, out, err);
}

const struct report_ops report_topjson = {
    .name = "topjson",
    .help = "Outputs top entries as JSON",
    .write = write_top,
};

const struct report_ops report_treejson = {
    .name = "treejson",
    .help = "Outputs the call graph as JSON",
    .nodecount = 80,
    .write = write_tree,
};

const struct report_ops report_peekjson = {
    .name = "peekjson",
    .help = "Outputs callers/callees of functions matching regexp as JSON",
    .flags = REPORT_TAKES_REGEXP | REPORT_UNTRIMMED,
    .nodecount = 80,
    .write = write_peek,
};
