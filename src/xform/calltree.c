#include "xform/calltree.h"

#include <string.h>

#define AHEAD 12 /* samples */

/* What the samples below a node that have the same next frame come to. */
struct group {
    int64_t sum, before;
    uint32_t n; /* samples; then where the next one goes */
    bool all_inlined;
};

/* Takes samples apart by their next frame. */
struct splitter {
    const struct places *p;
    bool outwards;
    uint32_t *samples;     /* those of a node lie together */
    struct place *at;      /* by sample */
    uint32_t *next;        /* the next frame of samples[i], GRAPH_NONE at the end */
    struct group *groups;  /* by frame; cleared after each use */
    VEC(uint32_t) touched; /* of groups: n_large of them, the largest first; then the others */
    size_t n_large;
    int64_t self; /* of the samples that ended */
};

static int by_size(const void *a, const void *b, void *arg)
{
    const struct splitter *w = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (w->groups[x].sum != w->groups[y].sum)
        return w->groups[x].sum > w->groups[y].sum ? -1 : 1;
    int c = str_cmp(places_name(w->p, x), places_name(w->p, y));
    return c ? c : (x > y) - (x < y);
}

static uint32_t advance(struct splitter *w, uint32_t sample)
{
    return w->outwards ? places_outwards(w->p, sample, &w->at[sample])
                       : places_inwards(w->p, sample, &w->at[sample]);
}

/* Ask for the part of a stack that advance will look at: samples lie far apart. */
static void prefetch(const struct splitter *w, uint32_t sample)
{
    const struct view_sample *s = places_sample(w->p, sample);
    uint32_t left = w->at[sample].left;
    __builtin_prefetch(&s->locs[w->outwards || !left ? left : left - 1]);
}

/* Those that are large enough first, in order.  The others are often many, and not looked
 * at one by one. */
static void sort_groups(struct splitter *w, int64_t min_cum)
{
    uint32_t *frames = w->touched.items;
    w->n_large = 0;
    for (size_t i = 0; i < w->touched.n; i++) {
        uint32_t frame = frames[i];
        if (w->groups[frame].sum < min_cum)
            continue;
        frames[i] = frames[w->n_large];
        frames[w->n_large++] = frame;
    }
    if (w->n_large > 1)
        qsort_r(frames, w->n_large, sizeof *frames, by_size, w);
}

/* Take samples[begin .. end) one frame on, and make groups of them: those of min_cum at
 * least are large.  False: no memory. */
