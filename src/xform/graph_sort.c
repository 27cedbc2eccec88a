/* graph_sort: the orders that a graph's nodes can be in. */
#include "xform/graph.h"

#include "base/go_sort.h"
#include "xform/unit.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MANY 64 /* so many are worth sort_by_keys */

/* What tells most nodes apart, close together: nodes are far from each other. */
struct key {
    int64_t size;
    uint64_t address;
};

struct sorter {
    struct graph *g;
    enum graph_order order;
    struct key *keys; /* by node; NULL: of an order by texts */
    bool failed;
};

/* The share of one edge in the information that a set of edges holds. */
static double information(int64_t weight, int64_t total)
{
    double share = (double)unit_abs(weight) / (double)total;
    int exponent;
    double mantissa = frexp(share, &exponent);
    /* Exact for powers of two, as Go's Log2. */
    double log_2 = mantissa == 0.5 ? exponent - 1 : log(mantissa) * (1 / M_LN2) + exponent;
    return -share * log_2;
}

static double edges_score(const struct graph *g, const uint32_t *edges, uint32_t n, int64_t self)
{
    uint32_t n_there = 0;
    int64_t total = self;
    for (uint32_t i = 0; i < n; i++) {
        const struct graph_edge *e = &g->edges[edges[i]];
        n_there += !e->is_dropped;
        if (!e->is_dropped && e->weight > 0)
            total = (int64_t)((uint64_t)total + (uint64_t)e->weight); /* wraps, as Go's */
    }
    if (!n_there)
        return 1; /* where stacks begin and end is of interest */
    double score = 0;
    if (!total)
        return score;
    for (uint32_t i = 0; i < n; i++)
        if (!g->edges[edges[i]].is_dropped)
            score += information(g->edges[edges[i]].weight, total);
    if (self > 0)
        score += information(self, total);
    return score;
}

static int64_t entropy(const struct graph *g, uint32_t node)
{
    uint32_t in = g->in_first[node], out = g->out_first[node];
    double score = edges_score(g, g->in_edges + in, g->in_first[node + 1] - in, 0);
    score += edges_score(g, g->out_edges + out, g->out_first[node + 1] - out, g->nodes[node].flat);
    return (int64_t)((uint64_t)unit_to_int64(score * (double)g->nodes[node].cum) +
                     (uint64_t)g->nodes[node].flat);
}

static int by_size(int64_t l, int64_t r)
{
    int64_t a = unit_abs(l), b = unit_abs(r);
    return (a < b) - (a > b);
}

static void print_info(const struct graph *g, uint32_t node, struct buf *out)
{
    const struct graph_info *i = &g->nodes[node].info;
    buf_printf(out, "{%s  %" PRIu64 " %s %" PRId64 " %" PRId64 " %" PRId64 " %s}",
               graph_name(g, node).p, i->address, graph_file(g, node).p, i->start_line, i->line,
               i->column, profile_cstr(g->view->profile, i->objfile));
}

/* Where all else is equal pprof compares the fields as they print. */
static int by_info(struct sorter *s, uint32_t l, uint32_t r)
{
    AUTO_BUF left = {0};
    AUTO_BUF right = {0};
    print_info(s->g, l, &left);
    print_info(s->g, r, &right);
    s->failed |= left.failed || right.failed;
    return str_cmp((struct str){buf_str(&left), left.len},
                   (struct str){buf_str(&right), right.len});
}

/* 0: of a tree, or with names that print alike. */
static int compare_nodes(struct sorter *s, uint32_t i, uint32_t j)
{
    const struct graph_node *l = &s->g->nodes[i], *r = &s->g->nodes[j];
    int c = 0;
    switch (s->order) {
    case GRAPH_ORDER_FLAT_NAME:
        c = by_size(l->flat, r->flat);
        break;
    case GRAPH_ORDER_FLAT_CUM_NAME:
        c = by_size(l->flat, r->flat);
        c = c ? c : by_size(l->cum, r->cum);
        break;
    case GRAPH_ORDER_CUM_NAME:
    case GRAPH_ORDER_ENTROPY:
        c = by_size(l->score, r->score);
        break;
    case GRAPH_ORDER_NAME:
        c = str_cmp(graph_name(s->g, i), graph_name(s->g, j));
        return c ? c : by_info(s, i, j);
    case GRAPH_ORDER_FILE:
        c = str_cmp(graph_file(s->g, i), graph_file(s->g, j));
        c = c ? c
              : (l->info.start_line > r->info.start_line) -
                    (l->info.start_line < r->info.start_line);
        return c ? c : by_info(s, i, j);
    case GRAPH_ORDER_ADDRESS:
        c = (l->info.address > r->info.address) - (l->info.address < r->info.address);
        return c ? c : by_info(s, i, j);
    }
    if (!c)
        c = graph_compare_labels(s->g, i, j, &s->failed);
    if (!c && graph_same_info(&l->info, &r->info)) /* of a tree */
        c = s->order == GRAPH_ORDER_FLAT_NAME ? by_size(l->cum, r->cum) : by_size(l->flat, r->flat);
    return c;
}

