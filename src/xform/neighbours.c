#include "xform/neighbours.h"

#include "base/pool.h"
#include "base/vec.h"
#include "xform/unit.h"

#include <stdlib.h>

#define MAX_ADDERS 4
#define FRAMES_PER_ADDER 500000 /* fewer are not worth a thread */
#define AHEAD 6                 /* samples */

/* What a node comes to; `seen` is the last sample that counted, plus 1. */
struct sum {
    uint64_t value;
    uint32_t seen;
};

enum what { MARKED, CALLERS, CALLEES, N_WHAT };

/* Goes through some of the samples. */
struct adder {
    const struct graph *g;
    const struct places *places;
    const uint8_t *marks;     /* by node */
    const uint8_t *locations; /* by location: it has a marked frame */
    uint32_t begin, end;      /* of the places' samples */
    struct sum *sums[N_WHAT]; /* by node */
    struct sum flat, cum;
};

static void add(struct sum *sum, uint32_t stamp, int64_t value)
{
    if (sum->seen == stamp)
        return;
    sum->seen = stamp;
    sum->value += (uint64_t)value;
}

/* The innermost frame from locs[from] on outwards; GRAPH_NONE: there is none. */
static uint32_t frame_outside(const struct graph *g, const struct view_sample *s, uint32_t from)
{
    for (uint32_t i = from; i < s->n_locs; i++)
        if (g->frame_first[s->locs[i]] < g->frame_first[s->locs[i] + 1])
            return g->frames[g->frame_first[s->locs[i] + 1] - 1] & ~GRAPH_FRAME_INLINED;
    return GRAPH_NONE;
}

/* Of a sample, n of whose locations have to be looked at: the others are outside of what is
 * marked. */
static void add_sample(struct adder *a, const struct view_sample *s, uint32_t n, uint32_t stamp,
                       int64_t value)
{
    const struct graph *g = a->g;
    uint32_t caller = GRAPH_NONE; /* the frame before, if it is marked */
    for (uint32_t i = n; i-- > 0;) {
        uint32_t loc = s->locs[i], end = g->frame_first[loc + 1];
        if (!a->locations[loc] && caller == GRAPH_NONE)
            continue;
        if (caller == GRAPH_NONE)
            caller = frame_outside(g, s, i + 1);
        for (uint32_t k = g->frame_first[loc]; k < end; k++) {
            uint32_t node = g->frames[k] & ~GRAPH_FRAME_INLINED;
            if (a->marks[node]) {
                add(&a->sums[MARKED][node], stamp, value);
                if (caller != GRAPH_NONE && caller != node)
                    add(&a->sums[CALLERS][caller], stamp, value);
            }
            if (caller != GRAPH_NONE && caller != node && a->marks[caller])
                add(&a->sums[CALLEES][node], stamp, value);
            caller = node;
        }
        if (caller != GRAPH_NONE && !a->marks[caller])
            caller = GRAPH_NONE;
    }
    add(&a->cum, stamp, value);
    if (a->marks[frame_outside(g, s, 0)])
        add(&a->flat, stamp, value);
}

/* Ask for the part of a stack that will be looked at. */
static void prefetch(const struct places *p, uint32_t sample)
{
    const uint32_t *locs = places_sample(p, sample)->locs;
    for (uint32_t i = 0; i <= p->at[sample].left; i += 16)
        __builtin_prefetch(&locs[i]);
}

static void add_samples(void *arg, size_t which)
{
    struct adder *a = (struct adder *)arg + which;
    const struct places *p = a->places;
    const struct view *view = a->g->view;
    for (uint32_t k = a->begin; k < a->end; k++) {
        uint32_t i = p->samples[k];
        const struct view_sample *s = &view->samples[i];
        uint32_t n = p->at[i].left + (p->at[i].frame != GRAPH_NONE);
        if (k + AHEAD < a->end)
            prefetch(p, p->samples[k + AHEAD]);
        add_sample(a, s, n, i + 1, view_value(view, s));
    }
}

static void join(struct sum *sum, const struct sum *other)
{
    sum->value += other->value;
    sum->seen |= other->seen;
}

