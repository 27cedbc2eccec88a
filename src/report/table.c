#include "report/table.h"

static bool is_shown(struct table *t, uint32_t node)
{
    return !t->run.pipeline.argument || t->graph.nodes[node].is_asked;
}

bool table_begin(struct table *t, const struct report_ops *ops, enum report_graph kind,
                 const struct report_ctx *ctx, struct err *err)
{
    *t = (struct table){0};
    return report_begin(&t->run, ops, ctx, err) && table_build(t, kind, err);
}

bool table_build(struct table *t, enum report_graph kind, struct err *err)
{
    if (!report_build_graph(&t->run, kind, &t->graph, NULL, &t->trim, err))
        return false;
    bool any = !t->run.pipeline.argument;
    for (uint32_t i = 0; i < t->graph.n_order; i++) {
        if (!graph_label(&t->graph, t->graph.order[i]).p)
            return err_nomem(err);
        any = any || is_shown(t, t->graph.order[i]);
    }
    if (!any)
        return err_set(err, ERR_INPUT, "no matches found for regexp: %s",
                       regex_pattern(t->run.pipeline.argument));
    return true;
}

void table_end(struct table *t)
{
    graph_release(&t->graph);
    report_end(&t->run);
}

static double percent(int64_t value, int64_t total)
{
    return total ? 100 * (double)value / (double)total : 0;
}

static enum table_inline inlined(const struct graph *g, uint32_t node)
{
    bool is_inlined = false, is_called = false;
    for (uint32_t i = g->in_first[node]; i < g->in_first[node + 1]; i++) {
        const struct graph_edge *e = &g->edges[g->in_edges[i]];
        is_inlined |= !e->is_dropped && e->is_inlined;
        is_called |= !e->is_dropped && !e->is_inlined;
    }
    return !is_inlined ? TABLE_CALLED : is_called ? TABLE_PARTLY : TABLE_INLINED;
}

bool table_next(struct table *t, struct table_node *n)
{
    struct graph *g = &t->graph;
    while (n->next < g->n_order && !is_shown(t, g->order[n->next]))
        n->next++;
    if (n->next == g->n_order)
        return false;
    n->node = g->order[n->next++];
    n->name = graph_label(g, n->node);
    int64_t total = t->run.pipeline.total, flat = graph_flat(&g->nodes[n->node]),
            cum = graph_cum(&g->nodes[n->node]);
    n->flat = report_divided(&t->run, flat);
    n->sum = (int64_t)((uint64_t)n->sum + (uint64_t)flat);
    n->cum = report_divided(&t->run, cum);
    n->flat_percent = percent(flat, total);
    n->sum_percent = percent(n->sum, total);
    n->cum_percent = percent(cum, total);
    n->inlined = inlined(g, n->node);
    return true;
}

struct table_edge table_edge(struct table *t, const struct table_node *n, uint32_t edge)
{
    const struct graph_edge *e = &t->graph.edges[edge];
    int64_t weight = graph_weight(e);
    return (struct table_edge){
        .name = graph_label(&t->graph, e->src == n->node ? e->dest : e->src),
        .value = report_divided(&t->run, weight),
        .percent = percent(weight, graph_cum(&t->graph.nodes[n->node])),
        .is_inlined = e->is_inlined,
    };
}

const char *table_inline_name(enum table_inline value)
{
    static const char *const names[] = {
        [TABLE_CALLED] = "", [TABLE_INLINED] = "inline", [TABLE_PARTLY] = "partial-inline"};
    return names[value];
}
