/* graph_edges: calls between the nodes of a graph. */
#include "xform/graph.h"

#include "base/map.h"
#include "base/vec.h"
#include "xform/graph_tree.h"
#include "xform/unit.h"

#include <stdlib.h>
#include <string.h>

/* What a node is to the edges being built. */
enum { ABSENT, CALLER_ONLY, WANTED };

/* What a location is to them: to be looked at frame by frame, all absent, or no end
 * of an edge, only the node that calls on (any other value). */
enum { LOCATION_ABSENT = GRAPH_NONE - 1, LOCATION_WALKED = GRAPH_NONE };

struct edge_maker {
    struct graph *g;
    uint32_t *slots; /* open addressing over edges, GRAPH_NONE = empty */
    uint32_t n_slots, cap;
    uint8_t *state;      /* [n_nodes] */
    uint32_t *locations; /* [n_locations] */
};

static uint64_t hash_edge(uint32_t src, uint32_t dest)
{
    return hash_u64((uint64_t)src << 32 | dest);
}

static bool grow_edges(struct edge_maker *m)
{
    struct graph *g = m->g;
    uint32_t n_slots = m->n_slots ? m->n_slots * 2 : 4096, cap = n_slots / 2;
    uint32_t *slots = malloc(n_slots * sizeof *slots);
    struct graph_edge *edges = realloc(g->edges, cap * sizeof *edges);
    if (edges)
        g->edges = edges;
    if (!slots || !edges || !n_slots) {
        free(slots);
        return false;
    }
    memset(slots, 0xff, n_slots * sizeof *slots);
    for (uint32_t i = 0; i < g->n_edges; i++) {
        uint64_t h = hash_edge(edges[i].src, edges[i].dest);
        while (slots[h & (n_slots - 1)] != GRAPH_NONE)
            h++;
        slots[h & (n_slots - 1)] = i;
    }
    free(m->slots);
    m->slots = slots;
    m->n_slots = n_slots;
    m->cap = cap;
    return true;
}

static struct graph_edge *find_edge(struct edge_maker *m, uint32_t src, uint32_t dest)
{
    struct graph *g = m->g;
    if (g->n_edges == m->cap && !grow_edges(m))
        return NULL;
    uint64_t h = hash_edge(src, dest);
    for (;; h++) {
        uint32_t i = m->slots[h & (m->n_slots - 1)];
        if (i == GRAPH_NONE)
            break;
        if (g->edges[i].src == src && g->edges[i].dest == dest)
            return &g->edges[i];
    }
    m->slots[h & (m->n_slots - 1)] = g->n_edges;
    g->edges[g->n_edges] = (struct graph_edge){.src = src, .dest = dest, .is_inlined = true};
    return &g->edges[g->n_edges++];
}

/* So that most locations of a stack need one look. */
static bool look_at_locations(struct edge_maker *m)
{
    const struct graph *g = m->g;
    uint32_t n = g->view->profile->n_locations;
    m->locations = malloc(((size_t)n + 1) * sizeof *m->locations);
    for (uint32_t i = 0; m->locations && i < n; i++) {
        uint32_t f = g->frame_first[i], end = g->frame_first[i + 1];
        uint32_t what = f < end ? LOCATION_ABSENT : LOCATION_WALKED;
        for (; f < end; f++) {
            uint32_t node = g->frames[f] & ~GRAPH_FRAME_INLINED;
            uint8_t state = m->state[node];
            if (state == WANTED || (state == ABSENT && what != LOCATION_ABSENT)) {
                what = LOCATION_WALKED;
                break;
            }
            what = state == ABSENT ? what : node;
        }
        m->locations[i] = what;
    }
    return m->locations != NULL;
}

