/* flamehtml: the call tree as a page: a flame graph to search and zoom in, one file that
 * loads nothing.
 *
 * It holds the tree as arrays of numbers, many more of the small boxes than the picture
 * that -flame makes, since only what is in view is drawn. */
#include "report/modules.h"
#include "report/report_run.h"

#include "render/json.h"
#include "render/svg.h"
#include "xform/calltree.h"
#include "xform/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_NODES 60000u /* keeps the file below some MB */
#define THINNEST 2e-5     /* of the total */

extern const char flamehtml_css[], flamehtml_js[]; /* made from flamehtml.* by tools/embed */

struct page {
    struct report_run run;
    struct graph graph;
    struct calltree tree;
    struct modules modules;
    struct json j;
    struct buf *out;
};

static struct str name_of(struct page *p, uint32_t node)
{
    struct str name = graph_name(&p->graph, node);
    return name.len ? name : graph_label(&p->graph, node);
}

/* Columns by frame: what is the same for all its boxes. */
static void write_frames(struct page *p)
{
    struct json *j = &p->j;
    uint32_t n = p->graph.n_nodes;
    json_key(j, "names");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        json_string(j, name_of(p, i));
    json_close(j, ']');
    json_key(j, "files");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        json_string(j, graph_file(&p->graph, i));
    json_close(j, ']');
    json_key(j, "lines");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        json_int(j, p->graph.nodes[i].info.line);
    json_close(j, ']');
    json_key(j, "shades");
    json_open(j, '[');
    for (uint32_t i = 0; i < n; i++)
        json_int(j, modules_shade(name_of(p, i)));
    json_close(j, ']');
}

