#include "xform/places.h"

#include "base/map.h"
#include "base/pool.h"
#include "xform/unit.h"

#include <string.h>

#define MAX_FINDERS 4
#define FRAMES_PER_FINDER 500000 /* fewer are not worth a thread */

/* What makes a frame the same in two profiles, as bytes. */
static bool add_key(struct buf *key, struct graph *g, uint32_t node)
{
    const struct graph_info *info = &g->nodes[node].info;
    struct str name = graph_name(g, node), file = graph_file(g, node);
    buf_clear(key);
    if (!name.len) {
        name = graph_label(g, node);
        if (!name.p)
            return false;
    }
    buf_add(key, name.p, name.len);
    buf_putc(key, '\0');
    buf_add(key, file.p, file.len);
    buf_putc(key, '\0');
    buf_add(key, (const char *)&info->line, sizeof info->line);
    buf_add(key, (const char *)&info->column, sizeof info->column);
    buf_add(key, (const char *)&info->address, sizeof info->address);
    return !key->failed;
}

/* Find the frames that nodes of the base are, their own if need be. */
static bool join(struct places *p, struct graph *own, struct graph *base)
{
    AUTO_BUF key = {0};
    struct arena arena;
    struct intern keys;
    uint32_t *frame_of = malloc(((size_t)base->n_nodes + 1) * sizeof *frame_of);
    uint32_t *first = malloc(((size_t)own->n_nodes + 1) * sizeof *first); /* by key */
    arena_init(&arena);
    bool ok = intern_init(&keys, &arena) && frame_of && first;
    uint32_t n_keys = 1; /* one is "" */
    for (uint32_t i = 0; ok && i < own->n_nodes; i++) {
        ok = add_key(&key, own, i);
        uint32_t id = ok ? intern_add(&keys, (struct str){buf_str(&key), key.len}) : INTERN_NONE;
        ok = id != INTERN_NONE;
        if (ok && id == n_keys)
            first[n_keys++ - 1] = i;
    }
    p->base_nodes = malloc(((size_t)base->n_nodes + 1) * sizeof *p->base_nodes);
    ok = ok && p->base_nodes;
    for (uint32_t i = 0; ok && i < base->n_nodes; i++) {
        ok = add_key(&key, base, i);
        uint32_t id = ok ? intern_find(&keys, (struct str){buf_str(&key), key.len}) : INTERN_NONE;
        if (id != INTERN_NONE) {
            frame_of[i] = first[id - 1];
            continue;
        }
        p->base_nodes[p->n_frames - own->n_nodes] = i;
        frame_of[i] = p->n_frames++;
    }
    intern_release(&keys);
    arena_release(&arena);
    free(first);
    p->base_frames = frame_of;
    return ok;
}

static bool side_init(struct places_side *side, struct graph *g, const uint32_t *frame_of)
{
    uint32_t n = g->view->profile->n_locations, n_frames = g->frame_first[n];
    side->graph = g;
    side->frame_first = g->frame_first;
    side->frames = g->frames;
    if (frame_of) {
        side->renamed = malloc(((size_t)n_frames + 1) * sizeof *side->renamed);
        for (uint32_t i = 0; side->renamed && i < n_frames; i++)
            side->renamed[i] = frame_of[g->frames[i] & ~GRAPH_FRAME_INLINED] |
                               (g->frames[i] & GRAPH_FRAME_INLINED);
        side->frames = side->renamed;
    }
    side->direct = malloc(((size_t)n + 1) * sizeof *side->direct);
    if (!side->direct || !side->frames)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t first = g->frame_first[i];
        side->direct[i] = g->frame_first[i + 1] - first == 1 ? side->frames[first] : GRAPH_NONE;
    }
    return true;
}

static void add_samples(struct places *p, const struct places_side *side, bool is_base,
                        bool is_difference, double ratio)
{
    const struct view *view = side->graph->view;
    for (uint32_t i = 0; i < view->n_samples; i++) {
        const struct view_sample *s = &view->samples[i];
        uint32_t sample = p->n_all++;
        int64_t v = view_value(view, s);
        if (is_base && ratio != 1)
            v = unit_to_int64((double)v * ratio);
        int64_t size = v == INT64_MIN ? INT64_MAX : v < 0 ? -v : v;
        bool is_before = is_difference ? is_base : v < 0;
        p->weights[sample] = is_before ? -size : size;
        p->at[sample] = (struct place){s->n_locs, GRAPH_NONE};
        p->has_negative |= is_before && size;
        if (size)
            p->samples[p->n++] = sample;
    }
}

