#include "xform/graph_calls.h"

#include "base/map.h"
#include "base/pages.h"
#include "base/pool.h"
#include "xform/unit.h"

#include <stdlib.h>
#include <string.h>

#define MAX_WALKERS 8u
#define FRAMES_PER_WALKER 80000u
#define MOST_KEPT (1u << 18) /* so many take less time than they take memory */
#define SLOTS_PER_FRAME 8u /* of `open`: few calls meet others there */
#define FEW 12u            /* are sorted by insertion */

/* A frame of the stack that the walk is in. */
struct frame {
    uint32_t node;
    uint32_t slot;   /* of the call that leads to it, in `open`; GRAPH_NONE: it does not count */
    uint64_t before; /* the weight of all samples before the first that has it */
};

/* A call; caller GRAPH_NONE: none. */
struct open_call {
    uint32_t caller, callee;
};

/* The call of a callee that was made last. */
struct pending {
    int64_t weight;
    uint32_t caller; /* GRAPH_NONE: none yet */
};

struct kept_call {
    int64_t weight;
    uint32_t caller, callee;
};

/* Goes over some of the samples as over a tree, from a stack to the next, so that what both
 * begin with costs nothing: a frame's call has the weight of all samples from its first to its
 * last.  A call that is further out in the same stack, too, does not count there. */
struct walker {
    const struct graph *g;
    uint32_t begin, end; /* of the view's samples */
    VEC(struct frame) frames;
    VEC(uint32_t) depths;   /* [i]: how many frames there are within the i outermost locations */
    struct open_call *open; /* open addressing: the calls of `frames` that count */
    uint32_t n_open_slots;
    uint64_t weight;          /* of the samples so far */
    struct pending *pending;  /* [n_nodes] by callee: most are called by one caller at a time */
    size_t *next;             /* [n_nodes] by caller: how many calls; then where the next goes */
    struct graph_call *calls; /* NULL: they are counted only */
    /* Those that were counted, of the samples before `again`; the rest is walked again. */
    VEC(struct kept_call) kept;
    uint32_t again;
    bool failed;
};

/* The slot of a call, which then is open; GRAPH_NONE: it was. */
static uint32_t open_call(struct walker *w, uint32_t caller, uint32_t callee)
{
    uint32_t mask = w->n_open_slots - 1, i = (uint32_t)hash_pair(caller, callee) & mask;
    for (; w->open[i].caller != GRAPH_NONE; i = (i + 1) & mask)
        if (w->open[i].caller == caller && w->open[i].callee == callee)
            return GRAPH_NONE;
    w->open[i] = (struct open_call){caller, callee};
    return i;
}

/* Room for one call more. */
static bool reserve_open(struct walker *w)
{
    if (w->frames.n < w->n_open_slots / SLOTS_PER_FRAME)
        return true;
    uint32_t n = w->n_open_slots ? w->n_open_slots * 2 : 1024;
    struct open_call *open = n ? malloc(n * sizeof *open) : NULL;
    if (!open)
        return false;
    memset(open, 0xff, n * sizeof *open);
    free(w->open);
    w->open = open;
    w->n_open_slots = n;
    for (size_t i = 1; i < w->frames.n; i++) {
        struct frame *f = &w->frames.items[i];
        if (f->slot != GRAPH_NONE)
            f->slot = open_call(w, w->frames.items[i - 1].node, f->node);
    }
    return true;
}

static void note(struct walker *w, uint32_t caller, uint32_t callee, int64_t weight)
{
    size_t at = w->next[caller]++;
    if (w->calls)
        w->calls[at] = (struct graph_call){weight, callee};
    else if (w->again == w->end)
        w->failed |= !vec_push(&w->kept, (struct kept_call){weight, caller, callee});
}

static inline void add(struct walker *w, uint32_t caller, uint32_t callee, int64_t weight)
{
    struct pending *p = &w->pending[callee];
    if (p->caller == caller) {
        p->weight = (int64_t)((uint64_t)p->weight + (uint64_t)weight);
        return;
    }
    if (p->caller != GRAPH_NONE)
        note(w, p->caller, callee, p->weight);
    *p = (struct pending){weight, caller};
}

/* Leave all but the n outermost frames. */
static void leave(struct walker *w, size_t n)
{
    while (w->frames.n > n) {
        const struct frame *f = &w->frames.items[--w->frames.n];
        if (f->slot == GRAPH_NONE)
            continue;
        /* The last that came: no other was put past it. */
        w->open[f->slot].caller = GRAPH_NONE;
        add(w, f[-1].node, f->node, (int64_t)(w->weight - f->before));
    }
}