/* The largest module first; frames refer to their places. */
static bool write_modules(struct page *p, struct err *err)
{
    struct json *j = &p->j;
    uint32_t *place = calloc((size_t)p->modules.n + 1, sizeof *place);
    if (!place)
        return err_nomem(err);
    json_key(j, "modules");
    json_open(j, '[');
    for (uint32_t i = 0; i < p->modules.n; i++) {
        const struct module *m = p->modules.sorted[i];
        place[m - p->modules.modules - 1] = i;
        json_open(j, '{');
        json_member(j, "name", m->name);
        json_member_int(j, "self", m->self);
        json_member_int(j, "hue", m->hue);
        json_member_bool(j, "grey", m->is_grey);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_key(j, "module");
    json_open(j, '[');
    for (uint32_t i = 0; i < p->graph.n_nodes; i++)
        json_int(j, place[p->modules.of_node[i] - 1]);
    json_close(j, ']');
    free(place);
    return true;
}

static void write_boxes(struct page *p)
{
    struct json *j = &p->j;
    const struct calltree *t = &p->tree;
    json_key(j, "frame");
    json_open(j, '[');
    for (uint32_t i = 0; i < t->n_nodes; i++)
        json_int(j, t->nodes[i].frame == GRAPH_NONE ? -1 : (int64_t)t->nodes[i].frame);
    json_close(j, ']');
    json_key(j, "children");
    json_open(j, '[');
    for (uint32_t i = 0; i < t->n_nodes; i++)
        json_int(j, t->nodes[i].n_children);
    json_close(j, ']');
    json_key(j, "cum");
    json_open(j, '[');
    for (uint32_t i = 0; i < t->n_nodes; i++)
        json_int(j, t->nodes[i].cum);
    json_close(j, ']');
    json_key(j, "self");
    json_open(j, '[');
    for (uint32_t i = 0; i < t->n_nodes; i++)
        json_int(j, t->nodes[i].self);
    json_close(j, ']');
    json_key(j, "inlined");
    json_open(j, '[');
    for (uint32_t i = 0; i < t->n_nodes; i++)
        json_int(j, t->nodes[i].is_inlined);
    json_close(j, ']');
    json_key(j, "cut");
    json_open(j, '{');
    for (uint32_t i = 0; i < t->n_nodes; i++) {
        char key[16];
        if (!t->nodes[i].n_cut)
            continue;
        snprintf(key, sizeof key, "%u", i);
        json_key(j, key);
        json_open(j, '[');
        json_int(j, t->nodes[i].n_cut);
        json_int(j, t->nodes[i].cut);
        json_close(j, ']');
    }
    json_close(j, '}');
}

static bool write_data(struct page *p, struct err *err)
{
    struct json *j = &p->j;
    const char *unit;
    int64_t total = p->tree.nodes[0].cum;
    double scaled = unit_scale(total, p->run.pipeline.unit, p->run.unit, &unit);
    json_open(j, '{');
    json_member(j, "unit", str_of(unit));
    json_member_double(j, "scale", (total ? scaled / (double)total : 1) * report_ratio(&p->run));
    write_frames(p);
    bool ok = write_modules(p, err);
    write_boxes(p);
    json_close(j, '}');
    return ok;
}

static void add_option(struct buf *out, const char *name, const char *value)
{
    if (value && *value) {
        buf_printf(out, " \u00b7 %s=", name);
        svg_text(out, str_of(value));
    }
}

/* What every report tells about the profile, and the filters, on one line. */
static void write_header(struct page *p)
{
    const struct report_options *o = &p->run.options;
    AUTO_BUF lines = {0};
    struct str title = report_title(&p->run);
    report_profile_lines(&p->run, &lines);
    buf_puts(p->out, "<h1>");
    svg_text(p->out, title);
    buf_puts(p->out, title.len ? " \u00b7 " : "");
    svg_text(p->out, str_of(p->run.pipeline.type));
    buf_puts(p->out, "</h1><p>Total ");
    report_value(&p->run, p->out, p->run.pipeline.total);
    for (struct str rest = {buf_str(&lines), lines.len}; rest.len;) {
        const char *end = memchr(rest.p, '\n', rest.len);
        struct str line = {rest.p, end ? (size_t)(end - rest.p) : rest.len};
        rest.p += line.len + (end != NULL);
        rest.len -= line.len + (end != NULL);
        if (!line.len || str_has_prefix(line, STR("File: ")) ||
            str_has_prefix(line, STR("Build ID: ")) || str_has_prefix(line, STR("Type: ")))
            continue;
        buf_puts(p->out, " \u00b7 ");
        svg_text(p->out, line);
    }
    add_option(p->out, "focus", o->focus);
    add_option(p->out, "ignore", o->ignore);
    add_option(p->out, "hide", o->hide);
    add_option(p->out, "show", o->show);
    add_option(p->out, "show_from", o->show_from);
    add_option(p->out, "prune_from", o->prune_from);
    add_option(p->out, "tagfocus", o->tagfocus);
    add_option(p->out, "tagignore", o->tagignore);
    if (p->tree.n_cut) {
        buf_printf(p->out, " \u00b7 %llu boxes below ", (unsigned long long)p->tree.n_cut);
        unit_print_percent_short(p->out, p->tree.min_cum, p->run.pipeline.total);
        buf_puts(p->out, " are drawn together in grey");
    }
    if (p->tree.has_negative)
        buf_puts(p->out, " \u00b7 negative values are drawn by their size");
    buf_puts(p->out, "</p>");
    p->out->failed |= lines.failed;
}

static bool write_page(struct page *p, struct err *err)
{
    buf_puts(p->out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                     "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    svg_text(p->out, report_title(&p->run));
    buf_puts(p->out, " flame graph</title>\n<style>\n");
    buf_puts(p->out, flamehtml_css);
    buf_puts(p->out, "</style></head>\n<body><header>");
    write_header(p);
    buf_puts(p->out,
             "<nav><input id=\"search\" type=\"search\" placeholder=\"Search (regexp)   /\" "
             "aria-label=\"Search functions\">"
             "<button id=\"reset\" title=\"Esc\">Reset</button>"
             "<button id=\"flip\" title=\"f\">Flip</button>"
             "<button id=\"theme\" title=\"d\">Light/dark</button></nav></header>\n"
             "<div id=\"legend\"></div>\n"
             "<main tabindex=\"0\" aria-label=\"Flame graph\"><canvas id=\"graph\"></canvas>"
             "<div id=\"spacer\"></div></main>\n"
             "<footer><span id=\"status\" aria-live=\"polite\"></span>"
             "<span>click or Enter: zoom \u00b7 arrows: move \u00b7 n: next match \u00b7 "
             "Esc: reset</span></footer>\n<div id=\"tip\"></div>\n"
             "<script type=\"application/json\" id=\"data\">");
    bool ok = write_data(p, err);
    buf_puts(p->out, "</script>\n<script>\n");
    buf_puts(p->out, flamehtml_js);
    buf_puts(p->out, "</script></body></html>\n");
    return ok;
}

static bool write_flamehtml(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    /* As in pprof's own flame view, functions of one name in two files are two. */
    struct report_options options = *ctx->options;
    if (options.granularity == GRANULARITY_DEFAULT)
        options.granularity = GRANULARITY_FILEFUNCTIONS;
    struct report_ctx own = *ctx;
    own.options = &options;

    struct page p = {.out = out, .j = {.out = out, .in_html = true}};
    const struct graph_options graph_options = {.trim_path = options.trim_path,
                                                .source_path = options.source_path};
    bool ok = report_begin(&p.run, &report_flamehtml, &own, err) &&
              graph_init(&p.graph, &p.run.pipeline.view, &graph_options, err);
    if (ok) {
        report_select_unit(&p.run, &p.graph);
        double thinnest = (double)view_total(&p.run.pipeline.view) * THINNEST;
        ok = calltree_build(&p.tree, &p.graph, unit_to_int64(ceil(thinnest)), MOST_NODES, err) &&
             modules_init(&p.modules, &p.graph, err) && write_page(&p, err);
    }
    modules_release(&p.modules);
    calltree_release(&p.tree);
    graph_release(&p.graph);
    report_end(&p.run);
    return ok;
}

const struct report_ops report_flamehtml = {
    .name = "flamehtml",
    .help = "Outputs a flame graph as a self-contained page",
    .ext = "html",
    .flags = REPORT_BINARY | REPORT_UNTRIMMED,
    .write = write_flamehtml,
};
