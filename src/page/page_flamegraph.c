/* flamegraph: the call tree, as far as it can be seen. */
#include "page/page_common.h"
#include "report/flame_data.h"

#include <math.h>

#define WIDTH 2000u /* of the picture, where the client does not say */
#define LEAST_WIDTH 200u
#define MOST_WIDTH 8000u
#define MOST_BOXES 20000u

/* As in pprof's flame view, functions of one name in two files are two, and nothing is
 * left out but what is too small to see. */
static const struct report_ops flame_ops = {.name = "flamegraph", .flags = REPORT_UNTRIMMED};

/* The smallest value that has a box: half a dot wide. */
static int64_t smallest(unsigned width, int64_t total)
{
    if (!width)
        width = WIDTH;
    width = width < LEAST_WIDTH ? LEAST_WIDTH : width > MOST_WIDTH ? MOST_WIDTH : width;
    return unit_to_int64(ceil((double)total / (2.0 * width)));
}

static bool write_flamegraph(const struct page_ctx *ctx, struct json *j, struct err *err)
{
    struct report_options options = *ctx->report.options;
    if (options.granularity == GRANULARITY_DEFAULT)
        options.granularity = GRANULARITY_FILEFUNCTIONS;
    struct report_ctx own = ctx->report;
    own.options = &options;

    struct report_run run;
    struct graph graph = {0};
    struct calltree tree = {0};
    struct flame_data data = {0};
    const struct graph_options graph_options = {.trim_path = options.trim_path,
                                                .source_path = options.source_path};
    bool ok = report_begin(&run, &flame_ops, &own, err) &&
              graph_init(&graph, &run.pipeline.view, &graph_options, err);
    if (ok) {
        const struct report_trim trim = {.n_nodes_before = graph.n_order};
        report_select_unit(&run, &graph);
        ok = calltree_build(&tree, &graph, smallest(ctx->width, view_total(&run.pipeline.view)),
                            MOST_BOXES, err) &&
             flame_data_init(&data, &graph, err) && flame_data_use(&data, &tree, err) &&
             page_head(j, &run, &graph, &trim, err);
    }
    if (ok) {
        json_key(j, "frames");
        ok = flame_data_write_frames(&data, j, err);
    }
    if (ok) {
        json_key(j, "callees");
        flame_data_write_tree(&data, &tree, j);
        json_key(j, "callers");
        json_null(j);
        json_key(j, "pivot");
        json_null(j);
        json_key(j, "zoom");
        json_null(j);
        json_key(j, "search");
        json_null(j);
        json_member_int(j, "smallest", tree.min_cum);
    }
    flame_data_release(&data);
    calltree_release(&tree);
    graph_release(&graph);
    report_end(&run);
    return ok;
}

const struct page_ops page_flamegraph = {
    .name = "flamegraph",
    .title = "Flame graph",
    .help = "Calls as boxes, as wide as what they and their callees use",
    .key = 'f',
    .write = write_flamegraph,
};
