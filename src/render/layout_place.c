/* Coordinates.  x: each piece of an arrow should be as near to vertical as the
 * distances in the layers permit, the more so the heavier the arrow is and the less
 * it is held by boxes. */
#include "render/layout_layers.h"
#include "render/simplex.h"

#include <math.h>

#define N_SWEEPS 8
#define MAX_SIMPLEX_ITEMS 100000u
#define MAX_SIMPLEX_STEPS 60000000u

static double distance(const struct layers *g, const struct layers_item *l,
                       const struct layers_item *r)
{
    double gap = g->layout->box_gap;
    if (l->box == LAYERS_NONE || r->box == LAYERS_NONE)
        gap *= 0.6;
    return l->right + gap + r->left;
}

/* How much the piece of an arrow between two items, one above the other, should be
 * vertical.  Where an arrow has to bend, it does at the box that has more of them. */
static int32_t straightness(const struct layers *g, uint32_t above, uint32_t below)
{
    const struct layers_item *a = &g->items[above], *b = &g->items[below];
    if (a->box != LAYERS_NONE && b->box != LAYERS_NONE)
        return 1;
    const struct layers_arrow *arrow = &g->arrows[a->box == LAYERS_NONE ? a->arrow : b->arrow];
    uint32_t n_out = g->down_first[arrow->top + 1] - g->down_first[arrow->top];
    uint32_t n_in = g->up_first[arrow->bottom + 1] - g->up_first[arrow->bottom];
    uint32_t weight = g->layout->arrows[arrow->arrow].weight;
    int32_t held = 8;
    if (a->box != LAYERS_NONE)
        held = n_out < n_in ? 3 : 2;
    else if (b->box != LAYERS_NONE)
        held = n_out < n_in ? 2 : 3;
    return (int32_t)(weight < 1000 ? weight : 1000) * held;
}

/* A run of neighbours in a layer that touch: where its first would like to be. */
struct run {
    double target, weight;
    uint32_t end; /* position after its last */
};

/* Put the items of a layer as near as possible to where their neighbours above or
 * below are (the least sum of weighted squares; runs that collide are joined). */
static void place_layer(struct layers *g, uint32_t layer, bool above, struct run *runs,
                        double *offsets)
{
    const uint32_t *first = above ? g->up_first : g->down_first, *all = above ? g->up : g->down;
    const uint32_t *order = g->order + g->first[layer];
    uint32_t n = g->first[layer + 1] - g->first[layer], n_runs = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct layers_item *item = &g->items[order[i]];
        double sum = 0, weight = 0;
        for (uint32_t k = first[order[i]]; k < first[order[i] + 1]; k++) {
            double w =
                above ? straightness(g, all[k], order[i]) : straightness(g, order[i], all[k]);
            sum += w * g->items[all[k]].x;
            weight += w;
        }
        if (weight == 0) { /* nothing there: it gives way to the others */
            weight = 0.01;
            sum = weight * item->x;
        }
        offsets[i] = i ? offsets[i - 1] + distance(g, &g->items[order[i - 1]], item) : 0;
        runs[n_runs++] = (struct run){sum / weight - offsets[i], weight, i + 1};
        while (n_runs > 1 && runs[n_runs - 2].target > runs[n_runs - 1].target) {
            struct run *l = &runs[n_runs - 2], *r = &runs[n_runs - 1];
            l->target = (l->target * l->weight + r->target * r->weight) / (l->weight + r->weight);
            l->weight += r->weight;
            l->end = r->end;
            n_runs--;
        }
    }
    for (uint32_t i = 0, k = 0; i < n; i++) {
        if (i == runs[k].end)
            k++;
        g->items[order[i]].x = runs[k].target + offsets[i];
    }
}

static bool sweep(struct layers *g, struct err *err)
{
    uint32_t widest = 0;
    for (uint32_t i = 0; i < g->n_layers; i++)
        if (g->first[i + 1] - g->first[i] > widest)
            widest = g->first[i + 1] - g->first[i];
    struct run *runs = ARENA_ARRAY(g->arena, struct run, widest);
    double *offsets = ARENA_ARRAY(g->arena, double, widest);
    if (!runs || !offsets)
        return err_nomem(err);
    for (int i = 0; i < N_SWEEPS; i++) {
        for (uint32_t layer = 0; layer < g->n_layers; layer++)
            place_layer(g, layer, true, runs, offsets);
        for (uint32_t layer = g->n_layers; layer-- > 0;)
            place_layer(g, layer, false, runs, offsets);
    }
    return true;
}

