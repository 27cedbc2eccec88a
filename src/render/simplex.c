#include "render/simplex.h"

#include "base/arena.h"

/* A spanning tree of edges that are as short as they may be fixes all values but
 * for a shift.  A tree edge whose cut value is negative would rather be longer: it
 * leaves the tree, the shortest edge back between the two parts comes in, and the
 * smaller part moves.  What is done for that is in proportion to the smaller part. */
struct tree {
    const struct simplex_edge *edges;
    int32_t *values;
    uint32_t n, n_edges;
    uint32_t *ends, *first_end;    /* ends at node v: ends[first_end[v]] .. [first_end[v+1]] */
    uint32_t *other;               /* by end: the node at the other one */
    uint32_t *tree_edges;          /* [n-1] */
    uint32_t *first, *next, *prev; /* the tree's ends at a node, as a list */
    uint32_t *parent;              /* the edge to it; NONE at the root */
    int32_t *depth;                /* one more than the parent's */
    int64_t *cut;                  /* by edge */
    uint32_t *part_of, n_parts;    /* by node: the number of the part it was last in */
    uint32_t *list, *other_list;   /* [n]: lists of nodes */
    uint32_t *arrived;             /* by node: the edge by which a list came to it */
    uint64_t steps, max_steps;
};

#define NONE UINT32_MAX

/* An end of edge e is 2 * e (where it comes from) or 2 * e + 1 (where it goes). */
static uint32_t node_at(const struct tree *t, uint32_t end)
{
    const struct simplex_edge *e = &t->edges[end / 2];
    return end & 1 ? e->to : e->from;
}

static int32_t slack(const struct tree *t, uint32_t edge)
{
    const struct simplex_edge *e = &t->edges[edge];
    return t->values[e->to] - t->values[e->from] - e->length;
}

static uint32_t other_node(const struct tree *t, uint32_t edge, uint32_t node)
{
    return t->edges[edge].from == node ? t->edges[edge].to : t->edges[edge].from;
}

static void link_end(struct tree *t, uint32_t end)
{
    uint32_t node = node_at(t, end);
    t->prev[end] = NONE;
    t->next[end] = t->first[node];
    if (t->first[node] != NONE)
        t->prev[t->first[node]] = end;
    t->first[node] = end;
}

static void unlink_end(struct tree *t, uint32_t end)
{
    if (t->prev[end] == NONE)
        t->first[node_at(t, end)] = t->next[end];
    else
        t->next[t->prev[end]] = t->next[end];
    if (t->next[end] != NONE)
        t->prev[t->next[end]] = t->prev[end];
}

/* Add the tree's neighbours of list[i] but that where the list came from. */
static uint32_t extend(struct tree *t, uint32_t *list, uint32_t i, uint32_t n)
{
    uint32_t node = list[i];
    for (uint32_t end = t->first[node]; end != NONE; end = t->next[end]) {
        if (end / 2 == t->arrived[node])
            continue;
        uint32_t next = t->other[end];
        t->arrived[next] = end / 2;
        list[n++] = next;
    }
    t->steps++;
    return n;
}

/* What is on the side of `node` when `edge` is taken away hangs on `edge` from now on
 * (NONE: it is the root).  O(that side), which is in `list` then. */
static uint32_t hang(struct tree *t, uint32_t node, uint32_t edge, int32_t depth, uint32_t *list)
{
    uint32_t n = 1;
    list[0] = node;
    t->arrived[node] = edge;
    for (uint32_t i = 0; i < n; i++) {
        n = extend(t, list, i, n);
        uint32_t parent = t->arrived[list[i]];
        t->parent[list[i]] = parent;
        if (list[i] == node)
            t->depth[node] = depth;
        else
            t->depth[list[i]] = t->depth[other_node(t, parent, list[i])] + 1;
    }
    return n;
}

/* Heap of edges between the tree that grows and the rest, the shortest on top. */
struct candidate {
    int64_t key;
    uint32_t edge;
};

struct heap {
    struct candidate *items;
    uint32_t n;
};

static bool is_before(struct candidate a, struct candidate b)
{
    return a.key != b.key ? a.key < b.key : a.edge < b.edge;
}

