/* graph_edges: calls between the nodes of a graph. */
#include "xform/graph.h"

#include "base/map.h"
#include "base/pages.h"
#include "base/pool.h"
#include "xform/graph_stacks.h"
#include "xform/graph_tree.h"
#include "xform/unit.h"

#include <stdlib.h>
#include <string.h>

/* What a node is to the edges being built: nothing, or one that is called and calls.
 * Counted are the edges that lead to a CALLEE or come from a CALLER. */
enum { PRESENT = 1, CALLEE = 2, CALLER = 4 };

/* What a location is to them: to be looked at frame by frame, all absent, or no end of
 * an edge that counts, only the node that calls on (any other value). */
enum { LOCATION_ABSENT = GRAPH_NONE - 1, LOCATION_WALKED = GRAPH_NONE };

#define MAX_MAKERS 8u
#define FRAMES_PER_MAKER 80000u
#define BATCH 128u
#define NEAR_SLOTS 16384u /* a table up to that stays near the processor */
/* Words of stacks, for edges between fewer nodes: as many, or a third of the profile's. */
#define MOST_KEPT (1u << 20)
#define SHARE_KEPT 3

/* A call that one sample makes. */
struct call {
    uint64_t hash;
    uint32_t src, dest, stamp;
    uint32_t at; /* of its stack: where its edge is noted; 0: nowhere */
    bool residual, is_inlined;
    int64_t w, d;
};

/* The last stack that was counted; of its words, edges[i] leads to the i-th. */
struct last_stack {
    uint32_t *words, *edges;
    size_t n, cap;
};

/* The stacks of some of the samples as they were when edges were last made. */
struct graph_kept {
    struct graph_stack stack;
    uint32_t *ends; /* by sample: where its words end; NULL: they are not kept */
};

/* Makes the edges of some of the samples. */
struct edge_maker {
    const struct graph *g;
    const uint8_t *state; /* [n_nodes] */
    /* Of all edges: by this table, or if that is NULL by the stacks that were kept. */
    const struct graph_stack_table *table;
    struct graph_kept *kept; /* NULL: not of all edges */
    uint32_t most_kept;
    const uint32_t *locations; /* [n_locations] */
    const uint8_t *looks;      /* [n_locations]: whether it is LOCATION_WALKED */
    uint32_t begin, end;       /* of the view's samples */
    struct graph_edge *edges;
    uint32_t n_edges, cap;
    uint32_t *slots; /* open addressing over edges, GRAPH_NONE = empty */
    uint32_t n_slots;
    struct call calls[BATCH];
    uint32_t n_calls;
    struct last_stack last;
    bool failed, has_too_many;
};