static bool enter(struct walker *w, uint32_t node)
{
    if (!vec_reserve(&w->frames, w->frames.n + 1) || !reserve_open(w))
        return false;
    struct frame *f = &w->frames.items[w->frames.n];
    *f = (struct frame){node, GRAPH_NONE, w->weight};
    if (w->frames.n && f[-1].node != node)
        f->slot = open_call(w, f[-1].node, node);
    w->frames.n++;
    return true;
}

/* How many of the outermost locations two stacks have in common. */
static uint32_t count_same(const struct view_sample *a, const struct view_sample *b)
{
    uint32_t n = 0, most = a->n_locs < b->n_locs ? a->n_locs : b->n_locs;
    while (n < most && a->locs[a->n_locs - 1 - n] == b->locs[b->n_locs - 1 - n])
        n++;
    return n;
}

static bool enter_stack(struct walker *w, const struct view_sample *s, uint32_t n_same)
{
    const struct graph *g = w->g;
    if (!vec_reserve(&w->depths, (size_t)s->n_locs + 1))
        return false;
    w->depths.items[0] = 0;
    leave(w, w->depths.items[n_same]);
    for (uint32_t i = n_same; i < s->n_locs; i++) {
        uint32_t loc = s->locs[s->n_locs - 1 - i];
        for (uint32_t f = g->frame_first[loc]; f < g->frame_first[loc + 1]; f++)
            if (!enter(w, g->frames[f] & ~GRAPH_FRAME_INLINED))
                return false;
        w->depths.items[i + 1] = (uint32_t)w->frames.n;
    }
    return true;
}

/* Leave the stack, and note what is pending. */
static void leave_all(struct walker *w)
{
    leave(w, 0);
    for (uint32_t i = 0; i < w->g->n_nodes; i++) {
        if (w->pending[i].caller != GRAPH_NONE)
            note(w, w->pending[i].caller, i, w->pending[i].weight);
        w->pending[i].caller = GRAPH_NONE;
    }
}

static void walk(struct walker *w, uint32_t begin)
{
    const struct view *v = w->g->view;
    struct view_sample last = {0};
    for (uint32_t i = begin; i < w->end && !w->failed; i++) {
        const struct view_sample *s = &v->samples[i];
        int64_t weight = view_value(v, s);
        if (!weight && !view_divisor(v, s))
            continue;
        if (w->kept.n >= MOST_KEPT && w->again == w->end) {
            leave_all(w);
            w->again = i;
            last = (struct view_sample){0};
        }
        w->failed |= !enter_stack(w, s, count_same(s, &last));
        w->weight += (uint64_t)weight;
        last = *s;
    }
    leave_all(w);
}

static void count(void *arg, size_t which)
{
    struct walker *w = (struct walker *)arg + which;
    memset(w->pending, 0xff, w->g->n_nodes * sizeof *w->pending);
    walk(w, w->begin);
}

static void place(void *arg, size_t which)
{
    struct walker *w = (struct walker *)arg + which;
    for (size_t i = 0; i < w->kept.n; i++) {
        const struct kept_call *call = &w->kept.items[i];
        note(w, call->caller, call->callee, call->weight);
    }
    walk(w, w->again);
}

/* Make room for the calls that are counted, each caller's together. */
static bool place_calls(struct graph_calls *c, struct walker *walkers, size_t n_walkers)
{
    size_t n = 0;
    for (uint32_t i = 0; i < c->g->n_nodes; i++) {
        c->first[i] = n;
        for (size_t k = 0; k < n_walkers; k++) {
            size_t begin = n;
            n += walkers[k].next[i];
            walkers[k].next[i] = begin;
        }
    }
    c->first[c->g->n_nodes] = n;
    c->calls = malloc((n + 1) * sizeof *c->calls);
    pages_prepare_large(c->calls, (n + 1) * sizeof *c->calls);
    for (size_t k = 0; k < n_walkers; k++)
        walkers[k].calls = c->calls;
    return c->calls != NULL;
}

static bool any_failed(const struct walker *walkers, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++)
        any |= walkers[i].failed;
    return any;
}

/* Calls are counted, then put where they belong.  What they are is kept in between, unless they
 * are many: then the samples are walked twice, the same way. */
