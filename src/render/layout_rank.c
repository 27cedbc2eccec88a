/* The layers of the boxes, and the arrows cut into pieces by them. */
#include "render/layout_layers.h"
#include "render/simplex.h"

#include <stdlib.h>

#define MAX_CYCLE_STEPS 50000000u
#define MAX_SIMPLEX_STEPS 50000000u
#define MAX_ITEMS 2000000u

/* An order of the boxes in which all arrows so far lead forwards, kept while arrows
 * come in (Pearce and Kelly's method: only what is between the ends is looked at). */
struct cycles {
    struct layers *g;
    uint32_t *position, *at; /* of a box; and the box at a position */
    uint32_t *first_out, *next_out, *first_in, *next_in;
    uint32_t *forward, *backward; /* boxes found */
    uint32_t n_forward, n_backward;
    uint32_t *seen, mark;
    uint64_t steps;
};

static int heavier(const void *a, const void *b, void *layers)
{
    const struct layers *g = layers;
    uint32_t l = *(const uint32_t *)a, r = *(const uint32_t *)b;
    uint32_t lw = g->layout->arrows[g->arrows[l].arrow].weight;
    uint32_t rw = g->layout->arrows[g->arrows[r].arrow].weight;
    return lw != rw ? (lw > rw ? -1 : 1) : (l > r) - (l < r);
}

/* Collect what can be reached from `from` without leaving the positions up to that
 * of `to`; false when `to` is reached. */
static bool search_forward(struct cycles *c, uint32_t from, uint32_t to)
{
    c->n_forward = 0;
    c->forward[c->n_forward++] = from;
    c->seen[from] = ++c->mark;
    for (uint32_t i = 0; i < c->n_forward; i++) {
        for (uint32_t e = c->first_out[c->forward[i]]; e != LAYERS_NONE; e = c->next_out[e]) {
            uint32_t box = c->g->arrows[e].bottom;
            c->steps++;
            if (box == to)
                return false;
            if (c->seen[box] == c->mark || c->position[box] > c->position[to])
                continue;
            c->seen[box] = c->mark;
            c->forward[c->n_forward++] = box;
        }
    }
    return true;
}

static void search_backward(struct cycles *c, uint32_t from, uint32_t to)
{
    c->n_backward = 0;
    c->backward[c->n_backward++] = from;
    c->seen[from] = ++c->mark;
    for (uint32_t i = 0; i < c->n_backward; i++) {
        for (uint32_t e = c->first_in[c->backward[i]]; e != LAYERS_NONE; e = c->next_in[e]) {
            uint32_t box = c->g->arrows[e].top;
            c->steps++;
            if (c->seen[box] == c->mark || c->position[box] < c->position[to])
                continue;
            c->seen[box] = c->mark;
            c->backward[c->n_backward++] = box;
        }
    }
}

static int by_number(const void *a, const void *b)
{
    uint32_t l = *(const uint32_t *)a, r = *(const uint32_t *)b;
    return (l > r) - (l < r);
}

/* From boxes to their positions, sorted. */
static void to_positions(struct cycles *c, uint32_t *boxes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        boxes[i] = c->position[boxes[i]];
    qsort(boxes, n, sizeof *boxes, by_number);
}

/* Those found backward go before those found forward, in the places of both. */
static void reorder(struct cycles *c)
{
    uint32_t n_backward = c->n_backward, n = n_backward + c->n_forward;
    uint32_t *places = c->backward;
    to_positions(c, c->backward, n_backward);
    to_positions(c, c->forward, c->n_forward);
    uint32_t *boxes = c->forward + c->n_forward;
    for (uint32_t i = 0; i < n; i++)
        boxes[i] = c->at[i < n_backward ? c->backward[i] : c->forward[i - n_backward]];
    for (uint32_t i = 0; i < c->n_forward; i++)
        places[n_backward + i] = c->forward[i];
    qsort(places, n, sizeof *places, by_number);
    for (uint32_t i = 0; i < n; i++) {
        c->at[places[i]] = boxes[i];
        c->position[boxes[i]] = places[i];
    }
}

