/* report_tree: each node with its callers above and its callees below (`tree`;
 * `peek`: those that match a regexp). */
#include "report/report_run.h"

#include "base/regex.h"
#include "render/columns.h"
#include "xform/unit.h"

#define RULE "----------------------------------------------------------+-------------\n"

/* As pprof has it, the edges of means are not divided. */
static void write_edge(const struct report_run *run, struct graph *g, const struct graph_edge *e,
                       uint32_t other, int64_t cum, struct buf *out)
{
    struct str name = graph_label(g, other);
    out->failed |= !name.p;
    report_value_right(run, out, e->weight, 50);
    buf_putc(out, ' ');
    unit_print_percent(out, e->weight, cum);
    buf_puts(out, " |   ");
    buf_add(out, name.p, name.len);
    buf_puts(out, e->is_inlined ? " (inline)\n" : "\n");
}

static bool write_node(const struct report_run *run, struct graph *g, uint32_t i,
                       uint64_t *flat_sum, struct buf *out, struct err *err)
{
    const struct graph_node *node = &g->nodes[i];
    int64_t total = run->pipeline.total, flat = graph_flat(node), cum = graph_cum(node);
    struct str name = graph_label(g, i);
    uint32_t *edges, n;
    out->failed |= !name.p;
    buf_puts(out, RULE);
    if (!graph_in_edges(g, i, &edges, &n, err))
        return false;
    for (uint32_t j = 0; j < n; j++)
        write_edge(run, g, &g->edges[edges[j]], g->edges[edges[j]].src, cum, out);
    *flat_sum += (uint64_t)flat;
    report_value_right(run, out, flat, 10);
    buf_putc(out, ' ');
    unit_print_percent(out, flat, total);
    buf_putc(out, ' ');
    unit_print_percent(out, (int64_t)*flat_sum, total);
    buf_putc(out, ' ');
    report_value_right(run, out, cum, 10);
    buf_putc(out, ' ');
    unit_print_percent(out, cum, total);
    buf_puts(out, "                | ");
    buf_add(out, name.p, name.len);
    buf_putc(out, '\n');
    if (!graph_out_edges(g, i, &edges, &n, err))
        return false;
    for (uint32_t j = 0; j < n; j++)
        write_edge(run, g, &g->edges[edges[j]], g->edges[edges[j]].dest, cum, out);
    return true;
}

static bool write_nodes(const struct report_run *run, struct graph *g, struct buf *out,
                        struct err *err)
{
    const struct regex *re = run->pipeline.argument;
    uint64_t flat_sum = 0;
    bool any = false;
    buf_puts(out, RULE "      flat  flat%   sum%        cum   cum%   calls calls% + context "
                       "\t \t \n");
    for (uint32_t i = 0; i < g->n_order; i++) {
        if (re && !g->nodes[g->order[i]].is_asked)
            continue;
        any = true;
        if (!write_node(run, g, g->order[i], &flat_sum, out, err))
            return false;
    }
    if (g->n_order)
        buf_puts(out, RULE);
    if (re && !any)
        return err_set(err, ERR_INPUT, "no matches found for regexp: %s", regex_pattern(re));
    return true;
}

static bool write_tree(const struct report_ops *ops, const struct report_ctx *ctx, struct buf *out,
                       struct err *err)
{
    struct report_run run;
    struct graph g = {0};
    struct report_trim trim;
    bool ok = report_begin(&run, ops, ctx, err) &&
              report_build_graph(&run, REPORT_GRAPH_EDGES, &g, NULL, &trim, err);
    if (ok) {
        report_select_unit(&run, &g);
        report_graph_lines(&run, &g, &trim, false, out);
        buf_putc(out, '\n');
        ok = write_nodes(&run, &g, out, err);
    }
    graph_release(&g);
    report_end(&run);
    return ok;
}

static bool write_as_tree(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return write_tree(&report_tree, ctx, out, err);
}

static bool write_as_peek(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return write_tree(&report_peek, ctx, out, err);
}

const struct report_ops report_tree = {
    .name = "tree",
    .help = "Outputs a text rendering of call graph",
    .nodecount = 80,
    .write = write_as_tree,
};

const struct report_ops report_peek = {
    .name = "peek",
    .help = "Output callers/callees of functions matching regexp",
    .flags = REPORT_TAKES_REGEXP | REPORT_UNTRIMMED,
    .nodecount = 80,
    .write = write_as_peek,
};
