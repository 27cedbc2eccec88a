#include "xform/calltree.h"

#include "base/vec.h"

#include <stdlib.h>

/* How far a sample has been followed: frame_pos in graph.frames, within the
 * location locs[left]. */
struct cursor_pos {
    uint32_t left; /* locations still to come, the current one not counted */
    uint32_t frame, frame_end;
};

/* What the samples below a node that have the same next frame come to. */
struct group {
    int64_t sum;
    uint32_t n; /* samples; then where the next one goes */
    bool all_inlined;
};

struct work {
    const struct graph *g;
    uint32_t *samples;     /* indexes into view.samples; those of a node lie together */
    uint32_t *sorted;      /* scratch, as long */
    uint32_t *next;        /* the next frame of samples[i], GRAPH_NONE at the leaf */
    int64_t *weights;      /* by sample */
    struct cursor_pos *at; /* by sample */
    struct group *groups;  /* by graph node; cleared after each use */
    VEC(uint32_t) touched; /* of groups */
    VEC(struct calltree_node) nodes;
    VEC(uint32_t) begin; /* of the samples of nodes[i]; they end where `n_samples` says */
    VEC(uint32_t) n_samples;
};

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* The next frame of a sample, its inlined bit included; GRAPH_NONE at its end. */
static uint32_t advance(struct work *w, uint32_t sample)
{
    struct cursor_pos *at = &w->at[sample];
    while (at->frame == at->frame_end) {
        if (at->left == 0)
            return GRAPH_NONE;
        uint32_t loc = w->g->view->samples[sample].locs[--at->left];
        at->frame = w->g->frame_first[loc];
        at->frame_end = w->g->frame_first[loc + 1];
    }
    return w->g->frames[at->frame++];
}

static int by_size(const void *a, const void *b, void *arg)
{
    const struct work *w = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (w->groups[x].sum != w->groups[y].sum)
        return w->groups[x].sum > w->groups[y].sum ? -1 : 1;
    int c = str_cmp(graph_name(w->g, x), graph_name(w->g, y));
    return c ? c : (x > y) - (x < y);
}

/* Sort the samples of nodes[i] by their next frame into children. */
static bool split(struct work *w, uint32_t i, int64_t min_cum)
{
    struct calltree_node *node = &w->nodes.items[i];
    uint32_t begin = w->begin.items[i], end = begin + w->n_samples.items[i];
    vec_clear(&w->touched);
    for (uint32_t k = begin; k < end; k++) {
        uint32_t sample = w->samples[k], next = advance(w, sample);
        if (next == GRAPH_NONE) {
            node->self = add(node->self, w->weights[sample]);
            w->next[k] = GRAPH_NONE;
            continue;
        }
        uint32_t frame = next & ~GRAPH_FRAME_INLINED;
        struct group *group = &w->groups[frame];
        if (group->n++ == 0) {
            group->all_inlined = true;
            if (!vec_push(&w->touched, frame))
                return false;
        }
        group->sum = add(group->sum, w->weights[sample]);
        group->all_inlined &= (next & GRAPH_FRAME_INLINED) != 0;
        w->next[k] = frame;
    }
    if (w->touched.n > 1)
        qsort_r(w->touched.items, w->touched.n, sizeof *w->touched.items, by_size, w);

    uint32_t first = (uint32_t)w->nodes.n, place = begin, depth = node->depth + 1;
    size_t n = 0;
    for (; n < w->touched.n && w->groups[w->touched.items[n]].sum >= min_cum; n++) {
        uint32_t frame = w->touched.items[n];
        struct group *group = &w->groups[frame];
        struct calltree_node child = {.frame = frame,
                                      .parent = i,
                                      .depth = depth,
                                      .cum = group->sum,
                                      .is_inlined = group->all_inlined};
        if (!vec_push(&w->nodes, child) || !vec_push(&w->begin, place) ||
            !vec_push(&w->n_samples, group->n))
            return false;
        uint32_t n_samples = group->n;
        group->n = place;
        place += n_samples;
    }
    node = &w->nodes.items[i];
    node->first_child = first;
    node->n_children = (uint32_t)n;
    for (size_t k = n; k < w->touched.n; k++) {
        struct group *group = &w->groups[w->touched.items[k]];
        node->cut = add(node->cut, group->sum);
        node->n_cut += group->sum > 0; /* what is 0 is no loss */
        group->n = UINT32_MAX;
    }
    for (uint32_t k = begin; k < end; k++) {
        struct group *group = w->next[k] == GRAPH_NONE ? NULL : &w->groups[w->next[k]];
        if (group && group->n != UINT32_MAX)
            w->sorted[group->n++] = w->samples[k];
    }
    if (place > begin)
        memcpy(w->samples + begin, w->sorted + begin, (place - begin) * sizeof *w->samples);
    for (size_t k = 0; k < w->touched.n; k++)
        w->groups[w->touched.items[k]] = (struct group){0};
    return true;
}