static void add_arrow(struct cycles *c, uint32_t i)
{
    struct layers_arrow *a = &c->g->arrows[i];
    if (c->position[a->top] > c->position[a->bottom]) {
        if (c->steps > MAX_CYCLE_STEPS || !search_forward(c, a->bottom, a->top)) {
            uint32_t top = a->top;
            a->top = a->bottom;
            a->bottom = top;
            a->is_reversed = true;
        } else {
            search_backward(c, a->top, a->bottom);
            reorder(c);
        }
    }
    c->next_out[i] = c->first_out[a->top];
    c->first_out[a->top] = i;
    c->next_in[i] = c->first_in[a->bottom];
    c->first_in[a->bottom] = i;
}

/* Reverse arrows until there is no cycle, light ones rather than heavy ones.  The
 * boxes in an order in which all arrows lead forwards; NULL when memory runs out. */
static uint32_t *break_cycles(struct layers *g)
{
    uint32_t n = g->n_boxes, n_arrows = g->n_arrows;
    struct cycles c = {.g = g};
    uint32_t *by_weight = ARENA_ARRAY(g->arena, uint32_t, n_arrows);
    c.position = ARENA_ARRAY(g->arena, uint32_t, n);
    c.at = ARENA_ARRAY(g->arena, uint32_t, n);
    c.seen = ARENA_ARRAY(g->arena, uint32_t, n);
    c.forward = ARENA_ARRAY(g->arena, uint32_t, 2 * (size_t)n);
    c.backward = ARENA_ARRAY(g->arena, uint32_t, n);
    c.first_out = ARENA_ARRAY(g->arena, uint32_t, n);
    c.first_in = ARENA_ARRAY(g->arena, uint32_t, n);
    c.next_out = ARENA_ARRAY(g->arena, uint32_t, n_arrows);
    c.next_in = ARENA_ARRAY(g->arena, uint32_t, n_arrows);
    if (!by_weight || !c.position || !c.at || !c.seen || !c.forward || !c.backward ||
        !c.first_out || !c.first_in || !c.next_out || !c.next_in)
        return NULL;
    for (uint32_t i = 0; i < n; i++) {
        c.position[i] = c.at[i] = i;
        c.first_out[i] = c.first_in[i] = LAYERS_NONE;
    }
    for (uint32_t i = 0; i < n_arrows; i++)
        by_weight[i] = i;
    if (n_arrows)
        qsort_r(by_weight, n_arrows, sizeof *by_weight, heavier, g);
    for (uint32_t i = 0; i < n_arrows; i++)
        add_arrow(&c, by_weight[i]);
    return c.at;
}

static int32_t min_length(const struct layers *g, const struct layers_arrow *a)
{
    uint32_t n = g->layout->arrows[a->arrow].n_layers;
    return (int32_t)(n < 100 ? n : 100) * (g->has_labels ? 2 : 1);
}

/* A box that is as well placed in several layers goes to the emptiest of them. */
static bool balance(struct layers *g, int32_t *layer, const struct simplex_edge *edges)
{
    uint32_t n = g->n_boxes;
    int32_t max = 0, step = g->has_labels ? 2 : 1;
    for (uint32_t i = 0; i < n; i++)
        max = layer[i] > max ? layer[i] : max;
    uint32_t *used = ARENA_ARRAY(g->arena, uint32_t, (size_t)max + 1);
    int64_t *pull = ARENA_ARRAY(g->arena, int64_t, n);
    uint32_t *first = ARENA_ARRAY(g->arena, uint32_t, n);
    uint32_t *next = ARENA_ARRAY(g->arena, uint32_t, 2 * (size_t)g->n_arrows);
    if (!used || !pull || !first || !next)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        used[layer[i]]++;
        first[i] = LAYERS_NONE;
    }
    for (uint32_t i = 0; i < g->n_arrows; i++) {
        pull[edges[i].from] += edges[i].weight;
        pull[edges[i].to] -= edges[i].weight;
        next[2 * i] = first[edges[i].from];
        first[edges[i].from] = 2 * i;
        next[2 * i + 1] = first[edges[i].to];
        first[edges[i].to] = 2 * i + 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (pull[i] != 0)
            continue;
        int32_t from = 0, to = max, best = layer[i];
        for (uint32_t end = first[i]; end != LAYERS_NONE; end = next[end]) {
            const struct simplex_edge *e = &edges[end / 2];
            if (end & 1 && layer[e->from] + e->length > from)
                from = layer[e->from] + e->length;
            if (!(end & 1) && layer[e->to] - e->length < to)
                to = layer[e->to] - e->length;
        }
        for (int32_t at = from; at <= to; at += step)
            if (used[at] + 1 < used[best])
                best = at;
        used[layer[i]]--;
        used[best]++;
        layer[i] = best;
    }
    return true;
}