static void heap_push(struct heap *h, struct candidate c)
{
    uint32_t i = h->n++;
    for (; i && is_before(c, h->items[(i - 1) / 2]); i = (i - 1) / 2)
        h->items[i] = h->items[(i - 1) / 2];
    h->items[i] = c;
}

static void heap_pop(struct heap *h)
{
    struct candidate last = h->items[--h->n];
    uint32_t i = 0;
    for (uint32_t child; (child = 2 * i + 1) < h->n; i = child) {
        if (child + 1 < h->n && is_before(h->items[child + 1], h->items[child]))
            child++;
        if (!is_before(h->items[child], last))
            break;
        h->items[i] = h->items[child];
    }
    h->items[i] = last;
}

/* Take `node` into the tree, which has moved by `moved` so far. */
static void grow(struct tree *t, uint32_t node, int64_t moved, struct heap *out, struct heap *in)
{
    for (uint32_t i = t->first_end[node]; i < t->first_end[node + 1]; i++) {
        uint32_t edge = t->ends[i] / 2;
        if (t->part_of[t->other[t->ends[i]]])
            continue;
        if (t->ends[i] & 1)
            heap_push(in, (struct candidate){slack(t, edge) - moved, edge});
        else
            heap_push(out, (struct candidate){slack(t, edge) + moved, edge});
    }
    t->values[node] -= (int32_t)moved;
    t->part_of[node] = 1;
}

static bool is_inside(const struct tree *t, const struct heap *h)
{
    const struct simplex_edge *e = &t->edges[h->items[0].edge];
    return t->part_of[e->from] && t->part_of[e->to];
}

/* A tree of edges without slack: from one node on, the nearest is taken in, after
 * the tree was moved as a whole to touch it. */
static bool build_tree(struct tree *t, struct heap *out, struct heap *in)
{
    int64_t moved = 0; /* added to the values in the tree at the end */
    for (uint32_t i = 0; i < t->n; i++)
        t->first[i] = NONE;
    grow(t, 0, 0, out, in);
    for (uint32_t n = 0; n + 1 < t->n; n++) {
        while (out->n && is_inside(t, out))
            heap_pop(out);
        while (in->n && is_inside(t, in))
            heap_pop(in);
        if (!out->n && !in->n)
            return false; /* not connected */
        int64_t out_slack = out->n ? out->items[0].key - moved : INT64_MAX;
        int64_t in_slack = in->n ? in->items[0].key + moved : INT64_MAX;
        bool is_out = out_slack <= in_slack;
        uint32_t edge = (is_out ? out : in)->items[0].edge;
        moved += is_out ? out_slack : -in_slack;
        heap_pop(is_out ? out : in);
        t->tree_edges[n] = edge;
        link_end(t, 2 * edge);
        link_end(t, 2 * edge + 1);
        grow(t, is_out ? t->edges[edge].to : t->edges[edge].from, moved, out, in);
    }
    for (uint32_t i = 0; i < t->n; i++)
        t->values[i] += (int32_t)moved;
    hang(t, 0, NONE, 0, t->list);
    t->n_parts = 1;
    return true;
}

/* The cut value of an edge: the weights from the part where it comes from to the
 * part where it goes, less the weights back. */
static void find_cuts(struct tree *t, int64_t *balance)
{
    for (uint32_t i = 0; i < t->n; i++)
        balance[i] = 0;
    for (uint32_t i = 0; i < t->n_edges; i++) {
        balance[t->edges[i].from] += t->edges[i].weight;
        balance[t->edges[i].to] -= t->edges[i].weight;
    }
    for (uint32_t i = t->n; i-- > 1;) { /* leaves first: the list is that of hang() */
        uint32_t node = t->list[i], edge = t->parent[node];
        balance[other_node(t, edge, node)] += balance[node];
        t->cut[edge] = t->edges[edge].from == node ? balance[node] : -balance[node];
    }
}

#define SEARCH 30 /* as many negative ones are compared */

