/* picture_svg: a drawing as an SVG of its own, with what it takes to pan and zoom it in
 * a browser.
 * Out: boxes are groups of the class "node" with the picture's ids, arrows are edge1,
 * edge2, ... of the class "edge"; tooltips are titles.
 * Threads: any.  Signals: no. */
#ifndef SONDE_RENDER_PICTURE_SVG_H
#define SONDE_RENDER_PICTURE_SVG_H

#include "base/buf.h"
#include "base/str.h"
#include "render/drawing.h"

/* False with ERR_NOMEM; the buffer's failure is the caller's to see. */
bool picture_svg_write(struct buf *out, const struct drawing *drawing, struct err *err);

/* The SVG that Graphviz drew, with the same; anything else as it is. */
void picture_svg_adopt(struct buf *out, struct str drawn);

#endif
