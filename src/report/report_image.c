/* report_image: the call graph as a picture in formats that the cairo library writes, or
 * Graphviz. */
#include "report/compose.h"

#include "render/drawing.h"
#include "render/picture_cairo.h"

static bool write_image(const struct report_ops *ops, enum picture_format format,
                        const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct picture picture;
    struct drawing drawing = {0};
    double scale = 1;
    bool ok = compose_picture(&picture, ops, ctx, err) && drawing_init(&drawing, &picture, err) &&
              picture_cairo_write(out, &drawing, format, &scale, err);
    if (ok && scale < 1)
        diag_add(ctx->diag, "the picture is too large for %s and is made smaller, by %.2g",
                 ops->name, scale);
    drawing_release(&drawing);
    arena_release(&picture.arena);
    return ok;
}

static bool write_png(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return write_image(&report_png, PICTURE_PNG, ctx, out, err);
}

static bool write_pdf(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return write_image(&report_pdf, PICTURE_PDF, ctx, out, err);
}

static bool write_ps(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return write_image(&report_ps, PICTURE_PS, ctx, out, err);
}

/* Only Graphviz makes these, of DOT. */
static bool write_gif(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return report_dot.write(ctx, out, err);
}

const struct report_ops report_gif = {
    .name = "gif",
    .help = "Outputs a graph image in GIF format",
    .ext = "gif",
    .graphviz = "gif",
    .flags = REPORT_BINARY | REPORT_NEEDS_GRAPHVIZ,
    .nodecount = 80,
    .write = write_gif,
};

const struct report_ops report_png = {
    .name = "png",
    .help = "Outputs a graph image in PNG format",
    .ext = "png",
    .graphviz = "png",
    .flags = REPORT_BINARY,
    .nodecount = 80,
    .write = write_png,
};

const struct report_ops report_pdf = {
    .name = "pdf",
    .help = "Outputs a graph in PDF format",
    .ext = "pdf",
    .graphviz = "pdf",
    .flags = REPORT_BINARY,
    .nodecount = 80,
    .write = write_pdf,
};

const struct report_ops report_ps = {
    .name = "ps",
    .help = "Outputs a graph in PS format",
    .ext = "ps",
    .graphviz = "ps",
    .flags = REPORT_BINARY,
    .nodecount = 80,
    .write = write_ps,
};