static uint32_t leaving_edge(struct tree *t, uint32_t *at)
{
    uint32_t best = NONE, found = 0;
    for (uint32_t i = 0; i + 1 < t->n && found < SEARCH; i++) {
        if (*at == t->n - 1)
            *at = 0;
        uint32_t i_edge = (*at)++;
        t->steps++;
        if (t->cut[t->tree_edges[i_edge]] >= 0)
            continue;
        found++;
        if (best == NONE || t->cut[t->tree_edges[i_edge]] < t->cut[t->tree_edges[best]])
            best = i_edge;
    }
    return best;
}

/* The smaller of the two parts without `edge`: its nodes, which have the new part
 * number then.  Both are listed in turns, so the larger one costs no more. */
static uint32_t *smaller_part(struct tree *t, uint32_t edge, uint32_t *n)
{
    uint32_t n_from = 1, n_to = 1;
    uint32_t *from = t->list, *to = t->other_list;
    from[0] = t->edges[edge].from;
    to[0] = t->edges[edge].to;
    t->arrived[from[0]] = t->arrived[to[0]] = edge;
    for (uint32_t i = 0;; i++) {
        if (i == n_from || i == n_to) {
            uint32_t *part = i == n_from ? from : to;
            *n = i;
            t->n_parts++;
            for (uint32_t k = 0; k < i; k++)
                t->part_of[part[k]] = t->n_parts;
            return part;
        }
        n_from = extend(t, from, i, n_from);
        n_to = extend(t, to, i, n_to);
    }
}

/* The edge with the least slack that leads against the leaving one: into the part
 * (with `into`), or out of it. */
static uint32_t entering_edge(struct tree *t, const uint32_t *part, uint32_t n, bool into)
{
    uint32_t best = NONE;
    int32_t best_slack = INT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t node = part[i];
        t->steps += t->first_end[node + 1] - t->first_end[node];
        for (uint32_t k = t->first_end[node]; k < t->first_end[node + 1]; k++) {
            uint32_t end = t->ends[k];
            if ((end & 1) != into || t->part_of[t->other[end]] == t->n_parts)
                continue;
            int32_t s = slack(t, end / 2);
            if (s < best_slack || (s == best_slack && end / 2 < best)) {
                best = end / 2;
                best_slack = s;
            }
        }
    }
    return best;
}

/* Add to the cut value of a node's parent edge; the parent. */
static uint32_t pass_up(struct tree *t, uint32_t node, int64_t cut)
{
    uint32_t edge = t->parent[node];
    t->cut[edge] += t->edges[edge].from == node ? cut : -cut;
    t->steps++;
    return other_node(t, edge, node);
}

/* Cut values change on the way between the ends of the entering edge. */
static void update_cuts(struct tree *t, const struct simplex_edge *entering, int64_t cut)
{
    uint32_t from = entering->from, to = entering->to;
    while (from != to)
        if (t->depth[from] >= t->depth[to])
            from = pass_up(t, from, cut);
        else
            to = pass_up(t, to, -cut);
}

static void exchange(struct tree *t, uint32_t i_leaving)
{
    uint32_t leaving = t->tree_edges[i_leaving], n;
    const struct simplex_edge *e = &t->edges[leaving];
    int64_t cut = t->cut[leaving];
    uint32_t *part = smaller_part(t, leaving, &n);
    bool part_is_from = t->part_of[e->from] == t->n_parts;
    uint32_t entering = entering_edge(t, part, n, part_is_from);
    if (entering == NONE) { /* no minimum: weights below 0 */
        t->steps = t->max_steps;
        return;
    }
    int32_t by = slack(t, entering); /* the two parts come nearer to each other by that */
    for (uint32_t i = 0; i < n; i++)
        t->values[part[i]] += part_is_from ? -by : by;

    const struct simplex_edge *f = &t->edges[entering];
    update_cuts(t, f, cut);
    t->cut[entering] = -cut;
    unlink_end(t, 2 * leaving);
    unlink_end(t, 2 * leaving + 1);
    bool root_moves = t->parent[part_is_from ? e->to : e->from] == leaving;
    if (root_moves) /* the larger part hung below */
        t->parent[part_is_from ? e->to : e->from] = NONE;
    uint32_t inner = part_is_from ? f->to : f->from, outer = part_is_from ? f->from : f->to;
    hang(t, inner, entering, t->depth[outer] + 1, part);
    link_end(t, 2 * entering);
    link_end(t, 2 * entering + 1);
    t->tree_edges[i_leaving] = entering;
}