static bool split(struct splitter *w, uint32_t begin, uint32_t end, int64_t min_cum)
{
    vec_clear(&w->touched);
    w->self = 0;
    for (uint32_t k = begin; k < end; k++) {
        if (k + AHEAD < end)
            prefetch(w, w->samples[k + AHEAD]);
        uint32_t sample = w->samples[k], next = advance(w, sample);
        int64_t weight = w->p->weights[sample], size = weight < 0 ? -weight : weight;
        if (next == GRAPH_NONE) {
            w->self = places_add(w->self, size);
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
        group->sum = places_add(group->sum, size);
        group->before = places_add(group->before, weight < 0 ? size : 0);
        group->all_inlined &= (next & GRAPH_FRAME_INLINED) != 0;
        w->next[k] = frame;
    }
    sort_groups(w, min_cum);
    return true;
}

static void clear_groups(struct splitter *w)
{
    for (size_t k = 0; k < w->touched.n; k++)
        w->groups[w->touched.items[k]] = (struct group){0};
}

static bool splitter_init(struct splitter *w, const struct places *p)
{
    w->p = p;
    w->next = malloc(((size_t)p->n + 1) * sizeof *w->next);
    w->groups = calloc((size_t)p->n_frames + 1, sizeof *w->groups);
    return w->next && w->groups;
}

static void splitter_release(struct splitter *w)
{
    free(w->next);
    free(w->groups);
    vec_release(&w->touched);
}

struct work {
    struct splitter split;
    uint32_t *sorted; /* scratch, as long as samples */
    int64_t min_cum;
    VEC(struct calltree_node) nodes;
    VEC(uint32_t) begin; /* of the samples of nodes[i]; they end where `n_samples` says */
    VEC(uint32_t) n_samples;
};

/* Give nodes[i] its children. */
static bool grow_node(struct work *w, uint32_t i)
{
    struct splitter *s = &w->split;
    uint32_t begin = w->begin.items[i], end = begin + w->n_samples.items[i];
    if (!split(s, begin, end, w->min_cum))
        return false;
    uint32_t first = (uint32_t)w->nodes.n, place = begin, depth = w->nodes.items[i].depth + 1;
    size_t n = s->n_large;
    for (size_t k = 0; k < n; k++) {
        uint32_t frame = s->touched.items[k];
        struct group *group = &s->groups[frame];
        struct calltree_node child = {.frame = frame,
                                      .parent = i,
                                      .depth = depth,
                                      .cum = group->sum,
                                      .before = group->before,
                                      .is_inlined = group->all_inlined};
        if (!vec_push(&w->nodes, child) || !vec_push(&w->begin, place) ||
            !vec_push(&w->n_samples, group->n))
            return false;
        uint32_t n_samples = group->n;
        group->n = place;
        place += n_samples;
    }
    struct calltree_node *node = &w->nodes.items[i];
    node->self = s->self;
    node->first_child = first;
    node->n_children = (uint32_t)n;
    for (size_t k = n; k < s->touched.n; k++) {
        struct group *group = &s->groups[s->touched.items[k]];
        node->cut = places_add(node->cut, group->sum);
        node->n_cut++;
        group->n = UINT32_MAX;
    }
    for (uint32_t k = begin; k < end; k++) {
        struct group *group = s->next[k] == GRAPH_NONE ? NULL : &s->groups[s->next[k]];
        if (group && group->n != UINT32_MAX)
            w->sorted[group->n++] = s->samples[k];
    }
    if (place > begin)
        memcpy(s->samples + begin, w->sorted + begin, (place - begin) * sizeof *s->samples);
    clear_groups(s);
    return true;
}

static int larger_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* Take out the smallest nodes, of equal ones the last, so that max_nodes are left.  What is
 * taken out would also be if the tree were grown first: nodes that come later only make
 * the limit higher.  *i: the node that is to grow next. */
static bool trim(struct work *w, uint32_t max_nodes, uint32_t *i)
{
    uint32_t n = (uint32_t)w->nodes.n, n_kept = 0, grown = *i, n_equal = max_nodes;
    struct calltree_node *nodes = w->nodes.items;
    int64_t *sizes = malloc(n * sizeof *sizes);
    uint32_t *moved = malloc(n * sizeof *moved); /* where a node went; UINT32_MAX: out */
    if (!sizes || !moved) {
        free(sizes);
        free(moved);
        return false;
    }
    for (uint32_t k = 0; k < n; k++)
        sizes[k] = nodes[k].cum;
    qsort(sizes, n, sizeof *sizes, larger_first);
    int64_t limit = sizes[max_nodes - 1];
    for (uint32_t k = 0; k < max_nodes && sizes[k] > limit; k++)
        n_equal--; /* so many that are equal to the limit stay */
    free(sizes);
    *i = 0;
    for (uint32_t k = 0; k < n; k++) {
        struct calltree_node node = nodes[k];
        bool keep = k == 0 || node.cum > limit || (node.cum == limit && n_equal > 0);
        n_equal -= keep && node.cum == limit && n_equal > 0;
        uint32_t parent = moved[node.parent];
        if (k == 0)
            parent = 0;
        if (!keep) {
            moved[k] = UINT32_MAX;
            if (parent != UINT32_MAX) {
                nodes[parent].n_children--;
                nodes[parent].n_cut++;
                nodes[parent].cut = places_add(nodes[parent].cut, node.cum);
            }
            continue;
        }
        moved[k] = n_kept;
        node.parent = parent;
        if (k > 0 && nodes[parent].first_child == k)
            nodes[parent].first_child = n_kept;
        nodes[n_kept] = node;
        w->begin.items[n_kept] = w->begin.items[k];
        w->n_samples.items[n_kept] = w->n_samples.items[k];
        *i += k < grown;
        n_kept++;
    }
    w->nodes.n = w->begin.n = w->n_samples.n = n_kept;
    w->min_cum = places_add(limit, 1); /* for what comes later */
    free(moved);
    return true;
}

static void count(struct calltree *t)
{
    for (uint32_t i = 0; i < t->n_nodes; i++) {
        const struct calltree_node *node = &t->nodes[i];
        t->n_cut += node->n_cut;
        t->cut = places_add(t->cut, node->cut);
        if (node->depth > t->max_depth)
            t->max_depth = node->depth;
    }
}

static bool grow_root(struct work *w, const struct calltree_options *o)
{
    struct splitter *s = &w->split;
    const struct places *p = s->p;
    struct calltree_node root = {.frame = o->root, .is_inlined = o->over_root || o->root_inlined};
    for (uint32_t k = 0; k < p->n; k++) {
        uint32_t sample = s->samples[k];
        int64_t weight = p->weights[sample], size = weight < 0 ? -weight : weight;
        root.cum = places_add(root.cum, size);
        root.before = places_add(root.before, weight < 0 ? size : 0);
        if (o->outwards)
            s->at[sample] = places_turn(s->at[sample]);
        if (o->over_root)
            root.is_inlined &= (advance(s, sample) & GRAPH_FRAME_INLINED) != 0;
    }
    root.is_inlined &= p->n > 0;
    return vec_push(&w->nodes, root) && vec_push(&w->begin, 0) && vec_push(&w->n_samples, p->n);
}

bool calltree_grow(struct calltree *t, const struct places *places,
                   const struct calltree_options *o, struct err *err)
{
    uint32_t max_nodes = o->max_nodes < 1 ? 1 : o->max_nodes;
    uint64_t most = (uint64_t)max_nodes * 3 / 2; /* on the way */
    struct work w = {.min_cum = o->min_cum < 1 ? 1 : o->min_cum, .split.outwards = o->outwards};
    struct splitter *s = &w.split;
    *t = (struct calltree){.has_negative = places->has_negative};
    s->samples = malloc(((size_t)places->n + 1) * sizeof *s->samples);
    s->at = malloc(((size_t)places->n_all + 1) * sizeof *s->at);
    w.sorted = malloc(((size_t)places->n + 1) * sizeof *w.sorted);
    bool ok = splitter_init(s, places) && s->samples && s->at && w.sorted;
    if (ok) {
        memcpy(s->samples, places->samples, places->n * sizeof *s->samples);
        memcpy(s->at, places->at, places->n_all * sizeof *s->at);
        ok = grow_root(&w, o);
    }
    bool is_trimmed = false;
    for (uint32_t i = 0; ok && i < w.nodes.n;) {
        ok = grow_node(&w, i++);
        if (ok && (w.nodes.n > most || (i == w.nodes.n && w.nodes.n > max_nodes))) {
            ok = trim(&w, max_nodes, &i);
            is_trimmed = true;
        }
    }
    splitter_release(s);
    free(s->samples);
    free(s->at);
    free(w.sorted);
    vec_release(&w.begin);
    vec_release(&w.n_samples);
    t->nodes = w.nodes.items;
    t->n_nodes = (uint32_t)w.nodes.n;
    t->min_cum = w.min_cum - is_trimmed;
    count(t);
    return ok || err_nomem(err);
}

bool calltree_build(struct calltree *t, struct graph *g, int64_t min_cum, uint32_t max_nodes,
                    struct err *err)
{
    struct places places;
    const struct calltree_options options = {
        .min_cum = min_cum, .max_nodes = max_nodes, .root = GRAPH_NONE};
    *t = (struct calltree){0};
    bool ok = places_init(&places, g, NULL, 1, err) && calltree_grow(t, &places, &options, err);
    places_release(&places);
    return ok;
}

void calltree_release(struct calltree *t)
{
    free(t->nodes);
    *t = (struct calltree){0};
}

/* The next number of a path, and what follows its dot.  False: there is none. */
static bool next_number(const char **text, uint32_t *number)
{
    const char *p = *text;
    uint64_t n = 0;
    if (*p < '0' || *p > '9')
        return false;
    while (*p >= '0' && *p <= '9' && n <= UINT32_MAX)
        n = n * 10 + (uint64_t)(*p++ - '0');
    if (n > UINT32_MAX || (*p == '.' && !p[1]) || (*p && *p != '.'))
        return false;
    *number = (uint32_t)n;
    *text = p + (*p == '.');
    return true;
}

/* Keep the samples of one child. */
static bool enter(struct splitter *w, struct places *p, uint32_t child, struct calltree_path *path,
                  size_t depth, struct err *err)
{
    if (!split(w, 0, p->n, 0))
        return err_nomem(err);
    if (child >= w->touched.n) {
        err_set(err, ERR_USAGE, "there is no box %u at depth %zu: it would be one of %zu", child,
                depth, w->touched.n);
        return false;
    }
    uint32_t frame = w->touched.items[child], n = 0;
    path->is_inlined = w->groups[frame].all_inlined;
    for (uint32_t k = 0; k < p->n; k++)
        if (w->next[k] == frame)
            w->samples[n++] = w->samples[k];
    p->n = n;
    clear_groups(w);
    return vec_push(&path->frames, frame) || err_nomem(err);
}

bool calltree_zoom(struct places *places, uint32_t root, const char *text,
                   struct calltree_path *path, struct err *err)
{
    struct splitter w = {.samples = places->samples, .at = places->at};
    bool ok = splitter_init(&w, places) || err_nomem(err);
    const char *rest = text;
    *path = (struct calltree_path){0};
    if (ok && root != GRAPH_NONE) {
        for (uint32_t k = 0; k < places->n; k++)
            advance(&w, places->samples[k]);
        ok = vec_push(&path->frames, root) || err_nomem(err);
    }
    for (size_t depth = 1; ok && (depth == 1 || *rest); depth++) {
        uint32_t child;
        ok = next_number(&rest, &child)
                 ? enter(&w, places, child, path, depth, err)
                 : err_set(err, ERR_USAGE, "\"%.40s\" is no box: that would be like 2.0.1", text);
    }
    splitter_release(&w);
    return ok;
}

void calltree_path_release(struct calltree_path *path)
{
    vec_release(&path->frames);
}