bool places_init(struct places *p, struct graph *graph, struct graph *base, double ratio,
                 struct err *err)
{
    *p = (struct places){.n_own = graph->view->n_samples, .n_frames = graph->n_nodes};
    bool ok = side_init(&p->sides[0], graph, NULL);
    if (base)
        ok = ok && join(p, graph, base) && side_init(&p->sides[1], base, p->base_frames);
    size_t n = (size_t)p->n_own + (base ? base->view->n_samples : 0);
    p->samples = malloc((n + 1) * sizeof *p->samples);
    p->weights = malloc((n + 1) * sizeof *p->weights);
    p->at = malloc((n + 1) * sizeof *p->at);
    if (!ok || !p->samples || !p->weights || !p->at || n > UINT32_MAX)
        return err_nomem(err);
    add_samples(p, &p->sides[0], false, base, 1);
    if (base)
        add_samples(p, &p->sides[1], true, true, ratio);
    return true;
}

void places_release(struct places *p)
{
    for (int i = 0; i < 2; i++) {
        free(p->sides[i].direct);
        free(p->sides[i].renamed);
    }
    free(p->base_nodes);
    free(p->base_frames);
    free(p->samples);
    free(p->weights);
    free(p->at);
    *p = (struct places){0};
}

int64_t places_total(const struct places *p, int64_t *before)
{
    int64_t total = 0;
    *before = 0;
    for (uint32_t k = 0; k < p->n; k++) {
        int64_t w = p->weights[p->samples[k]];
        total = places_add(total, w < 0 ? -w : w);
        *before = places_add(*before, w < 0 ? -w : 0);
    }
    return total;
}

struct graph *places_graph(const struct places *p, uint32_t frame, uint32_t *node)
{
    uint32_t n_own = p->sides[0].graph->n_nodes;
    *node = frame < n_own ? frame : p->base_nodes[frame - n_own];
    return p->sides[frame >= n_own].graph;
}

struct str places_name(const struct places *p, uint32_t frame)
{
    uint32_t node;
    const struct graph *g = places_graph(p, frame, &node);
    return graph_name(g, node);
}

/* Looks through some of the samples. */
struct finder {
    const struct places *p;
    const uint8_t *marks;         /* by frame */
    uint8_t *locations[2];        /* by side and location: it has a marked frame */
    uint8_t *seen[2];             /* the same, of this finder: it occurs */
    struct place *to;             /* NULL, or by sample where to note the outermost */
    uint8_t *is_outermost;        /* by frame, of this finder */
    uint32_t begin, end, n_found; /* of p->samples; which become the first n_found of them */
    int64_t value, before;
};

/* The place before the outermost marked frame of a location. */
static struct place place_in(const struct finder *f, const struct places_side *side, uint32_t i,
                             uint32_t loc, uint32_t *frame)
{
    *frame = side->direct[loc];
    if (*frame != GRAPH_NONE)
        return (struct place){i + 1, GRAPH_NONE};
    uint32_t k = side->frame_first[loc];
    while (!f->marks[side->frames[k] & ~GRAPH_FRAME_INLINED])
        k++;
    *frame = side->frames[k];
    return (struct place){i, k};
}

static void find(void *arg, size_t which)
{
    struct finder *f = (struct finder *)arg + which;
    const struct places *p = f->p;
    for (uint32_t k = f->begin; k < f->end; k++) {
        uint32_t sample = p->samples[k], outermost = UINT32_MAX;
        const struct view_sample *s = places_sample(p, sample);
        bool is_base = sample >= p->n_own;
        const uint8_t *is_marked = f->locations[is_base];
        uint8_t *seen = f->seen[is_base];
        for (uint32_t i = 0; i < s->n_locs; i++) {
            uint32_t loc = s->locs[i]; /* no branches: what comes cannot be foreseen */
            outermost = is_marked[loc] ? i : outermost;
            seen[loc] = 1;
        }
        if (outermost == UINT32_MAX)
            continue;
        int64_t w = p->weights[sample];
        f->value = places_add(f->value, w < 0 ? -w : w);
        f->before = places_add(f->before, w < 0 ? -w : 0);
        if (!f->to)
            continue;
        uint32_t frame;
        f->to[sample] = place_in(f, &p->sides[is_base], outermost, s->locs[outermost], &frame);
        f->is_outermost[frame & ~GRAPH_FRAME_INLINED] = 1;
        p->samples[f->begin + f->n_found++] = sample;
    }
}

