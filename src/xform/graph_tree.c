#include "xform/graph_tree.h"

#include "base/map.h"
#include "base/pages.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

/* A node while the tree grows. */
struct sprout {
    uint32_t parent; /* GRAPH_NONE: none */
    uint32_t frame;  /* node of the graph that is replaced; GRAPH_FRAME_INLINED: always */
};

struct tree_maker {
    struct graph *g;
    VEC(struct sprout) sprouts;
    uint32_t *slots; /* open addressing over sprouts, GRAPH_NONE = empty */
    uint32_t n_slots;
};

static uint64_t hash_sprout(uint32_t parent, uint32_t frame)
{
    return hash_u64((uint64_t)parent << 32 | frame);
}

static bool grow_slots(struct tree_maker *m)
{
    uint32_t n = m->n_slots ? m->n_slots * 2 : 4096;
    uint32_t *slots = n ? pages_calloc(n, sizeof *slots) : NULL;
    if (!slots)
        return false;
    memset(slots, 0xff, n * sizeof *slots);
    for (uint32_t i = 0; i < m->sprouts.n; i++) {
        const struct sprout *s = &m->sprouts.items[i];
        uint64_t h = hash_sprout(s->parent, s->frame & ~GRAPH_FRAME_INLINED);
        while (slots[h & (n - 1)] != GRAPH_NONE)
            h++;
        slots[h & (n - 1)] = i;
    }
    free(m->slots);
    m->slots = slots;
    m->n_slots = n;
    return true;
}

/* The child of `parent` for a frame, made if need be; GRAPH_NONE without memory. */
static uint32_t find_child(struct tree_maker *m, uint32_t parent, uint32_t frame)
{
    uint32_t node = frame & ~GRAPH_FRAME_INLINED;
    if (m->sprouts.n >= m->n_slots / 2 && !grow_slots(m))
        return GRAPH_NONE;
    uint64_t h = hash_sprout(parent, node);
    for (;; h++) {
        uint32_t i = m->slots[h & (m->n_slots - 1)];
        if (i == GRAPH_NONE)
            break;
        struct sprout *s = &m->sprouts.items[i];
        if (s->parent == parent && (s->frame & ~GRAPH_FRAME_INLINED) == node) {
            s->frame &= frame | ~GRAPH_FRAME_INLINED;
            return i;
        }
    }
    if (!vec_push(&m->sprouts, (struct sprout){parent, frame}))
        return GRAPH_NONE;
    return m->slots[h & (m->n_slots - 1)] = (uint32_t)m->sprouts.n - 1;
}

static bool add_stacks(struct tree_maker *m)
{
    struct graph *g = m->g;
    const struct view *v = g->view;
    for (uint32_t i = 0; i < v->n_samples; i++) {
        const struct view_sample *s = &v->samples[i];
        uint32_t node = GRAPH_NONE;
        if (!view_value(v, s) && !view_divisor(v, s)) {
            g->leaf[i] = node;
            continue;
        }
        for (uint32_t k = s->n_locs; k--;) {
            uint32_t f = g->frame_first[s->locs[k]], end = g->frame_first[s->locs[k] + 1];
            for (; f < end; f++) {
                node = find_child(m, node, g->frames[f]);
                if (node == GRAPH_NONE)
                    return false;
            }
        }
        g->leaf[i] = node;
    }
    return true;
}

static int64_t add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* The values: own ones by the samples, then those of the children, which come after
 * their parents. */
static void sum_up(struct graph *g)
{
    const struct view *v = g->view;
    for (uint32_t i = 0; i < v->n_samples; i++) {
        if (g->leaf[i] == GRAPH_NONE)
            continue;
        struct graph_node *leaf = &g->nodes[g->leaf[i]];
        leaf->flat = add(leaf->flat, view_value(v, &v->samples[i]));
        leaf->flat_div = add(leaf->flat_div, view_divisor(v, &v->samples[i]));
    }
    for (uint32_t i = g->n_nodes; i--;) {
        struct graph_node *node = &g->nodes[i];
        node->cum = add(node->cum, node->flat);
        node->cum_div = add(node->cum_div, node->flat_div);
        if (g->parent[i] == GRAPH_NONE)
            continue;
        struct graph_node *parent = &g->nodes[g->parent[i]];
        parent->cum = add(parent->cum, node->cum);
        parent->cum_div = add(parent->cum_div, node->cum_div);
    }
}

bool graph_tree_build(struct graph *g)
{
    struct tree_maker m = {.g = g};
    g->leaf = malloc(((size_t)g->view->n_samples + 1) * sizeof *g->leaf);
    bool ok = g->leaf && add_stacks(&m);
    free(m.slots);
    size_t n = m.sprouts.n;
    g->parent = pages_calloc(n + 1, sizeof *g->parent);
    struct graph_node *nodes = ok && g->parent ? pages_calloc(n + 1, sizeof *nodes) : NULL;
    for (size_t i = 0; nodes && i < n; i++) {
        const struct sprout *s = &m.sprouts.items[i];
        g->parent[i] = s->parent;
        nodes[i].info = g->nodes[s->frame & ~GRAPH_FRAME_INLINED].info;
        nodes[i].has_inlined = s->frame & GRAPH_FRAME_INLINED;
    }
    vec_release(&m.sprouts);
    if (!nodes)
        return false;
    free(g->nodes);
    g->nodes = nodes;
    g->n_nodes = (uint32_t)n;
    sum_up(g);
    return true;
}

/* What lies between a node and the next above it that was not left out. */
struct way_up {
    uint32_t to; /* GRAPH_NONE: nothing above */
    bool is_inlined, is_residual;
};

bool graph_tree_edges(struct graph *g)
{
    struct way_up *ways = pages_calloc((size_t)g->n_nodes + 1, sizeof *ways);
    g->edges = pages_calloc((size_t)g->n_nodes + 1, sizeof *g->edges);
    g->n_edges = 0;
    if (!ways || !g->edges) {
        free(ways);
        return false;
    }
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct graph_node *node = &g->nodes[i];
        struct way_up *way = &ways[i];
        *way = (struct way_up){g->parent[i], node->has_inlined, false};
        if (way->to != GRAPH_NONE && g->nodes[way->to].is_removed) {
            const struct way_up *further = &ways[way->to];
            *way = (struct way_up){further->to, way->is_inlined && further->is_inlined, true};
        }
        if (node->is_detached)
            way->to = GRAPH_NONE;
        if (way->to == GRAPH_NONE || node->is_removed)
            continue;
        g->edges[g->n_edges++] = (struct graph_edge){
            .src = way->to,
            .dest = i,
            .weight = node->cum,
            .weight_div = node->cum_div,
            .residual = way->is_residual,
            .is_inlined = way->is_inlined,
        };
    }
    free(ways);
    return true;
}
