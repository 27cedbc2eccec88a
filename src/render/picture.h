/* picture: a graph as it is to be drawn: boxes and arrows with their texts, sizes and
 * colours, but not where they go.  A report composes it; dot.h writes it for Graphviz,
 * drawing.h lays it out, for picture_svg.h and picture_cairo.h.
 *
 * Texts are as DOT has them between quotes: \n ends a centred line, \l a left-aligned
 * one, and a backslash is before each " and \.  Colours are 0xRRGGBB.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_RENDER_PICTURE_H
#define SONDE_RENDER_PICTURE_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct picture_box {
    const char *name, *id;     /* what arrows call it; what scripts find it by */
    struct str label, tooltip; /* in the picture's arena */
    struct str function;       /* plain, whose box it is; empty: a tag's.  Borrowed */
    uint32_t font_size;        /* points */
    uint32_t color, fill;
    bool is_tag; /* of the samples at the box before; looks different, in plain grey */
};

struct picture_arrow {
    uint32_t from, to; /* boxes; `to` may be PICTURE_NONE, which is not drawn */
    struct str label, tooltip;
    uint32_t weight, width; /* from 1 */
    uint32_t color;
    bool has_color;
    bool is_dotted;
    bool is_long; /* past the tags of where it comes from */
};

struct picture {
    struct arena arena;
    struct str title;               /* plain text; empty: none */
    struct str legend, legend_name; /* its lines, and the first of them; empty: none */
    struct picture_box *boxes;      /* a box, its tags, the next box, ... */
    struct picture_arrow *arrows;   /* those to tags first, in the order of the tags */
    uint32_t n_boxes, n_arrows;
};

#define PICTURE_NONE UINT32_MAX
#define PICTURE_LEGEND_FONT 16
#define PICTURE_LABEL_FONT 14 /* of arrows */
#define PICTURE_TAG_FILL 0xf8f8f8

#endif