static bool grow_edges(struct edge_maker *m)
{
    uint32_t n_slots = m->n_slots ? m->n_slots * 2 : 4096, cap = n_slots / 2;
    uint32_t *slots = malloc(n_slots * sizeof *slots);
    struct graph_edge *edges = realloc(m->edges, cap * sizeof *edges);
    if (edges)
        m->edges = edges;
    if (!slots || !edges || !n_slots) {
        free(slots);
        m->failed = true;
        return false;
    }
    memset(slots, 0xff, n_slots * sizeof *slots);
    for (uint32_t i = 0; i < m->n_edges; i++) {
        uint64_t h = hash_pair(edges[i].src, edges[i].dest);
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

static struct graph_edge *find_edge(struct edge_maker *m, uint64_t h, uint32_t src, uint32_t dest)
{
    if (m->n_edges == m->cap && !grow_edges(m))
        return NULL;
    for (;; h++) {
        uint32_t i = m->slots[h & (m->n_slots - 1)];
        if (i == GRAPH_NONE)
            break;
        if (m->edges[i].src == src && m->edges[i].dest == dest)
            return &m->edges[i];
    }
    if (m->g->most_edges && m->n_edges == m->g->most_edges) {
        m->failed = m->has_too_many = true;
        return NULL;
    }
    m->slots[h & (m->n_slots - 1)] = m->n_edges;
    m->edges[m->n_edges] = (struct graph_edge){.src = src, .dest = dest, .is_inlined = true};
    return &m->edges[m->n_edges++];
}

/* Add a call to its edge, if it is the sample's first.  Without a branch: whether it is cannot
 * be foreseen in recursion. */
static inline void count_at(struct graph_edge *e, uint32_t stamp, bool residual, bool is_inlined,
                            int64_t w, int64_t d)
{
    bool is_new = e->seen != stamp;
    int64_t mask = -(int64_t)is_new;
    e->seen = stamp;
    e->weight = (int64_t)((uint64_t)e->weight + (uint64_t)(w & mask));
    if (d)
        e->weight_div = (int64_t)((uint64_t)e->weight_div + (uint64_t)(d & mask));
    e->residual |= residual & is_new;
    e->is_inlined &= is_inlined | !is_new;
}

static void count_call(struct edge_maker *m, const struct call *c)
{
    struct graph_edge *e = find_edge(m, c->hash, c->src, c->dest);
    if (!e)
        return;
    count_at(e, c->stamp, c->residual, c->is_inlined, c->w, c->d);
    if (c->at)
        m->last.edges[c->at] = (uint32_t)(e - m->edges);
}

/* Count the calls that wait.  They come in numbers so that the memory that one needs
 * is on its way while others are counted. */
static void count_calls(struct edge_maker *m)
{
    for (uint32_t i = 0; m->slots && i < m->n_calls; i++)
        __builtin_prefetch(&m->slots[m->calls[i].hash & (m->n_slots - 1)]);
    for (uint32_t i = 0; m->slots && i < m->n_calls; i++) {
        uint32_t e = m->slots[m->calls[i].hash & (m->n_slots - 1)];
        __builtin_prefetch(&m->edges[e == GRAPH_NONE ? 0 : e]);
    }
    for (uint32_t i = 0; i < m->n_calls && !m->failed; i++)
        count_call(m, &m->calls[i]);
    m->n_calls = 0;
}

static inline void add_call(struct edge_maker *m, struct call c)
{
    m->calls[m->n_calls++] = c;
    if (m->n_calls == BATCH)
        count_calls(m);
}

/* Where the walk of a stack is: of the frames further out, all are known. */
struct walk {
    uint32_t parent; /* the last node that is present, or GRAPH_NONE */
    bool residual;   /* absent ones lie between it and here */
    bool from_caller;
};

/* Go past the locations from..to, none of which has to be looked at; outermost last. */
static void walk_past(const struct edge_maker *m, struct walk *w, const uint32_t *from,
                      const uint32_t *to)
{
    bool absent = false;
    for (; from < to; from++) {
        uint32_t what = m->locations[*from];
        if (what != LOCATION_ABSENT) {
            w->parent = what;
            w->residual = absent;
            return;
        }
        absent = true;
    }
    w->residual |= absent;
}

/* How many of the first n locations are left when the outer ones that have not to be looked
 * at are taken off. */
static inline uint32_t skip_unlooked(const uint8_t *looks, const uint32_t *locs, uint32_t n)
{
    while (n && !looks[locs[n - 1]])
        n--;
    return n;
}

/* Keep a sample's calls to be counted, each once. */
static void add_sample(struct edge_maker *m, const struct view_sample *s, uint32_t stamp)
{
    const struct graph *g = m->g;
    int64_t weight = view_value(g->view, s), divisor = view_divisor(g->view, s);
    struct walk w = {.parent = GRAPH_NONE};
    uint32_t known = s->n_locs; /* the walk is up to date with those from here on */
    if (!weight && !divisor)
        return;
    for (uint32_t i = s->n_locs;;) {
        if (!w.from_caller)
            i = skip_unlooked(m->looks, s->locs, i);
        if (i-- == 0)
            break;
        walk_past(m, &w, s->locs + i + 1, s->locs + known);
        known = i;
        if (m->locations[s->locs[i]] == LOCATION_ABSENT) {
            w.residual = true;
            continue;
        }
        uint32_t f = g->frame_first[s->locs[i]], end = g->frame_first[s->locs[i] + 1];
        for (; f < end; f++) {
            uint32_t node = g->frames[f] & ~GRAPH_FRAME_INLINED;
            uint8_t state = m->state[node];
            if (!state) {
                w.residual = true;
                continue;
            }
            if ((w.from_caller || (state & CALLEE && w.parent != GRAPH_NONE)) && w.parent != node) {
                add_call(m, (struct call){.hash = hash_pair(w.parent, node),
                                          .src = w.parent,
                                          .dest = node,
                                          .stamp = stamp,
                                          .residual = w.residual,
                                          .is_inlined = g->frames[f] != node,
                                          .w = weight,
                                          .d = divisor});
            }
            w = (struct walk){.parent = node, .from_caller = state & CALLER};
        }
    }
}

/* Room for a stack of n words in place of the last one. */
static bool reserve_last(struct last_stack *last, size_t n)
{
    if (n <= last->cap)
        return true;
    size_t cap = n + n / 2;
    uint32_t *words = realloc(last->words, cap * sizeof *words);
    if (words)
        last->words = words;
    uint32_t *edges = realloc(last->edges, cap * sizeof *edges);
    if (edges)
        last->edges = edges;
    if (!words || !edges)
        return false;
    last->cap = cap;
    return true;
}

/* Count the calls of a stack: of all nodes that are present, to the next.  Where it begins as the
 * last one did, which is often, the edges are known. */
static void add_stack(struct edge_maker *m, const uint32_t *words, size_t n, uint32_t stamp,
                      int64_t weight, int64_t divisor)
{
    struct last_stack *last = &m->last;
    size_t n_same = 0;
    while (n_same < n && n_same < last->n && words[n_same] == last->words[n_same])
        n_same++;
    if (n_same > 1)
        count_calls(m); /* some are of those edges */
    if (m->failed || !reserve_last(last, n)) {
        m->failed = true;
        return;
    }
    if (n_same < n)
        memcpy(last->words + n_same, words + n_same, (n - n_same) * sizeof *words);
    last->n = n;
    for (size_t i = 1; i < n; i++) {
        uint32_t src = words[i - 1] & GRAPH_STACK_NODE, dest = words[i] & GRAPH_STACK_NODE;
        bool residual = words[i] & GRAPH_STACK_RESIDUAL,
             is_inlined = words[i] & GRAPH_STACK_INLINED;
        if (src == dest)
            continue;
        if (i < n_same)
            count_at(&m->edges[last->edges[i]], stamp, residual, is_inlined, weight, divisor);
        else
            add_call(m, (struct call){.hash = hash_pair(src, dest),
                                      .src = src,
                                      .dest = dest,
                                      .stamp = stamp,
                                      .at = (uint32_t)i,
                                      .residual = residual,
                                      .is_inlined = is_inlined,
                                      .w = weight,
                                      .d = divisor});
    }
}

/* The same while the table is small: most edges are there and need one look. */
static void add_stack_near(struct edge_maker *m, const uint32_t *words, size_t n, uint32_t stamp,
                           int64_t weight, int64_t divisor)
{
    struct graph_edge *edges = m->edges;
    const uint32_t *slots = m->slots;
    uint32_t mask = m->n_slots - 1;
    for (size_t i = 1; i < n; i++) {
        uint32_t src = words[i - 1] & GRAPH_STACK_NODE, dest = words[i] & GRAPH_STACK_NODE;
        if (src == dest)
            continue;
        uint64_t h = hash_pair(src, dest);
        uint32_t at = slots ? slots[h & mask] : GRAPH_NONE;
        struct graph_edge *e = at == GRAPH_NONE ? NULL : &edges[at];
        if (!e || e->src != src || e->dest != dest) {
            e = find_edge(m, h, src, dest);
            if (!e)
                return;
            edges = m->edges;
            slots = m->slots;
            mask = m->n_slots - 1;
        }
        count_at(e, stamp, words[i] & GRAPH_STACK_RESIDUAL, words[i] & GRAPH_STACK_INLINED, weight,
                 divisor);
    }
}

static inline void add_any_stack(struct edge_maker *m, const uint32_t *words, size_t n,
                                 uint32_t stamp, int64_t weight, int64_t divisor)
{
    if (m->n_slots <= NEAR_SLOTS)
        add_stack_near(m, words, n, stamp, weight, divisor);
    else
        add_stack(m, words, n, stamp, weight, divisor);
}

static void forget_stacks(struct graph_kept *kept)
{
    vec_release(&kept->stack.words);
    free(kept->ends);
    kept->ends = NULL;
}

/* By the table; the stacks are kept as long as they are few. */
static void add_stacks(struct edge_maker *m)
{
    const struct view *v = m->g->view;
    struct graph_stack own = {0};
    for (uint32_t i = m->begin; i < m->end && !m->failed; i++) {
        const struct view_sample *s = &v->samples[i];
        int64_t weight = view_value(v, s), divisor = view_divisor(v, s);
        struct graph_stack *stack = m->kept->ends ? &m->kept->stack : &own;
        vec_clear(&own.words);
        size_t first = stack->words.n;
        if ((weight || divisor) && !graph_stack_add(stack, m->table, s)) {
            m->failed = true;
            break;
        }
        const uint32_t *words = stack->words.items ? stack->words.items + first : NULL;
        add_any_stack(m, words, stack->words.n - first, i + 1, weight, divisor);
        if (stack == &own)
            continue;
        m->kept->ends[i - m->begin] = (uint32_t)stack->words.n;
        if (stack->words.n > m->most_kept)
            forget_stacks(m->kept);
    }
    vec_release(&own.words);
}

/* By the stacks that were kept. */
static void add_stacks_again(struct edge_maker *m)
{
    const struct view *v = m->g->view;
    struct graph_stack own = {0};
    const uint32_t *words = m->kept->stack.words.items;
    uint32_t first = 0;
    for (uint32_t i = m->begin; i < m->end && !m->failed; i++) {
        const struct view_sample *s = &v->samples[i];
        uint32_t end = m->kept->ends[i - m->begin];
        vec_clear(&own.words);
        if (!graph_stack_add_again(&own, words + first, end - first, m->state)) {
            m->failed = true;
            break;
        }
        add_any_stack(m, own.words.items, own.words.n, i + 1, view_value(v, s), view_divisor(v, s));
        first = end;
    }
    vec_release(&own.words);
}

static void add_samples(void *arg, size_t which)
{
    struct edge_maker *m = (struct edge_maker *)arg + which;
    if (m->table)
        add_stacks(m);
    else if (m->kept)
        add_stacks_again(m);
    else
        for (uint32_t i = m->begin; i < m->end && !m->failed; i++)
            add_sample(m, &m->g->view->samples[i], i + 1);
    count_calls(m);
    free(m->last.words);
    free(m->last.edges);
    m->last = (struct last_stack){0};
}

/* So that most locations of a stack need one look. */
static uint32_t *look_at_locations(const struct graph *g, const uint8_t *states,
                                   const uint8_t **looks)
{
    size_t n = g->view->profile->n_locations;
    uint32_t *locations = malloc(n * (sizeof *locations + 1) + 1);
    uint8_t *is_walked = locations ? (uint8_t *)(locations + n) : NULL;
    *looks = is_walked;
    for (uint32_t i = 0; locations && i < n; i++) {
        uint32_t f = g->frame_first[i], end = g->frame_first[i + 1];
        uint32_t what = f < end ? LOCATION_ABSENT : LOCATION_WALKED;
        for (; f < end; f++) {
            uint32_t node = g->frames[f] & ~GRAPH_FRAME_INLINED;
            uint8_t state = states[node];
            if (state & (CALLEE | CALLER) || (!state && what != LOCATION_ABSENT)) {
                what = LOCATION_WALKED;
                break;
            }
            what = state ? node : what;
        }
        locations[i] = what;
        is_walked[i] = what == LOCATION_WALKED;
    }
    return locations;
}

static uint8_t *look_at_nodes(const struct graph *g, enum graph_edges which, bool *any)
{
    uint8_t *states = calloc((size_t)g->n_nodes + 1, 1);
    for (uint32_t i = 0; states && i < g->n_nodes; i++) {
        const struct graph_node *n = &g->nodes[i];
        if (g->is_cut && !n->is_kept)
            continue;
        states[i] = PRESENT;
        if (which == GRAPH_EDGES_ALL || (which == GRAPH_EDGES_INLINED && n->has_inlined))
            states[i] |= CALLEE;
        else if (which == GRAPH_EDGES_ASKED && n->is_asked)
            states[i] |= CALLEE | CALLER;
        *any |= states[i] != PRESENT;
    }
    return states;
}

/* The edges of several makers as if one had made them: in the order of the samples. */
static bool join_makers(struct graph *g, struct edge_maker *makers, size_t n)
{
    struct edge_maker *all = &makers[0];
    bool ok = !all->failed;
    for (size_t i = 1; i < n; i++) {
        ok = ok && !makers[i].failed;
        for (uint32_t k = 0; ok && k < makers[i].n_edges; k++) {
            const struct graph_edge *from = &makers[i].edges[k];
            add_call(all, (struct call){.hash = hash_pair(from->src, from->dest),
                                        .src = from->src,
                                        .dest = from->dest,
                                        .stamp = UINT32_MAX - (uint32_t)i, /* of no sample */
                                        .residual = from->residual,
                                        .is_inlined = from->is_inlined,
                                        .w = from->weight,
                                        .d = from->weight_div});
            ok = !all->failed;
        }
        count_calls(all);
        ok = ok && !all->failed;
        free(makers[i].edges);
        free(makers[i].slots);
        all->has_too_many |= makers[i].has_too_many;
    }
    g->edges = all->edges;
    g->n_edges = all->n_edges;
    free(all->slots);
    return ok;
}

static void run_makers(struct graph *g, struct edge_maker *makers, size_t n, uint32_t n_samples)
{
    for (size_t i = 0; i < n; i++) {
        makers[i].g = g;
        makers[i].begin = (uint32_t)((uint64_t)n_samples * i / n);
        makers[i].end = (uint32_t)((uint64_t)n_samples * (i + 1) / n);
    }
    pool_run(n, 0, add_samples, makers);
}

/* Those that lead to some nodes, or come from some. */
static bool make_some(struct graph *g, const uint8_t *states, bool any, struct edge_maker *makers,
                      size_t n)
{
    const uint8_t *looks = NULL;
    uint32_t *locations = look_at_locations(g, states, &looks);
    for (size_t i = 0; i < n; i++) {
        makers[i].state = states;
        makers[i].locations = locations;
        makers[i].looks = looks;
    }
    if (locations)
        run_makers(g, makers, n, any ? g->view->n_samples : 0);
    free(locations);
    return locations != NULL;
}

void graph_forget_stacks(struct graph *g)
{
    for (size_t i = 0; i < g->n_kept; i++)
        forget_stacks(&g->kept[i]);
    free(g->kept);
    g->kept = NULL;
    g->n_kept = 0;
}

/* Are all stacks kept? */
static bool has_stacks(const struct graph *g)
{
    bool all = g->kept != NULL;
    for (size_t i = 0; i < g->n_kept; i++)
        all = all && g->kept[i].ends;
    return all;
}

static bool keep_stacks(struct graph *g, size_t n)
{
    uint32_t n_samples = g->view->n_samples;
    bool ok = (g->kept = calloc(n, sizeof *g->kept));
    g->n_kept = ok ? n : 0;
    for (size_t i = 0; i < g->n_kept; i++)
        ok &= (g->kept[i].ends = malloc((n_samples / n + 2) * sizeof(uint32_t))) != NULL;
    return ok;
}

static bool make_all(struct graph *g, const uint8_t *states, bool any, uint64_t n_frames,
                     struct edge_maker *makers, size_t n)
{
    uint64_t most = n_frames / SHARE_KEPT;
    most = (most > MOST_KEPT ? most : MOST_KEPT) / n;
    struct graph_stack_table table = {0};
    bool is_again = has_stacks(g), ok = true;
    if (!is_again) {
        graph_forget_stacks(g);
        ok = keep_stacks(g, n) && graph_stack_table_init(&table, g, states);
    }
    for (size_t i = 0; ok && i < n; i++) {
        makers[i].state = states;
        makers[i].table = is_again ? NULL : &table;
        makers[i].kept = &g->kept[i];
        makers[i].most_kept = most < UINT32_MAX / 2 ? (uint32_t)most : UINT32_MAX / 2;
    }
    if (ok && any)
        run_makers(g, makers, n, g->view->n_samples);
    else
        graph_forget_stacks(g);
    graph_stack_table_release(&table);
    return ok;
}

/* Edges by the samples' stacks. */
static bool make_edges(struct graph *g, enum graph_edges which)
{
    bool any = false;
    uint8_t *states = look_at_nodes(g, which, &any);
    uint64_t n_frames = view_count_frames(g->view);
    size_t n = pool_share(n_frames, FRAMES_PER_MAKER, MAX_MAKERS);
    struct edge_maker *makers = calloc(n, sizeof *makers);
    bool ok = states && makers;
    if (ok && which == GRAPH_EDGES_ALL && graph_stack_fits(g))
        ok = make_all(g, states, any, n_frames, makers, n);
    else
        ok = ok && make_some(g, states, any, makers, n);
    if (makers)
        ok = join_makers(g, makers, n) && ok;
    g->has_too_many = makers && makers->has_too_many;
    if (!ok)
        graph_forget_stacks(g);
    free(makers);
    free(states);
    return ok;
}

/* List the edges by node: in_* and out_*, in one block. */
static bool list_edges(struct graph *g)
{
    size_t n = (size_t)g->n_nodes + 2;
    uint32_t *block = pages_calloc(2 * (n + g->n_edges), sizeof *block);
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

bool graph_build_edges(struct graph *g, enum graph_edges which, struct err *err)
{
    free(g->edges);
    g->edges = NULL;
    g->n_edges = 0;
    bool ok = g->parent ? graph_tree_edges(g) : make_edges(g, which);
    if (g->has_too_many) {
        g->n_edges = 0;
        ok = true;
    }
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

struct edge_sorter {
    struct graph *g;
    bool failed;
};

static int compare_edges(const void *a, const void *b, void *arg)
{
    struct edge_sorter *s = arg;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    const struct graph_edge *l = &s->g->edges[i], *r = &s->g->edges[j];
    int64_t lw = unit_abs(l->weight), rw = unit_abs(r->weight);
    if (lw != rw)
        return lw > rw ? -1 : 1;
    int c = graph_compare_labels(s->g, l->src, r->src, &s->failed);
    if (!c)
        c = graph_compare_labels(s->g, l->dest, r->dest, &s->failed);
    return c ? c : i < j ? -1 : 1;
}

bool graph_sort_edges(struct graph *g, uint32_t *edges, uint32_t n, struct err *err)
{
    struct edge_sorter s = {.g = g};
    if (n > 1)
        qsort_r(edges, n, sizeof *edges, compare_edges, &s);
    return !s.failed || err_nomem(err);
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
