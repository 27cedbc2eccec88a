/* report_dot: the call graph as a picture in Graphviz's DOT language. */
#include "report/compose.h"

#include "render/dot.h"

static bool write_dot(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct picture picture;
    bool ok = compose_picture(&picture, &report_dot, ctx, err);
    if (ok)
        dot_write(out, &picture);
    arena_release(&picture.arena);
    return ok;
}

const struct report_ops report_dot = {
    .name = "dot",
    .help = "Outputs a graph in DOT format",
    .nodecount = 80,
    .write = write_dot,
};
