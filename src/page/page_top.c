/* top: the functions with the largest values, as the text report `top` has them. */
#include "page/page_common.h"
#include "report/table.h"

#define MOST_ROWS 500 /* unless -nodecount says otherwise; pprof's page has as many */

enum column { COLUMN_NAMES, COLUMN_FILES, COLUMN_FLAT, COLUMN_CUM, COLUMN_INLINED, N_COLUMNS };

static void write_column(struct table *t, struct json *j, enum column column)
{
    static const char *const keys[] = {"names", "files", "flat", "cum", "inlined"};
    json_key(j, keys[column]);
    json_open(j, '[');
    for (struct table_node n = {0}; table_next(t, &n);) {
        const struct graph_node *node = &t->graph.nodes[n.node];
        switch (column) {
        case COLUMN_NAMES:
            json_string(j, n.name);
            break;
        case COLUMN_FILES:
            json_string(j, graph_file(&t->graph, n.node));
            break;
        case COLUMN_FLAT:
            json_int(j, graph_flat(node));
            break;
        case COLUMN_CUM:
            json_int(j, graph_cum(node));
            break;
        default:
            json_int(j, n.inlined);
        }
    }
    json_close(j, ']');
}

static bool write_top(const struct page_ctx *ctx, struct json *j, struct err *err)
{
    struct report_options options = *ctx->report.options;
    struct report_ctx own = ctx->report;
    struct table t;
    if (options.nodecount < 0)
        options.nodecount = MOST_ROWS;
    own.options = &options;
    bool ok = table_begin(&t, &report_top, REPORT_GRAPH_NODES, &own, err);
    if (ok) {
        report_select_unit(&t.run, &t.graph);
        ok = page_head(j, &t.run, &t.graph, &t.trim, err);
    }
    for (enum column column = 0; ok && column < N_COLUMNS; column++)
        write_column(&t, j, column);
    if (ok)
        json_member_int(j, "more",
                        (int64_t)t.trim.n_nodes_before - t.graph.n_order + t.trim.n_nodes_dropped);
    table_end(&t);
    return ok;
}

const struct page_ops page_top = {
    .name = "top",
    .title = "Top",
    .help = "Functions as a table, those with the largest values first",
    .key = 't',
    .write = write_top,
};
