/* The order within the layers: sweeps that sort each by the medians of the neighbours
 * in the one before, then swaps of neighbours; what had the fewest crossings is kept. */
#include "render/layout_layers.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SWEEPS 24
#define MAX_VAIN_SWEEPS 8 /* without getting better */
#define MAX_SWAP_ROUNDS 20
#define MAX_STEPS 150000000u

struct ordering {
    struct layers *g;
    uint32_t *best;
    uint32_t *up_places, *down_places; /* as g->up and g->down: positions, sorted */
    double *medians;                   /* by item */
    uint32_t *sorted, *scratch, *tree; /* [widest layer] */
    bool *is_dirty;                    /* by layer: swaps may help */
    uint64_t steps;
};

static void set_positions(struct layers *g, uint32_t layer)
{
    for (uint32_t i = g->first[layer]; i < g->first[layer + 1]; i++)
        g->items[g->order[i]].position = i - g->first[layer];
}

static void sort_places(uint32_t *places, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint32_t place = places[i], k = i;
        for (; k && places[k - 1] > place; k--)
            places[k] = places[k - 1];
        places[k] = place;
    }
}

static int compare_places(const void *a, const void *b)
{
    uint32_t l = *(const uint32_t *)a, r = *(const uint32_t *)b;
    return (l > r) - (l < r);
}

/* The positions of an item's neighbours above or below, sorted. */
static uint32_t find_places(struct ordering *o, uint32_t item, bool above)
{
    const struct layers *g = o->g;
    const uint32_t *first = above ? g->up_first : g->down_first, *all = above ? g->up : g->down;
    uint32_t *places = (above ? o->up_places : o->down_places) + first[item];
    uint32_t n = first[item + 1] - first[item];
    for (uint32_t i = 0; i < n; i++)
        places[i] = g->items[all[first[item] + i]].position;
    if (n > 16)
        qsort(places, n, sizeof *places, compare_places);
    else
        sort_places(places, n);
    o->steps += n + 1;
    return n;
}

/* Crossings between a layer and the next. */
static uint64_t count_crossings(struct ordering *o, uint32_t layer)
{
    const struct layers *g = o->g;
    uint32_t width = g->first[layer + 2] - g->first[layer + 1], n_links = 0;
    uint64_t crossings = 0;
    /* tree[i] (a Fenwick tree): how many of the links so far end at a range of places. */
    memset(o->tree, 0, (width + 1) * sizeof *o->tree);
    for (uint32_t i = g->first[layer]; i < g->first[layer + 1]; i++) {
        uint32_t item = g->order[i], n = find_places(o, item, false);
        const uint32_t *places = o->down_places + g->down_first[item];
        for (uint32_t k = 0; k < n; k++) {
            uint32_t not_beyond = 0;
            for (uint32_t at = places[k] + 1; at; at &= at - 1)
                not_beyond += o->tree[at];
            crossings += n_links + k - not_beyond;
            for (uint32_t at = places[k] + 1; at <= width; at += at & -at)
                o->tree[at]++;
        }
        n_links += n;
    }
    return crossings;
}

static uint64_t count_all(struct ordering *o)
{
    uint64_t crossings = 0;
    for (uint32_t i = 0; i + 1 < o->g->n_layers; i++)
        crossings += count_crossings(o, i);
    return crossings;
}

/* Where the neighbours are, the crowd of them rather than the middle. */
static double median(const uint32_t *places, uint32_t n)
{
    uint32_t middle = n / 2;
    if (n & 1)
        return places[middle];
    if (n == 2)
        return (places[0] + places[1]) / 2.0;
    double left = places[middle - 1] - places[0], right = places[n - 1] - places[middle];
    if (left + right == 0)
        return (places[middle - 1] + places[middle]) / 2.0;
    return (places[middle - 1] * right + places[middle] * left) / (left + right);
}

struct by_median {
    const double *medians;
    const struct layers_item *items;
    bool flip; /* what is equal changes its order */
};

static int compare_medians(const void *a, const void *b, void *context)
{
    const struct by_median *c = context;
    uint32_t l = *(const uint32_t *)a, r = *(const uint32_t *)b;
    if (c->medians[l] != c->medians[r])
        return c->medians[l] < c->medians[r] ? -1 : 1;
    uint32_t lp = c->items[l].position, rp = c->items[r].position;
    return ((lp > rp) - (lp < rp)) * (c->flip ? -1 : 1);
}