/* A tree edge that costs nothing may be as long as the edges against it permit: half
 * of that. */
static void center_values(struct tree *t)
{
    for (uint32_t i = 0; i + 1 < t->n && t->steps < t->max_steps; i++) {
        uint32_t edge = t->tree_edges[i], n;
        if (t->cut[edge] != 0)
            continue;
        uint32_t *part = smaller_part(t, edge, &n);
        bool part_is_from = t->part_of[t->edges[edge].from] == t->n_parts;
        uint32_t against = entering_edge(t, part, n, part_is_from);
        if (against == NONE)
            continue;
        int32_t by = slack(t, against) / 2;
        for (uint32_t k = 0; k < n; k++)
            t->values[part[k]] += part_is_from ? -by : by;
    }
}

static bool alloc_tree(struct tree *t, struct arena *arena)
{
    t->ends = ARENA_ARRAY(arena, uint32_t, 2 * (size_t)t->n_edges);
    t->other = ARENA_ARRAY(arena, uint32_t, 2 * (size_t)t->n_edges);
    t->first_end = ARENA_ARRAY(arena, uint32_t, (size_t)t->n + 2);
    t->tree_edges = ARENA_ARRAY(arena, uint32_t, t->n);
    t->first = ARENA_ARRAY(arena, uint32_t, t->n);
    t->next = ARENA_ARRAY(arena, uint32_t, 2 * (size_t)t->n_edges);
    t->prev = ARENA_ARRAY(arena, uint32_t, 2 * (size_t)t->n_edges);
    t->parent = ARENA_ARRAY(arena, uint32_t, t->n);
    t->depth = ARENA_ARRAY(arena, int32_t, t->n);
    t->part_of = ARENA_ARRAY(arena, uint32_t, t->n);
    t->list = ARENA_ARRAY(arena, uint32_t, t->n);
    t->other_list = ARENA_ARRAY(arena, uint32_t, t->n);
    t->arrived = ARENA_ARRAY(arena, uint32_t, t->n);
    t->cut = ARENA_ARRAY(arena, int64_t, t->n_edges);
    return t->ends && t->other && t->first_end && t->tree_edges && t->first && t->next && t->prev &&
           t->parent && t->depth && t->part_of && t->list && t->other_list && t->arrived && t->cut;
}

static void list_ends(struct tree *t)
{
    uint32_t *at = t->first_end + 1; /* first the counts, then where to write, then the ends */
    for (uint32_t end = 0; end < 2 * t->n_edges; end++)
        at[node_at(t, end) + 1]++;
    for (uint32_t i = 1; i <= t->n; i++)
        at[i] += at[i - 1];
    for (uint32_t end = 0; end < 2 * t->n_edges; end++)
        t->ends[at[node_at(t, end)]++] = end;
    for (uint32_t end = 0; end < 2 * t->n_edges; end++)
        t->other[end] = node_at(t, end ^ 1);
}

bool simplex_solve(int32_t *values, uint32_t n_values, const struct simplex_edge *edges,
                   uint32_t n_edges, bool center, uint64_t max_steps, struct err *err)
{
    if (n_values < 2)
        return true;
    AUTO_ARENA arena = {0};
    struct tree t = {.edges = edges,
                     .values = values,
                     .n = n_values,
                     .n_edges = n_edges,
                     .max_steps = max_steps};
    struct heap out = {ARENA_ARRAY(&arena, struct candidate, n_edges), 0};
    struct heap in = {ARENA_ARRAY(&arena, struct candidate, n_edges), 0};
    int64_t *balance = ARENA_ARRAY(&arena, int64_t, n_values);
    if (!alloc_tree(&t, &arena) || !out.items || !in.items || !balance)
        return err_nomem(err);
    list_ends(&t);
    if (!build_tree(&t, &out, &in))
        return err_set(err, ERR_INPUT, "the graph is not connected");
    find_cuts(&t, balance);
    uint32_t at = 0, leaving;
    while (t.steps < max_steps && (leaving = leaving_edge(&t, &at)) != NONE)
        exchange(&t, leaving);
    if (center)
        center_values(&t);
    return true;
}
