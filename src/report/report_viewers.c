/* report_viewers: pictures and files of other reports, for programs that show them. */
#include "report/report_run.h"

static bool write_svg(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return report_svg.write(ctx, out, err);
}

static bool write_pdf(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return report_pdf.write(ctx, out, err);
}

static bool write_ps(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return report_ps.write(ctx, out, err);
}

static bool write_callgrind(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    return report_callgrind.write(ctx, out, err);
}

const struct report_ops report_kcachegrind = {
    .name = "kcachegrind",
    .help = "Visualize report in KCachegrind",
    .ext = "grind",
    .flags = REPORT_UNTRIMMED,
    .granularity = GRANULARITY_ADDRESSES,
    .viewer = "kcachegrind",
    .write = write_callgrind,
};

const struct report_ops report_web = {
    .name = "web",
    .help = "Visualize graph through web browser",
    .ext = "svg",
    .nodecount = 80,
    .viewer = "browser",
    .graphviz = "svg",
    .write = write_svg,
};

const struct report_ops report_eog = {
    .name = "eog",
    .help = "Visualize graph through eog",
    .ext = "svg",
    .nodecount = 80,
    .viewer = "eog",
    .graphviz = "svg",
    .write = write_svg,
};

const struct report_ops report_evince = {
    .name = "evince",
    .help = "Visualize graph through evince",
    .ext = "pdf",
    .nodecount = 80,
    .viewer = "evince",
    .graphviz = "pdf",
    .write = write_pdf,
};

const struct report_ops report_gv = {
    .name = "gv",
    .help = "Visualize graph through gv",
    .ext = "ps",
    .nodecount = 80,
    .viewer = "gv --noantialias",
    .graphviz = "ps",
    .write = write_ps,
};