bool layers_rank(struct layers *g, struct err *err)
{
    uint32_t n = g->n_boxes;
    uint32_t *order = break_cycles(g);
    int32_t *layer = ARENA_ARRAY(g->arena, int32_t, n), min = INT32_MAX;
    struct simplex_edge *edges = ARENA_ARRAY(g->arena, struct simplex_edge, g->n_arrows);
    uint32_t *first = ARENA_ARRAY(g->arena, uint32_t, n);
    uint32_t *next = ARENA_ARRAY(g->arena, uint32_t, g->n_arrows);
    g->layer_of = ARENA_ARRAY(g->arena, uint32_t, n);
    if (!order || !layer || !edges || !first || !next || !g->layer_of)
        return err_nomem(err);
    for (uint32_t i = 0; i < n; i++)
        first[i] = LAYERS_NONE;
    for (uint32_t i = 0; i < g->n_arrows; i++) {
        const struct layers_arrow *a = &g->arrows[i];
        edges[i] = (struct simplex_edge){a->top, a->bottom, min_length(g, a),
                                         (int32_t)g->layout->arrows[a->arrow].weight};
        next[i] = first[a->top];
        first[a->top] = i;
    }
    for (uint32_t k = 0; k < n; k++) /* as high as possible, to start with */
        for (uint32_t i = first[order[k]]; i != LAYERS_NONE; i = next[i]) {
            int32_t at = layer[edges[i].from] + edges[i].length;
            if (at > layer[edges[i].to])
                layer[edges[i].to] = at;
        }
    if (!simplex_solve(layer, n, edges, g->n_arrows, false, MAX_SIMPLEX_STEPS, err))
        return false;
    for (uint32_t i = 0; i < n; i++)
        min = layer[i] < min ? layer[i] : min;
    for (uint32_t i = 0; i < n; i++)
        layer[i] -= min;
    if (!balance(g, layer, edges))
        return err_nomem(err);
    for (uint32_t i = 0; i < n; i++)
        g->layer_of[i] = (uint32_t)layer[i];
    return true;
}

static bool count_items(struct layers *g, struct err *err)
{
    uint64_t n = g->n_boxes;
    g->n_layers = 0;
    for (uint32_t i = 0; i < g->n_boxes; i++)
        if (g->layer_of[i] >= g->n_layers)
            g->n_layers = g->layer_of[i] + 1;
    for (uint32_t i = 0; i < g->n_arrows; i++) {
        struct layers_arrow *a = &g->arrows[i];
        a->n_items = g->layer_of[a->bottom] - g->layer_of[a->top] - 1;
        a->first = (uint32_t)n;
        n += a->n_items;
        if (n > MAX_ITEMS)
            return err_set(err, ERR_UNSUPPORTED,
                           "the graph is too large to draw: %u boxes and %u arrows over %u "
                           "layers; ask for fewer with -nodecount",
                           g->n_boxes, g->n_arrows, g->n_layers);
    }
    g->n_items = (uint32_t)n;
    return true;
}

/* Of the odd layers that an arrow passes, the one nearest to its middle; of two,
 * the one with less in it. */
