/* The order within the layers: sweeps that sort each by the medians of the neighbours
 * in the one before, then swaps of neighbours; what had the fewest crossings is kept. */
#include "base/pool.h"
#include "render/layout_layers.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SWEEPS 24
#define MAX_VAIN_SWEEPS 8 /* without getting better */
#define MAX_SWAP_ROUNDS 20
#define MAX_STEPS 75000000u /* from each end */
#define SMALL 200           /* items: not worth a thread */

/* An item of a layer that is sorted. */
struct sorted {
    double median;
    uint32_t item, place; /* where it was, from the right if what is equal changes its order */
};

struct ordering {
    const struct layers *g;
    uint32_t *order, *best;            /* as g->order: now, and with the fewest crossings */
    uint64_t n_crossings;              /* of the best */
    bool from_top;                     /* how it starts */
    uint32_t *positions;               /* by item: in its layer */
    uint32_t *up_places, *down_places; /* as g->up and g->down: positions, sorted */
    struct sorted *sorted;             /* [widest layer] */
    uint32_t *n_placed, *tree;         /* [widest layer] */
    bool *is_dirty;                    /* by layer: swaps may help */
    uint64_t steps;
};

static void set_positions(struct ordering *o, uint32_t layer)
{
    const struct layers *g = o->g;
    for (uint32_t i = g->first[layer]; i < g->first[layer + 1]; i++)
        o->positions[o->order[i]] = i - g->first[layer];
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
        places[i] = o->positions[all[first[item] + i]];
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
        uint32_t item = o->order[i], n = find_places(o, item, false);
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

static int compare_sorted(const void *a, const void *b)
{
    const struct sorted *l = a, *r = b;
    if (l->median != r->median)
        return l->median < r->median ? -1 : 1;
    return (l->place > r->place) - (l->place < r->place);
}

/* Most layers are narrow, and in order or nearly so. */
static void sort_items(struct sorted *items, uint32_t n)
{
    if (n > 64) {
        qsort(items, n, sizeof *items, compare_sorted);
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        struct sorted item = items[i];
        uint32_t k = i;
        for (; k && compare_sorted(&items[k - 1], &item) > 0; k--)
            items[k] = items[k - 1];
        items[k] = item;
    }
}

/* Sort a layer by its neighbours above or below; what has none there stays. */
static void sort_layer(struct ordering *o, uint32_t layer, bool above, bool flip)
{
    const struct layers *g = o->g;
    const uint32_t *first = above ? g->up_first : g->down_first;
    uint32_t n = 0, begin = g->first[layer], end = g->first[layer + 1];
    for (uint32_t i = begin; i < end; i++) {
        uint32_t item = o->order[i], n_places = find_places(o, item, above);
        if (!n_places)
            continue;
        const uint32_t *places = (above ? o->up_places : o->down_places) + first[item];
        o->sorted[n++] = (struct sorted){median(places, n_places), item, flip ? end - i : i};
    }
    if (n < 2)
        return;
    sort_items(o->sorted, n);
    for (uint32_t i = begin, k = 0; i < end; i++)
        if (first[o->order[i]] < first[o->order[i] + 1])
            o->order[i] = o->sorted[k++].item;
    set_positions(o, layer);
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
    const struct layers *g = o->g;
    uint64_t saved = 0;
    uint32_t begin = g->first[layer], end = g->first[layer + 1];
    for (uint32_t i = begin; i < end; i++) {
        find_places(o, o->order[i], true);
        find_places(o, o->order[i], false);
    }
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = begin; i + 1 < end; i++) {
            uint32_t l = o->order[i], r = o->order[i + 1];
            int64_t by = swap_gain(o, l, r);
            if (by < 0 || (by == 0 && !equal))
                continue;
            o->order[i] = r;
            o->order[i + 1] = l;
            saved += (uint64_t)by;
            more = more || by > 0;
        }
        equal = false;
    }
    set_positions(o, layer);
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
static void start_order(struct ordering *o)
{
    const struct layers *g = o->g;
    bool from_top = o->from_top;
    uint32_t *stack = o->best; /* not in use yet; each item is on it once */
    const uint32_t *first = from_top ? g->down_first : g->up_first;
    const uint32_t *next = from_top ? g->down : g->up;
    for (uint32_t i = 0; i < g->n_items; i++)
        o->positions[i] = LAYERS_NONE;
    uint32_t *n_placed = o->n_placed;
    memset(n_placed, 0, g->n_layers * sizeof *n_placed);
    for (uint32_t k = 0; k < g->n_layers; k++) {
        uint32_t layer = from_top ? k : g->n_layers - 1 - k;
        for (uint32_t start = 0; start < g->n_boxes; start++) {
            if (g->items[start].layer != layer || o->positions[start] != LAYERS_NONE)
                continue;
            uint32_t depth = 0;
            stack[depth++] = start;
            while (depth) {
                uint32_t item = stack[--depth], at = g->items[item].layer;
                if (o->positions[item] != LAYERS_NONE)
                    continue;
                o->positions[item] = n_placed[at];
                o->order[g->first[at] + n_placed[at]++] = item;
                for (uint32_t i = first[item + 1]; i-- > first[item];)
                    if (o->positions[next[i]] == LAYERS_NONE)
                        stack[depth++] = next[i];
            }
        }
    }
}