/* What finders share, once. */
static bool mark_locations(const struct places *p, const uint8_t *marks, uint8_t *locations[2])
{
    for (int i = 0; i < 2 && p->sides[i].graph; i++) {
        const struct places_side *side = &p->sides[i];
        uint32_t n = side->graph->view->profile->n_locations;
        locations[i] = calloc((size_t)n + 1, 1);
        if (!locations[i])
            return false;
        for (uint32_t loc = 0; loc < n; loc++)
            for (uint32_t k = side->frame_first[loc]; k < side->frame_first[loc + 1]; k++)
                locations[i][loc] |= marks[side->frames[k] & ~GRAPH_FRAME_INLINED];
    }
    return true;
}

static bool finder_init(struct finder *f, bool is_pivot)
{
    const struct places *p = f->p;
    if (is_pivot && !(f->is_outermost = calloc((size_t)p->n_frames + 1, 1)))
        return false;
    f->to = is_pivot ? p->at : NULL;
    for (int i = 0; i < 2 && p->sides[i].graph; i++)
        if (!(f->seen[i] = calloc((size_t)p->sides[i].graph->view->profile->n_locations + 1, 1)))
            return false;
    return true;
}

/* How many marked frames were seen by any finder, and were outermost. */
static bool count_frames(const struct places *p, const struct finder *finders, size_t n,
                         struct places_found *found)
{
    uint8_t *seen = calloc((size_t)p->n_frames + 1, 1);
    if (!seen)
        return false;
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < 2 && p->sides[k].graph; k++) {
            const struct places_side *side = &p->sides[k];
            for (uint32_t loc = 0; loc < side->graph->view->profile->n_locations; loc++)
                for (uint32_t j = side->frame_first[loc];
                     finders[i].seen[k][loc] && j < side->frame_first[loc + 1]; j++)
                    seen[side->frames[j] & ~GRAPH_FRAME_INLINED] = 1;
        }
    for (uint32_t frame = 0; frame < p->n_frames; frame++) {
        found->n_frames += seen[frame] && finders->marks[frame];
        bool is_outermost = false;
        for (size_t i = 0; i < n && finders->is_outermost; i++)
            is_outermost |= finders[i].is_outermost[frame];
        found->n_outermost += is_outermost;
        if (is_outermost)
            found->outermost = frame;
    }
    free(seen);
    return true;
}

static bool find_all(struct places *p, const uint8_t *marks, bool is_pivot,
                     struct places_found *found, struct err *err)
{
    struct finder finders[MAX_FINDERS] = {0};
    uint8_t *locations[2] = {NULL, NULL};
    uint64_t n_frames = 0;
    *found = (struct places_found){0};
    for (uint32_t i = 0; i < p->n; i++)
        n_frames += places_sample(p, p->samples[i])->n_locs;
    size_t n = (size_t)(n_frames / FRAMES_PER_FINDER);
    n = n < 1 ? 1 : n > MAX_FINDERS ? MAX_FINDERS : n;
    bool ok = mark_locations(p, marks, locations);
    for (size_t i = 0; i < n; i++) {
        finders[i] = (struct finder){
            .p = p,
            .marks = marks,
            .locations = {locations[0], locations[1]},
            .begin = (uint32_t)((uint64_t)p->n * i / n),
            .end = (uint32_t)((uint64_t)p->n * (i + 1) / n),
        };
        ok = finder_init(&finders[i], is_pivot) && ok;
    }
    if (ok) {
        pool_run(n, 0, find, finders);
        ok = count_frames(p, finders, n, found);
    }
    uint32_t n_left = 0;
    for (size_t i = 0; i < n; i++) {
        const struct finder *f = &finders[i];
        if (is_pivot && ok)
            memmove(p->samples + n_left, p->samples + f->begin, f->n_found * sizeof *p->samples);
        n_left += f->n_found;
        found->value = places_add(found->value, f->value);
        found->before = places_add(found->before, f->before);
        free(f->seen[0]);
        free(f->seen[1]);
        free(f->is_outermost);
    }
    if (is_pivot)
        p->n = n_left;
    free(locations[0]);
    free(locations[1]);
    return ok || err_nomem(err);
}

bool places_find(const struct places *p, const uint8_t *marks, struct places_found *found,
                 struct err *err)
{
    struct places own = *p; /* only a pivot changes it */
    return find_all(&own, marks, false, found, err);
}

bool places_pivot(struct places *p, const uint8_t *marks, struct places_found *found,
                  struct err *err)
{
    return find_all(p, marks, true, found, err);
}
