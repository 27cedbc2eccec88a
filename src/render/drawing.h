/* drawing: a picture with a place for everything, as the writers draw it: boxes first
 * sized by their texts, then laid out.
 * In: a picture, which must stay.  Out: shapes and lines of text in points, y downwards.
 * Threads: any.  Signals: no. */
#ifndef SONDE_RENDER_DRAWING_H
#define SONDE_RENDER_DRAWING_H

#include "base/buf.h"
#include "base/err.h"
#include "render/layout.h"
#include "render/picture.h"

/* A line of text; x is its left end, or its middle. */
struct drawing_line {
    struct str text; /* plain */
    double x, y;     /* of the baseline */
    double width;
    bool is_centered;
};

struct drawing_lines {
    const struct drawing_line *lines;
    uint32_t n;
    double font_size, width, height;
};

struct drawing {
    const struct picture *picture;
    struct layout layout; /* its boxes and arrows are those of the picture, see `arrow_of` */
    struct drawing_lines *box_texts, *arrow_texts; /* of the layout's boxes and arrows */
    uint32_t *arrow_of; /* the picture's arrow that a layout's is; some are not drawn */
    struct drawing_lines legend;
    double legend_x, legend_y, legend_width, legend_height; /* its upper left corner */
    double width, height;
    struct arena arena;
};

#define DRAWING_TAG_DEPTH 4.0 /* the third dimension of a tag's box */
#define DRAWING_SIDES 7
#define DRAWING_PAGE_PAD 6.0 /* around it all, on paper */

/* "x,y" with at most two decimals, as SVG has points. */
void drawing_point(struct layout_point point, struct buf *out);

/* False with ERR_NOMEM, ERR_UNSUPPORTED (too large); release it in any case. */
bool drawing_init(struct drawing *d, const struct picture *picture, struct err *err);
void drawing_release(struct drawing *d);

/* The text without DOT's notation, lines ended by newlines; NULL when memory runs out. */
const char *drawing_plain(struct arena *arena, struct str text);

/* The line of an arrow up to its head, as the `d` of an SVG's path. */
void drawing_path(const struct layout_arrow *arrow, struct buf *out);

/* The head of an arrow, a triangle. */
void drawing_head(const struct layout_arrow *arrow, struct layout_point corners[3]);

/* What can be seen of a tag's box beside its front, which is left below: a line along
 * its top and its right side, to be filled. */
void drawing_sides(const struct layout_box *box, struct layout_point points[DRAWING_SIDES]);

#endif
