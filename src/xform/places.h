/* places: samples, and at which frame of its stack each stands: what a call tree is grown
 * from.  They begin outside the outermost frame; a pivot sets them on the outermost frame
 * that is marked, from where a tree grows in both directions.
 *
 * With a second profile (`base`) it is about a difference: frames that are the same by
 * name, file and line are one, and the base's samples count as before, the others as
 * after.  Of one profile, negative values count as before: those of what was subtracted.
 *
 * In: graphs, which say what a frame is.  Out: samples, sizes of values, places.
 * Units: sizes are absolute values of the chosen sample type; sums stop at INT64_MAX.
 * Ownership: graphs are borrowed.  Threads: one at a time; uses several itself.
 * Signals: no. */
#ifndef SONDE_XFORM_PLACES_H
#define SONDE_XFORM_PLACES_H

#include "xform/graph.h"

#include <stdlib.h>

/* Between two frames of a stack: locations [0, left) are further in.  Where that is amid
 * a location, it is locs[left], and `frame` the one of graph.frames that is next inwards,
 * else GRAPH_NONE.  Outwards it is the other way about (places_turn). */
struct place {
    uint32_t left, frame;
};

struct places_side {
    struct graph *graph;         /* NULL: there is none */
    const uint32_t *frames;      /* as graph.frames, but frames of the tree */
    const uint32_t *frame_first; /* the graph's */
    uint32_t *direct;            /* [n_locations] the frame of locations that have one, else NONE */
    uint32_t *renamed;           /* owned: `frames` where they are not the graph's */
};

struct places {
    struct places_side sides[2]; /* the profile, the base */
    uint32_t n_own;              /* samples of the first, which come before the second's */
    uint32_t n_frames;           /* frames are numbers below this; the first graph's nodes first */
    uint32_t *base_nodes;        /* [n_frames - n_nodes of the first] nodes of the base alone */
    uint32_t *base_frames;       /* [n_nodes of the base] their frames */
    uint32_t *samples;           /* [n] those that are left, in their order */
    uint32_t n, n_all;
    int64_t *weights;  /* by sample: the size, negative when it counts as before */
    struct place *at;  /* by sample */
    bool has_negative; /* something counts as before */
};

/* All samples that are not 0.  base NULL: no difference; its values are multiplied by
 * `ratio`.  False with ERR_NOMEM; release it in any case.  O(samples + locations). */
bool places_init(struct places *p, struct graph *graph, struct graph *base, double ratio,
                 struct err *err);
void places_release(struct places *p); /* also fine on a zeroed struct */

/* The sizes of the samples that are left, and of those that count as before. */
int64_t places_total(const struct places *p, int64_t *before);
/* The node of a graph that a frame is. */
struct graph *places_graph(const struct places *p, uint32_t frame, uint32_t *node);
struct str places_name(const struct places *p, uint32_t frame); /* its function, or "" */

struct places_found {
    uint32_t n_frames;    /* marked ones that occur */
    uint32_t n_outermost; /* ... as the outermost one in a stack */
    uint32_t outermost;   /* one of those */
    int64_t value;        /* of the samples that have them */
    int64_t before;       /* of that, what counts as before */
};

/* Which samples have a frame that is marked (`marks` [n_frames] are 0 or 1).  False with
 * ERR_NOMEM.  O(frames). */
bool places_find(const struct places *p, const uint8_t *marks, struct places_found *found,
                 struct err *err);
/* Keep those, each before its outermost marked frame.  The same otherwise. */
bool places_pivot(struct places *p, const uint8_t *marks, struct places_found *found,
                  struct err *err);

static inline int64_t places_add(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static inline const struct places_side *places_side_of(const struct places *p, uint32_t sample)
{
    return &p->sides[sample >= p->n_own];
}

static inline const struct view_sample *places_sample(const struct places *p, uint32_t sample)
{
    bool is_base = sample >= p->n_own;
    return &p->sides[is_base].graph->view->samples[sample - (is_base ? p->n_own : 0)];
}

/* Go over the next frame inwards: it, with GRAPH_FRAME_INLINED; GRAPH_NONE at the end. */
static inline uint32_t places_inwards(const struct places *p, uint32_t sample, struct place *at)
{
    const struct places_side *side = places_side_of(p, sample);
    const uint32_t *locs = places_sample(p, sample)->locs;
    while (at->frame == GRAPH_NONE) {
        if (at->left == 0)
            return GRAPH_NONE;
        uint32_t loc = locs[--at->left], direct = side->direct[loc];
        if (direct != GRAPH_NONE)
            return direct;
        if (side->frame_first[loc] < side->frame_first[loc + 1])
            at->frame = side->frame_first[loc];
    }
    uint32_t frame = at->frame++;
    if (at->frame == side->frame_first[locs[at->left] + 1])
        at->frame = GRAPH_NONE;
    return side->frames[frame];
}

/* Of a place before a frame inwards, the one before the same frame outwards: locations
 * from `left` on are further out, and `frame` is of the one before. */
static inline struct place places_turn(struct place at)
{
    return (struct place){at.frame == GRAPH_NONE ? at.left - 1 : at.left + 1, at.frame};
}

/* Go over the next frame outwards, of a place that was turned. */
static inline uint32_t places_outwards(const struct places *p, uint32_t sample, struct place *at)
{
    const struct places_side *side = places_side_of(p, sample);
    const struct view_sample *s = places_sample(p, sample);
    while (at->frame == GRAPH_NONE) {
        if (at->left == s->n_locs)
            return GRAPH_NONE;
        uint32_t loc = s->locs[at->left++], direct = side->direct[loc];
        if (direct != GRAPH_NONE)
            return direct;
        if (side->frame_first[loc] < side->frame_first[loc + 1])
            at->frame = side->frame_first[loc + 1] - 1;
    }
    uint32_t frame = at->frame--;
    if (frame == side->frame_first[s->locs[at->left - 1]])
        at->frame = GRAPH_NONE;
    return side->frames[frame];
}

#endif
