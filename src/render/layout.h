/* layout: where the boxes of a graph go, and the arrows between them, in layers:
 * arrows lead downwards as far as the cycles of the graph permit, the heavier ones
 * first; boxes do not overlap, and arrows do not touch boxes that they pass.
 *
 * The steps, a file each (Sugiyama's method, as refined by Gansner and others):
 * layout_rank.c chooses layers, layout_order.c the order within each, layout_place.c
 * coordinates, layout_route.c the curves.  layout.c lays out what is connected, and
 * puts such parts side by side.
 *
 * In: boxes and arrows with their sizes.  Out: coordinates, in the same unit, from
 * (0, 0) at the top left.  The same input gives the same output.
 * Threads: any.  Signals: no. */
#ifndef SONDE_RENDER_LAYOUT_H
#define SONDE_RENDER_LAYOUT_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct layout_point {
    double x, y;
};

struct layout_box {
    double width, height;
    double x, y; /* out: the centre */
};

struct layout_arrow {
    uint32_t from, to;                /* boxes, not the same */
    uint32_t weight;                  /* 1 to 1000: how much it should be short and straight */
    uint32_t n_layers;                /* 1 and more: so many layers down at least */
    double label_width, label_height; /* both 0: none */
    double head;                      /* length of its head */
    /* Out: the middle of the label, a chain of cubic Bezier curves of 1 + 3 n points
     * that ends where the head begins, and the tip of the head. */
    double label_x, label_y;
    const struct layout_point *points;
    uint32_t n_points;
    struct layout_point tip;
};

struct layout {
    struct layout_box *boxes;    /* the caller's */
    struct layout_arrow *arrows; /* the caller's */
    uint32_t n_boxes, n_arrows;
    double box_gap, layer_gap; /* between boxes side by side, between layers */
    /* A place at the top left or top right that is left free, as near as possible. */
    double corner_width, corner_height;
    /* Out. */
    double width, height;
    struct layout_point corner; /* its upper left corner */
    struct arena arena;         /* owns the points */
};

/* Fill in what is out.  False with ERR_NOMEM, or with ERR_UNSUPPORTED when the graph
 * is too large (millions of pieces of arrows); release it in any case.  Bounded work:
 * large graphs get fewer tries to make them look better. */
bool layout_run(struct layout *l, struct err *err);
void layout_release(struct layout *l);

#endif