/* Count a sample's edges, each once. */
static bool add_sample(struct edge_maker *m, const struct view_sample *s, uint32_t stamp)
{
    struct graph *g = m->g;
    int64_t w = view_value(g->view, s), d = view_divisor(g->view, s);
    if (!w && !d)
        return true;
    uint32_t parent = GRAPH_NONE;
    bool residual = false;
    for (uint32_t i = s->n_locs; i--;) {
        uint32_t what = m->locations[s->locs[i]];
        if (what == LOCATION_ABSENT) {
            residual = true;
            continue;
        }
        if (what != LOCATION_WALKED) {
            parent = what;
            residual = false;
            continue;
        }
        uint32_t f = g->frame_first[s->locs[i]], end = g->frame_first[s->locs[i] + 1];
        for (; f < end; f++) {
            uint32_t node = g->frames[f] & ~GRAPH_FRAME_INLINED;
            uint8_t state = m->state[node];
            if (state == ABSENT) {
                residual = true;
                continue;
            }
            if (state == WANTED && parent != GRAPH_NONE && parent != node) {
                struct graph_edge *e = find_edge(m, parent, node);
                if (!e)
                    return false;
                if (e->seen != stamp) {
                    e->seen = stamp;
                    e->weight = (int64_t)((uint64_t)e->weight + (uint64_t)w);
                    e->weight_div = (int64_t)((uint64_t)e->weight_div + (uint64_t)d);
                    e->residual |= residual;
                    e->is_inlined &= g->frames[f] != node;
                }
            }
            parent = node;
            residual = false;
        }
    }
    return true;
}

/* List the edges by node: in_* and out_*, in one block. */
static bool list_edges(struct graph *g)
{
    size_t n = (size_t)g->n_nodes + 2;
    uint32_t *block = calloc(2 * (n + g->n_edges), sizeof *block);
    if (!block)
        return false;
    free(g->in_first);
    g->in_first = block;
    g->out_first = block + n;
    g->in_edges = block + 2 * n;
    g->out_edges = g->in_edges + g->n_edges;
    /* Counted two further on, so that filling moves each start to its place. */
    for (uint32_t i = 0; i < g->n_edges; i++) {
        g->in_first[g->edges[i].dest + 2]++;
        g->out_first[g->edges[i].src + 2]++;
    }
    for (size_t i = 2; i < n; i++) {
        g->in_first[i] += g->in_first[i - 1];
        g->out_first[i] += g->out_first[i - 1];
    }
    for (uint32_t i = 0; i < g->n_edges; i++) {
        g->in_edges[g->in_first[g->edges[i].dest + 1]++] = i;
        g->out_edges[g->out_first[g->edges[i].src + 1]++] = i;
    }
    return true;
}

/* Edges by the samples' stacks. */
static bool make_edges(struct graph *g, bool only_inlined)
{
    struct edge_maker m = {.g = g, .state = calloc((size_t)g->n_nodes + 1, 1)};
    bool ok = m.state != NULL, any = false;
    for (uint32_t i = 0; ok && i < g->n_nodes; i++) {
        if (g->is_cut && !g->nodes[i].is_kept)
            continue;
        bool wanted = !only_inlined || g->nodes[i].has_inlined;
        m.state[i] = wanted ? WANTED : CALLER_ONLY;
        any |= wanted;
    }
    ok = ok && look_at_locations(&m);
    for (uint32_t i = 0; ok && any && i < g->view->n_samples; i++)
        ok = add_sample(&m, &g->view->samples[i], i + 1);
    free(m.slots);
    free(m.state);
    free(m.locations);
    return ok;
}

bool graph_build_edges(struct graph *g, bool only_inlined, struct err *err)
{
    free(g->edges);
    g->edges = NULL;
    g->n_edges = 0;
    bool ok = g->parent ? graph_tree_edges(g) : make_edges(g, only_inlined);
    return (ok && list_edges(g)) || err_nomem(err);
}

uint32_t graph_drop_edges(struct graph *g, int64_t cutoff)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_edges; i++) {
        struct graph_edge *e = &g->edges[i];
        if (!e->is_dropped && g->nodes[e->dest].is_kept && unit_abs(e->weight) < cutoff) {
            e->is_dropped = true;
            g->nodes[e->dest].is_detached = true;
            n++;
        }
    }
    return n;
}