/* From the order that is there. */
static void improve(struct ordering *o)
{
    const struct layers *g = o->g;
    uint64_t crossings = count_all(o);
    int vain = 0;
    o->n_crossings = UINT64_MAX;
    for (int i = 0;; i++) {
        if (crossings < o->n_crossings) {
            if (crossings > o->n_crossings - o->n_crossings / 200)
                vain++;
            else
                vain = 0;
            memcpy(o->best, o->order, g->n_items * sizeof *o->order);
            o->n_crossings = crossings;
        } else {
            vain++;
        }
        if (!o->n_crossings || i == MAX_SWEEPS || vain > MAX_VAIN_SWEEPS || o->steps > MAX_STEPS)
            return;
        sweep(o, i % 2 == 0, i % 4 < 2);
        crossings = count_all(o);
        crossings -= swap_all(o, i % 4 < 2);
    }
}

static bool ordering_init(struct ordering *o, const struct layers *g, bool from_top)
{
    size_t widest = g->n_layers, n = g->n_items, n_links = g->up_first[n];
    for (uint32_t i = 0; i < g->n_layers; i++)
        if (g->first[i + 1] - g->first[i] > widest)
            widest = g->first[i + 1] - g->first[i];
    o->g = g;
    o->from_top = from_top;
    o->order = ARENA_ARRAY(g->arena, uint32_t, n);
    /* start_order() pushes an item once for each link to it. */
    o->best = ARENA_ARRAY(g->arena, uint32_t, n + n_links);
    o->up_places = ARENA_ARRAY(g->arena, uint32_t, n_links);
    o->down_places = ARENA_ARRAY(g->arena, uint32_t, n_links);
    o->positions = ARENA_ARRAY(g->arena, uint32_t, n);
    o->sorted = ARENA_ARRAY(g->arena, struct sorted, widest);
    o->n_placed = ARENA_ARRAY(g->arena, uint32_t, widest);
    o->tree = ARENA_ARRAY(g->arena, uint32_t, widest + 1);
    o->is_dirty = ARENA_ARRAY(g->arena, bool, g->n_layers);
    return o->order && o->best && o->up_places && o->down_places && o->positions && o->sorted &&
           o->n_placed && o->tree && o->is_dirty;
}

static void find_order(void *arg, size_t which)
{
    struct ordering *o = (struct ordering *)arg + which;
    start_order(o);
    improve(o);
}

bool layers_order(struct layers *g, struct err *err)
{
    struct ordering orderings[2] = {0};
    if (!ordering_init(&orderings[0], g, true) || !ordering_init(&orderings[1], g, false))
        return err_nomem(err);
    pool_run(2, g->n_items < SMALL ? 1 : 0, find_order, orderings);
    const struct ordering *best = &orderings[orderings[1].n_crossings < orderings[0].n_crossings];
    memcpy(g->order, best->best, g->n_items * sizeof *g->order);
    for (uint32_t i = 0; i < g->n_layers; i++)
        for (uint32_t k = g->first[i]; k < g->first[i + 1]; k++)
            g->items[g->order[k]].position = k - g->first[i];
    return true;
}
