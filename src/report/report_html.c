/* html: the call tree as a page: a flame graph to search and zoom in, one file that loads
 * nothing, to be sent to people.
 *
 * It holds what the web page's server sends for a flame graph (src/web/data.ts), with many
 * more of the small boxes since there is nothing to ask for them, and the page's engine. */
#include "render/svg.h"
#include "report/answer.h"
#include "report/flame_data.h"

#include <math.h>

#define MOST_BOXES 60000u /* keeps the file below some MB */
#define THINNEST 2e-5     /* of the total */

extern const char html_css[], html_js[]; /* made from src/web/dist/flame.* by tools/embed */

struct page {
    struct report_run run;
    struct graph graph;
    struct places places;
    struct calltree tree;
    struct flame_data data;
};

static void write_nulls(struct json *j, const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_key(j, keys[i]);
        json_null(j);
    }
}

static bool write_data(struct page *p, struct json *j, struct err *err)
{
    static const char *const nulls[] = {"callers", "pivot", "zoom", "search"};
    const struct report_trim trim = {.n_nodes_before = p->graph.n_order};
    json_open(j, '{');
    json_member(j, "view", STR("flamegraph"));
    json_member_int(j, "moment", 0);
    json_key(j, "notes");
    json_open(j, '[');
    json_close(j, ']');
    if (!answer_head(j, &p->run, &p->graph, &trim, false, err))
        return false;
    json_key(j, "frames");
    if (!flame_data_write_frames(&p->data, j, err))
        return false;
    json_key(j, "callees");
    flame_data_write_tree(&p->data, &p->tree, j);
    write_nulls(j, nulls, sizeof nulls / sizeof *nulls);
    json_member_int(j, "smallest", p->tree.min_cum);
    json_close(j, '}');
    return true;
}

static bool write_page(struct page *p, struct buf *out, struct err *err)
{
    struct json j = {.out = out, .in_html = true};
    buf_puts(out,
             "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
             "style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; "
             "form-action 'none'\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    svg_text(out, report_title(&p->run));
    buf_puts(out, " flame graph</title>\n<style>\n");
    buf_puts(out, html_css);
    buf_puts(out, "</style></head>\n<body><noscript>The flame graph is drawn by the script in this "
                  "file.</noscript>\n<script type=\"application/json\" id=\"data\">");
    bool ok = write_data(p, &j, err);
    buf_puts(out, "</script>\n<script>\n");
    buf_puts(out, html_js);
    buf_puts(out, "</script></body></html>\n");
    return ok;
}

static bool write_html(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    /* As in pprof's own flame view, functions of one name in two files are two. */
    struct report_options options;
    report_flame_options(ctx, GRANULARITY_FILEFUNCTIONS, &options);
    struct report_ctx own = *ctx;
    own.options = &options;

    struct page p = {0};
    const struct graph_options graph_options = {
        .flat_only = true, .trim_path = options.trim_path, .source_path = options.source_path};
    bool ok = report_begin(&p.run, &report_html, &own, err) &&
              report_init_graph(&p.run, &graph_options, &p.graph, err) &&
              places_init(&p.places, &p.graph, NULL, 1, err);
    if (ok) {
        int64_t before, total = places_total(&p.places, &before);
        const struct calltree_options tree_options = {
            .min_cum = unit_to_int64(ceil((double)total * THINNEST)),
            .max_nodes = MOST_BOXES,
            .root = GRAPH_NONE,
        };
        report_select_unit(&p.run, &p.graph);
        ok = calltree_grow(&p.tree, &p.places, &tree_options, err) &&
             flame_data_init(&p.data, &p.places, err) && flame_data_use(&p.data, &p.tree, err) &&
             write_page(&p, out, err);
    }
    flame_data_release(&p.data);
    calltree_release(&p.tree);
    places_release(&p.places);
    graph_release(&p.graph);
    report_end(&p.run);
    return ok;
}

const struct report_ops report_html = {
    .name = "html",
    .help = "Outputs a flame graph as a page, one file to send",
    .ext = "html",
    .flags = REPORT_BINARY | REPORT_UNTRIMMED,
    .write = write_html,
};