static bool is_before(uint32_t a, uint32_t b, void *arg)
{
    struct sorter *s = arg;
    if (s->keys) {
        struct key l = s->keys[a], r = s->keys[b];
        if (l.size != r.size)
            return l.size > r.size;
        /* Labels begin with it. */
        if (s->order != GRAPH_ORDER_FLAT_CUM_NAME && l.address && r.address &&
            l.address != r.address)
            return l.address < r.address;
    }
    return compare_nodes(s, a, b) < 0;
}

/* For sorting by numbers: a node, and what it is sorted by. */
struct item {
    uint64_t key;
    uint32_t node;
};

/* Smallest keys first, equal ones as they were; byte by byte, of those in which keys differ.
 * `items` and `spare` have n each. */
static void sort_items(struct item *items, struct item *spare, uint32_t n)
{
    uint64_t differ = 0;
    struct item *from = items, *to = spare;
    for (uint32_t i = 1; i < n; i++)
        differ |= items[i].key ^ items[0].key;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        uint32_t ends[256] = {0}, sum = 0;
        if (!(differ >> shift & 255))
            continue;
        for (uint32_t i = 0; i < n; i++)
            ends[from[i].key >> shift & 255]++;
        for (unsigned i = 0; i < 256; i++) {
            uint32_t count = ends[i];
            ends[i] = sum;
            sum += count;
        }
        for (uint32_t i = 0; i < n; i++)
            to[ends[from[i].key >> shift & 255]++] = from[i];
        struct item *other = from;
        from = to;
        to = other;
    }
    if (from != items)
        memcpy(items, from, n * sizeof *items);
}

static bool has_addresses(const struct graph *g)
{
    bool all = true;
    for (uint32_t i = 0; i < g->n_order; i++)
        all &= g->nodes[g->order[i]].info.address != 0;
    return all;
}

/* Put the nodes that no number tells apart in order, which is all there is left to do.  False:
 * there are some that nothing tells apart. */
static bool sort_runs(struct sorter *s, uint32_t *order, uint32_t n, bool by_address)
{
    for (uint32_t i = 0, end; i < n; i = end) {
        const struct key *k = &s->keys[order[i]];
        for (end = i + 1; end < n; end++)
            if (s->keys[order[end]].size != k->size ||
                (by_address && s->keys[order[end]].address != k->address))
                break;
        go_sort(order + i, end - i, is_before, s);
        for (uint32_t j = i + 1; j < end; j++)
            if (!is_before(order[j - 1], order[j], s))
                return false;
    }
    return true;
}

/* By the keys, without comparing two of them.  False: the order is as it was, since it is a matter
 * of go_sort's steps (or memory ran out). */
static bool sort_by_keys(struct sorter *s)
{
    struct graph *g = s->g;
    uint32_t n = g->n_order;
    bool by_address = s->order != GRAPH_ORDER_FLAT_CUM_NAME && has_addresses(g);
    struct item *items = malloc(2 * (size_t)n * sizeof *items);
    uint32_t *order = malloc((size_t)n * sizeof *order);
    bool ok = items && order;
    for (uint32_t i = 0; ok && i < n; i++)
        items[i] = (struct item){s->keys[g->order[i]].address, g->order[i]};
    if (ok && by_address)
        sort_items(items, items + n, n);
    for (uint32_t i = 0; ok && i < n; i++) /* the largest first; they are signed */
        items[i].key = (uint64_t)s->keys[items[i].node].size ^ INT64_MAX;
    if (ok)
        sort_items(items, items + n, n);
    for (uint32_t i = 0; ok && i < n; i++)
        order[i] = items[i].node;
    ok = ok && sort_runs(s, order, n, by_address);
    if (ok)
        memcpy(g->order, order, n * sizeof *order);
    free(items);
    free(order);
    return ok;
}

static bool is_by_size(enum graph_order order)
{
    return order == GRAPH_ORDER_FLAT_NAME || order == GRAPH_ORDER_FLAT_CUM_NAME ||
           order == GRAPH_ORDER_CUM_NAME || order == GRAPH_ORDER_ENTROPY;
}

bool graph_sort(struct graph *g, enum graph_order order, struct err *err)
{
    bool by_flat = order == GRAPH_ORDER_FLAT_NAME || order == GRAPH_ORDER_FLAT_CUM_NAME;
    struct sorter s = {.g = g, .order = order};
    if (is_by_size(order) && !(s.keys = malloc(((size_t)g->n_nodes + 1) * sizeof *s.keys)))
        return err_nomem(err);
    for (uint32_t i = 0; i < g->n_order; i++) {
        struct graph_node *n = &g->nodes[g->order[i]];
        n->score = order == GRAPH_ORDER_ENTROPY ? entropy(g, g->order[i]) : n->cum;
        if (s.keys)
            s.keys[g->order[i]] =
                (struct key){unit_abs(by_flat ? n->flat : n->score), n->info.address};
    }
    bool by_keys = s.keys && !g->parent && g->n_order >= MANY && sort_by_keys(&s);
    if (!by_keys)
        go_sort(g->order, g->n_order, is_before, &s);
    free(s.keys);
    return !s.failed || err_nomem(err);
}
