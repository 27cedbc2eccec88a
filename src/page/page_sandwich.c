/* sandwich: functions between their callers and callees: tables of the calls next to them,
 * and trees of all above and below. */
#include "page/page_flame.h"

#include <stdlib.h>

#define MOST_NAMES 100
#define MOST_ROWS 500

/* Functions that match, or rows of a table: node and value, the largest first. */
struct row {
    uint32_t node;
    int64_t value;
};

struct rows {
    const struct graph *graph;
    VEC(struct row) rows;
};

static int by_size(const void *a, const void *b, void *arg)
{
    const struct row *x = a, *y = b;
    const struct graph *g = arg;
    int64_t l = unit_abs(x->value), r = unit_abs(y->value);
    if (l != r)
        return l > r ? -1 : 1;
    int c = str_cmp(graph_name(g, x->node), graph_name(g, y->node));
    return c ? c : (x->node > y->node) - (x->node < y->node);
}

static void sort_rows(struct rows *r)
{
    if (r->rows.n > 1)
        qsort_r(r->rows.items, r->rows.n, sizeof *r->rows.items, by_size, (void *)r->graph);
}

/* The nodes that match and are called. */
static bool find_functions(const struct page_flame *f, struct rows *functions)
{
    const struct graph *g = &f->graph;
    for (uint32_t i = 0; i < g->n_order; i++) {
        uint32_t node = g->order[i];
        if (f->marks[node] &&
            !vec_push(&functions->rows, (struct row){node, graph_cum(&g->nodes[node])}))
            return false;
    }
    sort_rows(functions);
    return true;
}

/* Edges into the functions (or out of them), added up by the other node. */
static bool add_edges(struct page_flame *f, const struct rows *functions, bool is_in,
                      struct rows *rows, struct err *err)
{
    struct graph *g = &f->graph;
    uint32_t *place = calloc((size_t)g->n_nodes + 1, sizeof *place), *edges, n; /* plus 1 */
    bool ok = place || err_nomem(err);
    for (size_t i = 0; ok && i < functions->rows.n; i++) {
        uint32_t node = functions->rows.items[i].node;
        ok = is_in ? graph_in_edges(g, node, &edges, &n, err)
                   : graph_out_edges(g, node, &edges, &n, err);
        for (uint32_t k = 0; ok && k < n; k++) {
            const struct graph_edge *e = &g->edges[edges[k]];
            uint32_t other = is_in ? e->src : e->dest;
            if (!place[other]) {
                ok = vec_push(&rows->rows, (struct row){other, 0}) || err_nomem(err);
                place[other] = (uint32_t)rows->rows.n;
            }
            if (ok)
                rows->rows.items[place[other] - 1].value += graph_weight(e);
        }
    }
    free(place);
    sort_rows(rows);
    return ok;
}

static void write_names(struct page_flame *f, const struct rows *r, size_t most, struct json *j)
{
    json_key(j, "names");
    json_open(j, '[');
    for (size_t i = 0; i < r->rows.n && i < most; i++)
        json_string(j, flame_data_name(&f->places, r->rows.items[i].node));
    json_close(j, ']');
}

static void write_table(struct page_flame *f, const char *key, const struct rows *r, struct json *j)
{
    json_key(j, key);
    json_open(j, '{');
    write_names(f, r, MOST_ROWS, j);
    json_key(j, "values");
    json_open(j, '[');
    for (size_t i = 0; i < r->rows.n && i < MOST_ROWS; i++)
        json_int(j, r->rows.items[i].value);
    json_close(j, ']');
    json_close(j, '}');
}

static bool write_tables(struct page_flame *f, struct json *j, struct err *err)
{
    struct graph *g = &f->graph;
    struct rows functions = {.graph = g}, callers = {.graph = g}, callees = {.graph = g};
    int64_t flat = 0;
    for (uint32_t i = 0; f->is_pivoted && i < g->n_order; i++)
        g->nodes[g->order[i]].is_asked = f->marks[g->order[i]];
    bool ok = !f->is_pivoted || ((find_functions(f, &functions) || err_nomem(err)) &&
                                 graph_build_edges(g, GRAPH_EDGES_ASKED, err) &&
                                 add_edges(f, &functions, true, &callers, err) &&
                                 add_edges(f, &functions, false, &callees, err));
    for (size_t i = 0; i < functions.rows.n; i++)
        flat += graph_flat(&g->nodes[functions.rows.items[i].node]);
    if (ok) {
        /* A sample that has several of them counts once. */
        int64_t cum = functions.rows.n == 1 ? functions.rows.items[0].value
                                            : f->pivot.value - 2 * f->pivot.before;
        json_member_int(j, "functions", (int64_t)functions.rows.n);
        write_names(f, &functions, MOST_NAMES, j);
        json_member_int(j, "flat", flat);
        json_member_int(j, "cum", cum);
        write_table(f, "callers", &callers, j);
        write_table(f, "callees", &callees, j);
    }
    vec_release(&functions.rows);
    vec_release(&callers.rows);
    vec_release(&callees.rows);
    return ok;
}

static bool write_sandwich(const struct page_ctx *ctx, struct json *j, struct err *err)
{
    struct page_ctx own = *ctx;
    struct page_flame f;
    own.zoom = NULL;
    bool ok = page_flame_begin(&f, &own, GRANULARITY_FUNCTIONS, true, NULL, err) &&
              page_flame_find(&f, &own, err);
    if (ok && !f.is_pivoted) /* of nothing there are no trees */
        f.places.n = 0;
    if (ok) {
        f.is_sandwich = true;
        const struct report_trim trim = {.n_nodes_before = f.graph.n_order};
        ok = page_flame_grow(&f, &own, err) && page_head(j, &f.run, &f.graph, &trim, err) &&
             write_tables(&f, j, err) && page_flame_write_trees(&f, "down", "up", j, err);
    }
    page_flame_end(&f);
    return ok;
}

const struct page_ops page_sandwich = {
    .name = "sandwich",
    .title = "Sandwich",
    .help = "A function between all its callers and callees",
    .key = 'w',
    .write = write_sandwich,
};
