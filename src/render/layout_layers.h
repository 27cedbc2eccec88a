/* layout_layers: what the steps of the layout work on: a connected part of the graph,
 * each arrow cut into pieces by the layers that it passes.
 * In, Out: see the functions, in the order in which they are called.
 * Units: those of layout.h.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_RENDER_LAYOUT_LAYERS_H
#define SONDE_RENDER_LAYOUT_LAYERS_H

#include "render/layout.h"

#define LAYERS_NONE UINT32_MAX

/* A box, or where an arrow passes a layer. */
struct layers_item {
    uint32_t box;   /* of the layout, or LAYERS_NONE */
    uint32_t arrow; /* of the part, if it is no box */
    uint32_t layer, position;
    double x;
    double left, right; /* how far it reaches from x */
    double height;
    bool is_label; /* the label of the arrow is right of x */
};

struct layers_arrow {
    uint32_t arrow;          /* of the layout */
    uint32_t top, bottom;    /* items */
    uint32_t first, n_items; /* the items between them, downwards */
    bool is_reversed;        /* leads upwards: bottom is where it comes from */
};

struct layers {
    struct layout *layout;
    struct arena *arena; /* of all that is here */
    uint32_t *boxes;     /* of the layout; item i is that of boxes[i] */
    uint32_t n_boxes;
    struct layers_arrow *arrows;
    uint32_t n_arrows;
    bool has_labels;    /* box layers are even, labels are in odd ones */
    uint32_t *layer_of; /* of the boxes */
    /* From layers_build() on: */
    struct layers_item *items;
    uint32_t n_items, n_layers;
    uint32_t *order, *first; /* layer i has the items order[first[i]] .. order[first[i+1]] */
    /* The neighbours of item i in the layer above: up[up_first[i]] .. [up_first[i+1]]. */
    uint32_t *up, *up_first, *down, *down_first;
    double *y, *height; /* of the layers: the middle */
    double width;
};

/* Which arrows are reversed so that no cycle is left, and layer_of.
 * layout_rank.c; False with ERR_NOMEM. */
bool layers_rank(struct layers *g, struct err *err);

/* Cut the arrows into pieces.  layout_rank.c; false with ERR_NOMEM, ERR_UNSUPPORTED. */
bool layers_build(struct layers *g, struct err *err);

/* The order within each layer, for few crossings.  layout_order.c; False with ERR_NOMEM. */
bool layers_order(struct layers *g, struct err *err);

/* x of the items from 0, y of the layers from 0.  layout_place.c; False with ERR_NOMEM. */
bool layers_place(struct layers *g, struct err *err);

/* The curves and places of labels, into the layout.  layout_route.c; false with ERR_NOMEM. */
bool layers_route(struct layers *g, struct err *err);

#endif