/* Sort a layer by its neighbours above or below; what has none there stays. */
static void sort_layer(struct ordering *o, uint32_t layer, bool above, bool flip)
{
    struct layers *g = o->g;
    struct by_median context = {o->medians, g->items, flip};
    uint32_t n = 0, begin = g->first[layer], end = g->first[layer + 1];
    for (uint32_t i = begin; i < end; i++) {
        uint32_t item = g->order[i], n_places = find_places(o, item, above);
        o->medians[item] = -1;
        if (!n_places)
            continue;
        o->medians[item] =
            median(above ? o->up_places + g->up_first[item] : o->down_places + g->down_first[item],
                   n_places);
        o->sorted[n++] = item;
    }
    if (n < 2)
        return;
    qsort_r(o->sorted, n, sizeof *o->sorted, compare_medians, &context);
    for (uint32_t i = begin, k = 0; i < end; i++)
        if (o->medians[g->order[i]] >= 0)
            o->scratch[i - begin] = o->sorted[k++];
        else
            o->scratch[i - begin] = g->order[i];
    memcpy(g->order + begin, o->scratch, (end - begin) * sizeof *g->order);
    set_positions(g, layer);
}

static void sweep(struct ordering *o, bool downwards, bool flip)
{
    uint32_t n = o->g->n_layers;
    for (uint32_t i = 1; i < n; i++)
        sort_layer(o, downwards ? i : n - 1 - i, downwards, flip);
}

/* Crossings between the links of two items where the first is left of the second,
 * less those if it were right of it. */
static int64_t gain(const uint32_t *left, uint32_t n_left, const uint32_t *right, uint32_t n_right)
{
    int64_t crossings = 0, swapped = 0;
    uint32_t below = 0, up_to = 0; /* places of `right` less than, at most that of `left` */
    for (uint32_t i = 0; i < n_left; i++) {
        while (below < n_right && right[below] < left[i])
            below++;
        while (up_to < n_right && right[up_to] <= left[i])
            up_to++;
        crossings += below;
        swapped += n_right - up_to;
    }
    return crossings - swapped;
}

static int64_t swap_gain(struct ordering *o, uint32_t l, uint32_t r)
{
    const struct layers *g = o->g;
    uint32_t lu = g->up_first[l], ru = g->up_first[r];
    uint32_t ld = g->down_first[l], rd = g->down_first[r];
    uint32_t n_lu = g->up_first[l + 1] - lu, n_ru = g->up_first[r + 1] - ru;
    uint32_t n_ld = g->down_first[l + 1] - ld, n_rd = g->down_first[r + 1] - rd;
    o->steps += n_lu + n_ru + n_ld + n_rd + 1;
    return gain(o->up_places + lu, n_lu, o->up_places + ru, n_ru) +
           gain(o->down_places + ld, n_ld, o->down_places + rd, n_rd);
}

/* Swap neighbours in a layer where that saves crossings (or, with `equal`, costs
 * none); how many it saved. */
static uint64_t swap_layer(struct ordering *o, uint32_t layer, bool equal)
{
    struct layers *g = o->g;
    uint64_t saved = 0;
    uint32_t begin = g->first[layer], end = g->first[layer + 1];
    for (uint32_t i = begin; i < end; i++) {
        find_places(o, g->order[i], true);
        find_places(o, g->order[i], false);
    }
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = begin; i + 1 < end; i++) {
            uint32_t l = g->order[i], r = g->order[i + 1];
            int64_t by = swap_gain(o, l, r);
            if (by < 0 || (by == 0 && !equal))
                continue;
            g->order[i] = r;
            g->order[i + 1] = l;
            saved += (uint64_t)by;
            more = more || by > 0;
        }
        equal = false;
    }
    set_positions(g, layer);
    return saved;
}

static uint64_t swap_all(struct ordering *o, bool equal)
{
    uint32_t n = o->g->n_layers;
    uint64_t saved = 0, last = 1;
    for (uint32_t i = 0; i < n; i++)
        o->is_dirty[i] = true;
    for (int round = 0; last && round < MAX_SWAP_ROUNDS && o->steps < MAX_STEPS; round++) {
        last = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (!o->is_dirty[i])
                continue;
            uint64_t by = swap_layer(o, i, equal);
            o->is_dirty[i] = false;
            if (by && i)
                o->is_dirty[i - 1] = true;
            if (by && i + 1 < n)
                o->is_dirty[i + 1] = true;
            last += by;
        }
        saved += last;
        equal = false;
    }
    return saved;
}