static int by_size(const void *a, const void *b, void *arg)
{
    const struct neighbours_row *x = a, *y = b;
    const struct graph *g = arg;
    int64_t l = unit_abs(x->value), r = unit_abs(y->value);
    if (l != r)
        return l > r ? -1 : 1;
    int c = str_cmp(graph_name(g, x->node), graph_name(g, y->node));
    return c ? c : (x->node > y->node) - (x->node < y->node);
}

static bool make_table(struct neighbours_table *t, const struct graph *g, const struct sum *sums)
{
    VEC(struct neighbours_row) rows = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < g->n_nodes; i++)
        if (sums[i].seen)
            ok = vec_push(&rows, (struct neighbours_row){i, (int64_t)sums[i].value});
    if (rows.n > 1)
        qsort_r(rows.items, rows.n, sizeof *rows.items, by_size, (void *)g);
    t->rows = rows.items;
    t->n = (uint32_t)rows.n;
    return ok;
}

static bool collect(struct neighbours *n, const struct graph *g, struct adder *adders,
                    size_t n_adders)
{
    struct adder *first = &adders[0];
    for (size_t i = 1; i < n_adders; i++) {
        join(&first->flat, &adders[i].flat);
        join(&first->cum, &adders[i].cum);
        for (int what = 0; what < N_WHAT; what++)
            for (uint32_t node = 0; node < g->n_nodes; node++)
                join(&first->sums[what][node], &adders[i].sums[what][node]);
    }
    n->flat = (int64_t)first->flat.value;
    n->cum = (int64_t)first->cum.value;
    return make_table(&n->marked, g, first->sums[MARKED]) &&
           make_table(&n->callers, g, first->sums[CALLERS]) &&
           make_table(&n->callees, g, first->sums[CALLEES]);
}

static uint8_t *mark_locations(const struct graph *g, const uint8_t *marks)
{
    uint32_t n = g->view->profile->n_locations;
    uint8_t *locations = calloc((size_t)n + 1, 1);
    for (uint32_t loc = 0; locations && loc < n; loc++)
        for (uint32_t k = g->frame_first[loc]; k < g->frame_first[loc + 1]; k++)
            locations[loc] |= marks[g->frames[k] & ~GRAPH_FRAME_INLINED];
    return locations;
}

bool neighbours_init(struct neighbours *n, const struct places *p, const uint8_t *marks,
                     struct err *err)
{
    struct adder adders[MAX_ADDERS] = {0};
    const struct graph *g = p->sides[0].graph;
    uint64_t n_frames = 0;
    uint8_t *locations = mark_locations(g, marks);
    bool ok = locations;
    *n = (struct neighbours){0};
    for (uint32_t k = 0; k < p->n; k++)
        n_frames += p->at[p->samples[k]].left;
    size_t n_adders = (size_t)(n_frames / FRAMES_PER_ADDER);
    n_adders = n_adders < 1 ? 1 : n_adders > MAX_ADDERS ? MAX_ADDERS : n_adders;
    for (size_t i = 0; i < n_adders; i++) {
        adders[i] = (struct adder){
            .g = g,
            .places = p,
            .marks = marks,
            .locations = locations,
            .begin = (uint32_t)((uint64_t)p->n * i / n_adders),
            .end = (uint32_t)((uint64_t)p->n * (i + 1) / n_adders),
        };
        for (int what = 0; what < N_WHAT; what++) {
            adders[i].sums[what] = calloc((size_t)g->n_nodes + 1, sizeof(struct sum));
            ok = ok && adders[i].sums[what];
        }
    }
    if (ok) {
        pool_run(n_adders, 0, add_samples, adders);
        ok = collect(n, g, adders, n_adders);
    }
    for (size_t i = 0; i < n_adders; i++)
        for (int what = 0; what < N_WHAT; what++)
            free(adders[i].sums[what]);
    free(locations);
    return ok || err_nomem(err);
}

void neighbours_release(struct neighbours *n)
{
    free(n->marked.rows);
    free(n->callers.rows);
    free(n->callees.rows);
    *n = (struct neighbours){0};
}