static int compare_edges(const void *a, const void *b, void *arg)
{
    const struct graph *g = arg;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    const struct graph_edge *l = &g->edges[i], *r = &g->edges[j];
    int64_t lw = unit_abs(l->weight), rw = unit_abs(r->weight);
    if (lw != rw)
        return lw > rw ? -1 : 1;
    int c = str_cmp(g->nodes[l->src].label, g->nodes[r->src].label);
    if (!c)
        c = str_cmp(g->nodes[l->dest].label, g->nodes[r->dest].label);
    return c ? c : i < j ? -1 : 1;
}

bool graph_sort_edges(struct graph *g, uint32_t *edges, uint32_t n, struct err *err)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct graph_edge *e = &g->edges[edges[i]];
        if (!graph_label(g, e->src).p || !graph_label(g, e->dest).p)
            return err_nomem(err);
    }
    if (n > 1)
        qsort_r(edges, n, sizeof *edges, compare_edges, g);
    return true;
}

/* Move the undropped edges of a list to its front and sort them. */
static bool sort_list(struct graph *g, uint32_t *list, uint32_t n_list, uint32_t **edges,
                      uint32_t *n, struct err *err)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n_list; i++) {
        if (!g->edges[list[i]].is_dropped) {
            uint32_t e = list[i];
            list[i] = list[kept];
            list[kept++] = e;
        }
    }
    *edges = list;
    *n = kept;
    return graph_sort_edges(g, list, kept, err);
}

bool graph_in_edges(struct graph *g, uint32_t node, uint32_t **edges, uint32_t *n, struct err *err)
{
    uint32_t first = g->in_first[node];
    return sort_list(g, g->in_edges + first, g->in_first[node + 1] - first, edges, n, err);
}

bool graph_out_edges(struct graph *g, uint32_t node, uint32_t **edges, uint32_t *n, struct err *err)
{
    uint32_t first = g->out_first[node];
    return sort_list(g, g->out_edges + first, g->out_first[node + 1] - first, edges, n, err);
}

/* Does another path lead from e's caller to its callee?  `seen` and `queue` have
 * room for all nodes; seen[i] == stamp marks those visited. */
static bool is_redundant(const struct graph *g, const struct graph_edge *e, uint32_t *seen,
                         uint32_t stamp, uint32_t *queue)
{
    uint32_t head = 0, tail = 0;
    queue[tail++] = e->dest;
    seen[e->dest] = stamp;
    while (head < tail) {
        uint32_t node = queue[head++];
        for (uint32_t i = g->in_first[node]; i < g->in_first[node + 1]; i++) {
            const struct graph_edge *in = &g->edges[g->in_edges[i]];
            if (in == e || in->is_dropped || seen[in->src] == stamp)
                continue;
            if (in->src == e->src)
                return true;
            seen[in->src] = stamp;
            queue[tail++] = in->src;
        }
    }
    return false;
}

bool graph_drop_redundant_edges(struct graph *g, struct err *err)
{
    uint32_t *seen = calloc(2 * ((size_t)g->n_nodes + 1), sizeof *seen);
    uint32_t *queue = seen ? seen + g->n_nodes + 1 : NULL, stamp = 0;
    bool ok = seen || err_nomem(err);
    /* From the lightest node and edge on, so that those go first. */
    for (uint32_t i = g->n_order; ok && i--;) {
        uint32_t *in, n;
        ok = graph_in_edges(g, g->order[i], &in, &n, err);
        while (ok && n--) {
            struct graph_edge *e = &g->edges[in[n]];
            if (!e->residual) /* heavier ones stay, lest they surprise */
                break;
            e->is_dropped = is_redundant(g, e, seen, ++stamp, queue);
        }
    }
    free(seen);
    return ok;
}