/* A first order: depth first from the top (or the bottom), so that what hangs on one
 * item is side by side. */
static void start_order(struct ordering *o, bool from_top)
{
    struct layers *g = o->g;
    uint32_t *stack = o->best; /* not in use yet; each item is on it once */
    const uint32_t *first = from_top ? g->down_first : g->up_first;
    const uint32_t *next = from_top ? g->down : g->up;
    for (uint32_t i = 0; i < g->n_items; i++)
        g->items[i].position = LAYERS_NONE;
    uint32_t *n_placed = o->sorted;
    memset(n_placed, 0, g->n_layers * sizeof *n_placed);
    for (uint32_t k = 0; k < g->n_layers; k++) {
        uint32_t layer = from_top ? k : g->n_layers - 1 - k;
        for (uint32_t start = 0; start < g->n_boxes; start++) {
            if (g->items[start].layer != layer || g->items[start].position != LAYERS_NONE)
                continue;
            uint32_t depth = 0;
            stack[depth++] = start;
            while (depth) {
                uint32_t item = stack[--depth], at = g->items[item].layer;
                if (g->items[item].position != LAYERS_NONE)
                    continue;
                g->items[item].position = n_placed[at];
                g->order[g->first[at] + n_placed[at]++] = item;
                for (uint32_t i = first[item + 1]; i-- > first[item];)
                    if (g->items[next[i]].position == LAYERS_NONE)
                        stack[depth++] = next[i];
            }
        }
    }
}

/* From the order that is there; *best_crossings belongs to o->best. */
static void improve(struct ordering *o, uint64_t *best_crossings)
{
    struct layers *g = o->g;
    uint64_t crossings = count_all(o);
    int vain = 0;
    for (int i = 0;; i++) {
        if (crossings < *best_crossings) {
            if (crossings > *best_crossings - *best_crossings / 200)
                vain++;
            else
                vain = 0;
            memcpy(o->best, g->order, g->n_items * sizeof *g->order);
            *best_crossings = crossings;
        } else {
            vain++;
        }
        if (!*best_crossings || i == MAX_SWEEPS || vain > MAX_VAIN_SWEEPS || o->steps > MAX_STEPS)
            return;
        sweep(o, i % 2 == 0, i % 4 < 2);
        crossings = count_all(o);
        crossings -= swap_all(o, i % 4 < 2);
    }
}

static bool alloc_ordering(struct ordering *o)
{
    struct layers *g = o->g;
    size_t widest = g->n_layers, n = g->n_items, n_links = g->up_first[n];
    for (uint32_t i = 0; i < g->n_layers; i++)
        if (g->first[i + 1] - g->first[i] > widest)
            widest = g->first[i + 1] - g->first[i];
    /* start_order() pushes an item once for each link to it. */
    o->best = ARENA_ARRAY(g->arena, uint32_t, n + n_links);
    o->up_places = ARENA_ARRAY(g->arena, uint32_t, n_links);
    o->down_places = ARENA_ARRAY(g->arena, uint32_t, n_links);
    o->medians = ARENA_ARRAY(g->arena, double, n);
    o->sorted = ARENA_ARRAY(g->arena, uint32_t, widest);
    o->scratch = ARENA_ARRAY(g->arena, uint32_t, widest);
    o->tree = ARENA_ARRAY(g->arena, uint32_t, widest + 1);
    o->is_dirty = ARENA_ARRAY(g->arena, bool, g->n_layers);
    return o->best && o->up_places && o->down_places && o->medians && o->sorted && o->scratch &&
           o->tree && o->is_dirty;
}

bool layers_order(struct layers *g, struct err *err)
{
    struct ordering o = {.g = g};
    uint64_t best_crossings = UINT64_MAX;
    uint32_t *best = ARENA_ARRAY(g->arena, uint32_t, g->n_items);
    if (!best || !alloc_ordering(&o))
        return err_nomem(err);
    for (int from_top = 1; from_top >= 0; from_top--) {
        uint64_t crossings = UINT64_MAX;
        start_order(&o, from_top);
        improve(&o, &crossings);
        if (crossings < best_crossings) {
            memcpy(best, o.best, g->n_items * sizeof *best);
            best_crossings = crossings;
        }
    }
    memcpy(g->order, best, g->n_items * sizeof *best);
    for (uint32_t i = 0; i < g->n_layers; i++)
        set_positions(g, i);
    return true;
}