/* The best places for the sum of the pieces' widths.  A piece is two edges from a
 * value that is left of both its ends. */
static bool solve(struct layers *g, struct err *err)
{
    uint32_t n_links = g->up_first[g->n_items], n = g->n_items + n_links;
    uint32_t n_edges = 2 * n_links + g->n_items - g->n_layers, at = 0, link = g->n_items;
    int32_t *values = ARENA_ARRAY(g->arena, int32_t, n);
    struct simplex_edge *edges = ARENA_ARRAY(g->arena, struct simplex_edge, n_edges);
    if (!values || !edges)
        return err_nomem(err);
    for (uint32_t layer = 0; layer < g->n_layers; layer++) {
        for (uint32_t i = g->first[layer]; i < g->first[layer + 1]; i++) {
            uint32_t item = g->order[i];
            values[item] = (int32_t)lround(g->items[item].x);
            if (i == g->first[layer])
                continue;
            uint32_t left = g->order[i - 1];
            int32_t length = (int32_t)ceil(distance(g, &g->items[left], &g->items[item]));
            if (values[item] < values[left] + length)
                values[item] = values[left] + length;
            edges[at++] = (struct simplex_edge){left, item, length, 0};
        }
    }
    for (uint32_t i = 0; i < g->n_items; i++) {
        for (uint32_t k = g->down_first[i]; k < g->down_first[i + 1]; k++, link++) {
            uint32_t below = g->down[k];
            int32_t weight = straightness(g, i, below);
            values[link] = values[i] < values[below] ? values[i] : values[below];
            edges[at++] = (struct simplex_edge){link, i, 0, weight};
            edges[at++] = (struct simplex_edge){link, below, 0, weight};
        }
    }
    if (!simplex_solve(values, n, edges, at, true, MAX_SIMPLEX_STEPS, err))
        return false;
    for (uint32_t i = 0; i < g->n_items; i++)
        g->items[i].x = values[i];
    return true;
}

/* Room for the pieces of arrows that lead far to the side, so that they are not flat. */
static double room_below(const struct layers *g, uint32_t layer)
{
    double most = 0;
    for (uint32_t i = g->first[layer]; i < g->first[layer + 1]; i++) {
        uint32_t item = g->order[i];
        for (uint32_t k = g->down_first[item]; k < g->down_first[item + 1]; k++) {
            double dx = fabs(g->items[item].x - g->items[g->down[k]].x);
            most = fmax(most, dx);
        }
    }
    return fmin(most / 20, g->layout->layer_gap);
}

static bool place_layers(struct layers *g, struct err *err)
{
    double gap = g->layout->layer_gap / (g->has_labels ? 2 : 1), y = 0;
    g->y = ARENA_ARRAY(g->arena, double, g->n_layers);
    g->height = ARENA_ARRAY(g->arena, double, g->n_layers);
    if (!g->y || !g->height)
        return err_nomem(err);
    for (uint32_t i = 0; i < g->n_items; i++)
        if (g->items[i].height > g->height[g->items[i].layer])
            g->height[g->items[i].layer] = g->items[i].height;
    for (uint32_t i = 0; i < g->n_layers; i++) {
        g->y[i] = y + g->height[i] / 2;
        y += g->height[i] + gap + room_below(g, i);
    }
    return true;
}

bool layers_place(struct layers *g, struct err *err)
{
    double left = INFINITY, right = -INFINITY;
    if (!sweep(g, err) || (g->n_items <= MAX_SIMPLEX_ITEMS && !solve(g, err)))
        return false;
    for (uint32_t i = 0; i < g->n_items; i++) {
        left = fmin(left, g->items[i].x - g->items[i].left);
        right = fmax(right, g->items[i].x + g->items[i].right);
    }
    for (uint32_t i = 0; i < g->n_items; i++)
        g->items[i].x -= left;
    g->width = right - left;
    return place_layers(g, err);
}