static void count(struct calltree *t)
{
    for (uint32_t i = 0; i < t->n_nodes; i++) {
        const struct calltree_node *node = &t->nodes[i];
        t->n_cut += node->n_cut;
        t->cut = add(t->cut, node->cut);
        if (node->depth > t->max_depth)
            t->max_depth = node->depth;
    }
}

static bool build(struct calltree *t, const struct graph *g, int64_t min_cum)
{
    const struct view *view = g->view;
    size_t n = view->n_samples;
    struct work w = {
        .g = g,
        .samples = calloc(n + 1, sizeof *w.samples),
        .sorted = calloc(n + 1, sizeof *w.sorted),
        .next = calloc(n + 1, sizeof *w.next),
        .weights = calloc(n + 1, sizeof *w.weights),
        .at = calloc(n + 1, sizeof *w.at),
        .groups = calloc((size_t)g->n_nodes + 1, sizeof *w.groups),
    };
    struct calltree_node root = {.frame = GRAPH_NONE};
    bool ok = w.samples && w.sorted && w.next && w.weights && w.at && w.groups;
    *t = (struct calltree){.min_cum = min_cum};
    for (uint32_t i = 0; ok && i < n; i++) {
        const struct view_sample *s = &view->samples[i];
        int64_t v = view_mean(view_value(view, s), view_divisor(view, s));
        t->has_negative |= v < 0;
        w.weights[i] = v == INT64_MIN ? INT64_MAX : v < 0 ? -v : v;
        w.samples[i] = i;
        w.at[i].left = view->samples[i].n_locs;
        root.cum = add(root.cum, w.weights[i]);
    }
    ok = ok && vec_push(&w.nodes, root) && vec_push(&w.begin, 0) &&
         vec_push(&w.n_samples, (uint32_t)n);
    for (uint32_t i = 0; ok && i < w.nodes.n; i++)
        ok = split(&w, i, min_cum);
    free(w.samples);
    free(w.sorted);
    free(w.next);
    free(w.weights);
    free(w.at);
    free(w.groups);
    vec_release(&w.touched);
    vec_release(&w.begin);
    vec_release(&w.n_samples);
    t->nodes = w.nodes.items;
    t->n_nodes = (uint32_t)w.nodes.n;
    count(t);
    return ok;
}

static int larger_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

bool calltree_build(struct calltree *t, const struct graph *g, int64_t min_cum, uint32_t max_nodes,
                    struct err *err)
{
    if (min_cum < 1)
        min_cum = 1;
    if (!build(t, g, min_cum))
        return err_nomem(err);
    if (t->n_nodes <= max_nodes)
        return true;
    int64_t *sizes = malloc(t->n_nodes * sizeof *sizes);
    if (!sizes)
        return err_nomem(err);
    for (uint32_t i = 0; i < t->n_nodes; i++)
        sizes[i] = t->nodes[i].cum;
    qsort(sizes, t->n_nodes, sizeof *sizes, larger_first);
    /* The first size that no longer fits goes, with all that are equal. */
    min_cum = add(sizes[max_nodes], 1);
    free(sizes);
    calltree_release(t);
    return build(t, g, min_cum) || err_nomem(err);
}

void calltree_release(struct calltree *t)
{
    free(t->nodes);
    *t = (struct calltree){0};
}
