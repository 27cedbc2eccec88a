/* report_svg: the call graph as a picture, laid out here. */
#include "report/compose.h"

#include "render/drawing.h"
#include "render/picture_svg.h"

static bool write_svg(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct picture picture;
    struct drawing drawing = {0};
    bool ok = compose_picture(&picture, &report_svg, ctx, err) &&
              drawing_init(&drawing, &picture, err) && picture_svg_write(out, &drawing, err);
    drawing_release(&drawing);
    arena_release(&picture.arena);
    return ok;
}

const struct report_ops report_svg = {
    .name = "svg",
    .help = "Outputs a graph in SVG format",
    .ext = "svg",
    .graphviz = "svg",
    .flags = REPORT_BINARY,
    .nodecount = 80,
    .write = write_svg,
};