static uint32_t label_layer(const struct layers *g, const struct layers_arrow *a,
                            const double *label_widths)
{
    uint32_t middle = (g->layer_of[a->top] + g->layer_of[a->bottom]) / 2;
    if (middle & 1)
        return middle;
    return label_widths[middle + 1] < label_widths[middle - 1] ? middle + 1 : middle - 1;
}

static void fill_items(struct layers *g, double *label_widths)
{
    for (uint32_t i = 0; i < g->n_boxes; i++) {
        const struct layout_box *box = &g->layout->boxes[g->boxes[i]];
        g->items[i] = (struct layers_item){.box = g->boxes[i],
                                           .layer = g->layer_of[i],
                                           .left = box->width / 2,
                                           .right = box->width / 2,
                                           .height = box->height};
    }
    for (uint32_t i = 0; i < g->n_arrows; i++) {
        const struct layers_arrow *a = &g->arrows[i];
        const struct layout_arrow *arrow = &g->layout->arrows[a->arrow];
        for (uint32_t k = 0; k < a->n_items; k++)
            g->items[a->first + k] = (struct layers_item){
                .box = LAYERS_NONE, .arrow = i, .layer = g->layer_of[a->top] + 1 + k};
        if (arrow->label_width > 0) {
            uint32_t layer = label_layer(g, a, label_widths);
            struct layers_item *item = &g->items[a->first + layer - g->layer_of[a->top] - 1];
            item->is_label = true;
            item->right = arrow->label_width;
            item->height = arrow->label_height;
            label_widths[layer] += arrow->label_width;
        }
    }
}

/* The item below the first k pieces of an arrow. */
static uint32_t item_after(const struct layers_arrow *a, uint32_t k)
{
    return k < a->n_items ? a->first + k : a->bottom;
}

static void link_items(struct layers *g)
{
    for (uint32_t pass = 0; pass < 2; pass++) { /* count, then fill */
        for (uint32_t i = 0; i < g->n_arrows; i++) {
            const struct layers_arrow *a = &g->arrows[i];
            uint32_t above = a->top;
            for (uint32_t k = 0; k <= a->n_items; k++) {
                uint32_t below = item_after(a, k);
                if (pass) {
                    g->down[g->down_first[above + 1]++] = below;
                    g->up[g->up_first[below + 1]++] = above;
                } else {
                    g->down_first[above + 2]++;
                    g->up_first[below + 2]++;
                }
                above = below;
            }
        }
        for (uint32_t i = 0; !pass && i < g->n_items; i++) {
            g->down_first[i + 2] += g->down_first[i + 1];
            g->up_first[i + 2] += g->up_first[i + 1];
        }
    }
}

bool layers_build(struct layers *g, struct err *err)
{
    if (!count_items(g, err))
        return false;
    size_t n = g->n_items, n_links = n - g->n_boxes + g->n_arrows;
    double *label_widths = ARENA_ARRAY(g->arena, double, (size_t)g->n_layers + 1);
    g->items = ARENA_ARRAY(g->arena, struct layers_item, n);
    g->order = ARENA_ARRAY(g->arena, uint32_t, n);
    g->first = ARENA_ARRAY(g->arena, uint32_t, (size_t)g->n_layers + 1);
    g->up = ARENA_ARRAY(g->arena, uint32_t, n_links);
    g->down = ARENA_ARRAY(g->arena, uint32_t, n_links);
    g->up_first = ARENA_ARRAY(g->arena, uint32_t, n + 2);
    g->down_first = ARENA_ARRAY(g->arena, uint32_t, n + 2);
    if (!label_widths || !g->items || !g->order || !g->first || !g->up || !g->down ||
        !g->up_first || !g->down_first)
        return err_nomem(err);
    fill_items(g, label_widths);
    link_items(g);
    for (uint32_t i = 0; i < g->n_items; i++)
        g->first[g->items[i].layer + 1]++;
    for (uint32_t i = 0; i < g->n_layers; i++)
        g->first[i + 1] += g->first[i];
    return true;
}