static bool walk_samples(struct graph_calls *c)
{
    const struct graph *g = c->g;
    struct walker walkers[MAX_WALKERS] = {0};
    size_t n = pool_share(view_count_frames(g->view), FRAMES_PER_WALKER, MAX_WALKERS);
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        struct walker *w = &walkers[i];
        w->g = g;
        w->begin = (uint32_t)((uint64_t)g->view->n_samples * i / n);
        w->end = (uint32_t)((uint64_t)g->view->n_samples * (i + 1) / n);
        w->again = w->end;
        w->pending = malloc(((size_t)g->n_nodes + 1) * sizeof *w->pending);
        w->next = calloc((size_t)g->n_nodes + 1, sizeof *w->next);
        ok = ok && w->pending && w->next;
    }
    if (ok)
        pool_run(n, (unsigned)n, count, walkers);
    ok = ok && !any_failed(walkers, n) && place_calls(c, walkers, n);
    if (ok)
        pool_run(n, (unsigned)n, place, walkers);
    ok = ok && !any_failed(walkers, n);
    for (size_t i = 0; i < n; i++) {
        vec_release(&walkers[i].frames);
        vec_release(&walkers[i].depths);
        vec_release(&walkers[i].kept);
        free(walkers[i].open);
        free(walkers[i].pending);
        free(walkers[i].next);
    }
    return ok;
}

/* In a tree each node is called by its parent alone. */
static bool walk_tree(struct graph_calls *c)
{
    const struct graph *g = c->g;
    struct walker all = {.g = g, .next = calloc((size_t)g->n_nodes + 1, sizeof *all.next)};
    for (uint32_t i = 0; all.next && i < g->n_nodes; i++)
        if (g->parent[i] != GRAPH_NONE)
            all.next[g->parent[i]]++;
    bool ok = all.next && place_calls(c, &all, 1);
    for (uint32_t i = 0; ok && i < g->n_nodes; i++)
        if (g->parent[i] != GRAPH_NONE)
            note(&all, g->parent[i], i, g->nodes[i].cum);
    free(all.next);
    return ok;
}

bool graph_calls_init(struct graph_calls *c, struct graph *g, struct err *err)
{
    size_t n = (size_t)g->n_nodes + 1;
    *c = (struct graph_calls){.g = g};
    c->first = malloc(n * sizeof *c->first);
    c->at = calloc(n, sizeof *c->at);
    bool ok = c->first && c->at && (g->parent ? walk_tree(c) : walk_samples(c));
    return ok || err_nomem(err);
}

void graph_calls_release(struct graph_calls *c)
{
    free(c->first);
    free(c->calls);
    free(c->at);
    vec_release(&c->list);
}

struct sorter {
    struct graph *g;
    bool failed;
};

static int compare(const void *a, const void *b, void *arg)
{
    const struct graph_callee *l = a, *r = b;
    struct sorter *s = arg;
    int64_t lw = unit_abs(l->weight), rw = unit_abs(r->weight);
    if (lw != rw)
        return lw > rw ? -1 : 1;
    if (l->address != r->address && l->address && r->address) /* labels begin with it */
        return l->address < r->address ? -1 : 1;
    int order = graph_compare_labels(s->g, l->node, r->node, &s->failed);
    return order ? order : l->node < r->node ? -1 : 1;
}

static bool sort(struct graph *g, struct graph_callee *list, size_t n)
{
    struct sorter s = {.g = g};
    if (n > FEW)
        qsort_r(list, n, sizeof *list, compare, &s);
    for (size_t i = 1; i < n && n <= FEW; i++) {
        struct graph_callee item = list[i];
        size_t k = i;
        for (; k && compare(&item, &list[k - 1], &s) < 0; k--)
            list[k] = list[k - 1];
        list[k] = item;
    }
    return !s.failed;
}

bool graph_calls_of(struct graph_calls *c, uint32_t node, const struct graph_callee **callees,
                    uint32_t *n, struct err *err)
{
    size_t first = c->first[node], n_calls = c->first[node + 1] - first;
    vec_clear(&c->list);
    if (!vec_reserve(&c->list, n_calls))
        return err_nomem(err);
    for (size_t i = 0; i < n_calls; i++) {
        const struct graph_call *call = &c->calls[first + i];
        uint32_t at = c->at[call->callee];
        if (at < c->list.n && c->list.items[at].node == call->callee) {
            int64_t *sum = &c->list.items[at].weight;
            *sum = (int64_t)((uint64_t)*sum + (uint64_t)call->weight);
            continue;
        }
        c->at[call->callee] = (uint32_t)c->list.n;
        c->list.items[c->list.n++] = (struct graph_callee){
            call->weight, c->g->nodes[call->callee].info.address, call->callee};
    }
    *callees = c->list.items;
    *n = (uint32_t)c->list.n;
    return sort(c->g, c->list.items, c->list.n) || err_nomem(err);
}
