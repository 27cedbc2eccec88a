/* report_top: the nodes in a table, largest first (`top` and `text`). */
#include "report/report_run.h"

#include "render/columns.h"
#include "xform/unit.h"

/* How the frames of a node were called, as far as its edges tell. */
static const char *inline_suffix(const struct graph *g, uint32_t node)
{
    bool inlined = false, called = false;
    for (uint32_t i = g->in_first[node]; i < g->in_first[node + 1]; i++) {
        const struct graph_edge *e = &g->edges[g->in_edges[i]];
        if (e->is_dropped)
            continue;
        inlined |= e->is_inlined;
        called |= !e->is_inlined;
    }
    return !inlined ? "" : called ? " (partial-inline)" : " (inline)";
}

static void write_rows(const struct report_run *run, struct graph *g, struct buf *out)
{
    int64_t total = run->pipeline.total;
    uint64_t flat_sum = 0;
    for (uint32_t i = 0; i < g->n_order; i++) {
        const struct graph_node *node = &g->nodes[g->order[i]];
        struct str name = graph_label(g, g->order[i]);
        out->failed |= !name.p;
        int64_t flat = graph_flat(node), cum = graph_cum(node);
        flat_sum += (uint64_t)flat;
        report_value_right(run, out, flat, 10);
        buf_putc(out, ' ');
        unit_print_percent(out, flat, total);
        buf_putc(out, ' ');
        unit_print_percent(out, (int64_t)flat_sum, total);
        buf_putc(out, ' ');
        report_value_right(run, out, cum, 10);
        buf_putc(out, ' ');
        unit_print_percent(out, cum, total);
        buf_puts(out, "  ");
        buf_add(out, name.p, name.len);
        buf_puts(out, inline_suffix(g, g->order[i]));
        buf_putc(out, '\n');
    }
}

static bool write_top(const struct report_ops *ops, const struct report_ctx *ctx, struct buf *out,
                      struct err *err)
{
    struct report_run run;
    struct graph g = {0};
    struct report_trim trim;
    bool ok = report_begin(&run, ops, ctx, err) &&
              report_build_graph(&run, REPORT_GRAPH_NODES, &g, NULL, &trim, err);
    if (ok) {
        report_select_unit(&run, &g);
        report_graph_lines(&run, &g, &trim, false, out);
        buf_puts(out, "\n      flat  flat%   sum%        cum   cum%\n");
        write_rows(&run, &g, out);
    }
    graph_release(&g);
    report_end(&run);
    return ok;
}

static bool write_as_top(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return write_top(&report_top, ctx, out, err);
}

static bool write_as_text(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return write_top(&report_text, ctx, out, err);
}

const struct report_ops report_top = {
    .name = "top",
    .help = "Outputs top entries in text form",
    .write = write_as_top,
};

const struct report_ops report_text = {
    .name = "text",
    .help = "Outputs top entries in text form",
    .write = write_as_text,
};
