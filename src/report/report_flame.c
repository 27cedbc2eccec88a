/* flame: the call tree as a picture, a self-contained SVG.
 *
 * The root is on top; a box is a function, below the one that called it, as wide
 * as its share of the total; callees of one function are sorted, the largest
 * left.  Colours tell modules (packages, name spaces, shared objects) apart.
 * Boxes too thin to be seen are drawn together as one grey box, and said so. */
#include "report/modules.h"
#include "report/report_run.h"

#include "render/svg.h"
#include "xform/calltree.h"
#include "xform/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WIDTH 1200.0
#define PAD 12.0
#define ROW 18.0
#define CHAR_WIDTH 6.7      /* of the 11 px monospace font */
#define THINNEST 0.1        /* pixels */
#define MAX_BOXES 6000      /* keeps the file below 2 MB and a browser quick */
#define MAX_TITLE_CHARS 180 /* of a name in a tooltip */
#define N_LEGEND 6u
#define MAX_LEGEND_CHARS 27u

extern const char flame_css[], flame_js[]; /* made from flame.css, flame.js by tools/embed */

struct flame {
    struct report_run run;
    struct graph graph;
    struct calltree tree;
    struct buf lines;
    struct modules modules;
    double *x;    /* by tree node: the left edge */
    double scale; /* pixels a unit */
    struct buf *out;
};

static void share(struct flame *f, int64_t value)
{
    report_value(&f->run, f->out, value);
    buf_puts(f->out, ", ");
    unit_print_percent_short(f->out, value, f->run.pipeline.total);
}

static void label(struct flame *f, double x, double y, double width, struct str name)
{
    double room = (width - 6) / CHAR_WIDTH;
    if (room < 4)
        return;
    buf_puts(f->out, "<text x=\"");
    svg_number(f->out, x + 4);
    buf_puts(f->out, "\" y=\"");
    svg_number(f->out, y + 12.5);
    buf_puts(f->out, "\">");
    svg_text_fit(f->out, name, (size_t)room);
    buf_puts(f->out, "</text>");
}

static void draw_box(struct flame *f, uint32_t i, double top)
{
    const struct calltree_node *node = &f->tree.nodes[i];
    double x = PAD + f->x[i], y = top + node->depth * ROW, width = (double)node->cum * f->scale;
    struct str name = STR("all");
    buf_puts(f->out, "<g class=\"f ");
    if (node->frame == GRAPH_NONE) {
        buf_puts(f->out, "root");
    } else {
        const struct module *m = modules_of(&f->modules, node->frame);
        name = graph_name(&f->graph, node->frame);
        if (!name.len)
            name = graph_label(&f->graph, node->frame);
        uint32_t shade = modules_shade(name);
        if (m->is_grey)
            buf_printf(f->out, "k%u", shade);
        else
            buf_printf(f->out, "c%u", m->hue * MODULES_SHADES + shade);
        if (node->is_inlined)
            buf_puts(f->out, " inl");
    }
    buf_puts(f->out, "\"><title>");
    svg_text_fit(f->out, name, MAX_TITLE_CHARS);
    if (node->is_inlined)
        buf_puts(f->out, " (inline)");
    struct str file = {"", 0};
    if (node->frame != GRAPH_NONE)
        file = graph_file(&f->graph, node->frame);
    if (file.len) {
        buf_putc(f->out, '\n');
        svg_text_fit(f->out, file, MAX_TITLE_CHARS);
        int64_t line = f->graph.nodes[node->frame].info.line;
        if (line)
            buf_printf(f->out, ":%lld", (long long)line);
    }
    buf_putc(f->out, '\n');
    share(f, node->cum);
    if (node->self && node->self != node->cum) {
        buf_puts(f->out, "; itself ");
        share(f, node->self);
    }
    buf_puts(f->out, "</title>");
    svg_rect(f->out, x, y, width > 3 ? width - 0.5 : width, ROW - 1);
    label(f, x, y, width, name);
    buf_puts(f->out, "</g>\n");
}

/* The children that were left out, as one box right of the others. */
static void draw_cut(struct flame *f, const struct calltree_node *node, double x, double top)
{
    double width = (double)node->cut * f->scale, y = top + (node->depth + 1) * ROW;
    if (width < THINNEST)
        return;
    char text[64];
    snprintf(text, sizeof text, "%u smaller", node->n_cut);
    buf_printf(f->out, "<g class=\"f cut\"><title>%s, too thin to draw\n", text);
    share(f, node->cut);
    buf_puts(f->out, "</title>");
    svg_rect(f->out, PAD + x, y, width > 3 ? width - 0.5 : width, ROW - 1);
    label(f, PAD + x, y, width, str_of(text));
    buf_puts(f->out, "</g>\n");
}

static void draw_tree(struct flame *f, double top)
{
    f->x[0] = 0;
    draw_box(f, 0, top);
    for (uint32_t i = 0; i < f->tree.n_nodes; i++) {
        const struct calltree_node *node = &f->tree.nodes[i];
        double x = f->x[i];
        for (uint32_t k = node->first_child; k < node->first_child + node->n_children; k++) {
            f->x[k] = x;
            draw_box(f, k, top);
            x += (double)f->tree.nodes[k].cum * f->scale;
        }
        if (node->n_cut)
            draw_cut(f, node, x, top);
    }
}

static void text_at(struct buf *out, const char *attributes, double x, double y, struct str text)
{
    buf_printf(out, "<text %s x=\"", attributes);
    svg_number(out, x);
    buf_puts(out, "\" y=\"");
    svg_number(out, y);
    buf_puts(out, "\">");
    svg_text(out, text);
    buf_puts(out, "</text>\n");
}

/* The header lines of every report, and the filters, on two lines. */
static void draw_title(struct flame *f, struct buf *scratch)
{
    const struct report_options *o = &f->run.options;
    const struct {
        const char *name, *value;
    } filters[] = {{"focus", o->focus}, {"ignore", o->ignore},       {"hide", o->hide},
                   {"show", o->show},   {"show_from", o->show_from}, {"prune_from", o->prune_from}};
    struct str title = report_title(&f->run);
    buf_add(scratch, title.p, title.len);
    if (title.len)
        buf_puts(scratch, " \xc2\xb7 ");
    buf_puts(scratch, f->run.pipeline.type);
    text_at(f->out, "class=\"title\"", PAD, 30, (struct str){buf_str(scratch), scratch->len});

    buf_clear(scratch);
    report_profile_lines(&f->run, &f->lines);
    struct str rest = {buf_str(&f->lines), f->lines.len};
    while (rest.len) {
        const char *end = memchr(rest.p, '\n', rest.len);
        struct str line = {rest.p, end ? (size_t)(end - rest.p) : rest.len};
        rest.p += line.len + (end != NULL);
        rest.len -= line.len + (end != NULL);
        if (!line.len || str_has_prefix(line, STR("File: ")) ||
            str_has_prefix(line, STR("Build ID: ")) || str_has_prefix(line, STR("Type: ")))
            continue;
        if (scratch->len)
            buf_puts(scratch, " \xc2\xb7 ");
        buf_add(scratch, line.p, line.len);
    }
    if (!scratch->len) {
        buf_puts(scratch, "Total ");
        report_value(&f->run, scratch, f->run.pipeline.total);
    }
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (filters[i].value && *filters[i].value)
            buf_printf(scratch, " \xc2\xb7 %s=%s", filters[i].name, filters[i].value);
    text_at(f->out, "class=\"sub\"", PAD, 50, (struct str){buf_str(scratch), scratch->len});
}

static void draw_legend(struct flame *f, double y)
{
    struct module *const *sorted = f->modules.sorted;
    uint32_t n = f->modules.n;
    text_at(f->out, "class=\"sub\"", PAD, y, STR("Own time of"));
    double x = PAD + 78;
    for (uint32_t i = 0; i < n && i < N_LEGEND && sorted[i]->self > 0; i++) {
        struct str name = sorted[i]->name;
        AUTO_BUF text = {0};
        size_t width = name.len;
        if (name.len > MAX_LEGEND_CHARS) { /* the end of a path tells more */
            name = (struct str){name.p + name.len - MAX_LEGEND_CHARS, MAX_LEGEND_CHARS};
            buf_puts(&text, "\xe2\x80\xa6");
            width = MAX_LEGEND_CHARS + 1;
        }
        buf_add(&text, name.p, name.len);
        width -= text.len; /* from here on, bytes are characters */
        buf_putc(&text, ' ');
        unit_print_percent_short(&text, sorted[i]->self, f->run.pipeline.total);
        width += text.len;
        if (x + 16 + (double)width * 6.6 > WIDTH - PAD)
            break;
        buf_printf(f->out, sorted[i]->is_grey ? "<g class=\"k0\">" : "<g class=\"c%u\">",
                   sorted[i]->hue * MODULES_SHADES);
        svg_rect(f->out, x, y - 9.5, 11, 11);
        buf_puts(f->out, "</g>");
        text_at(f->out, "class=\"sub\"", x + 16, y, (struct str){buf_str(&text), text.len});
        x += 16 + (double)width * 6.6 + 18;
    }
}

static void draw_notes(struct flame *f, double y, struct buf *scratch)
{
    buf_clear(scratch);
    buf_puts(scratch, "Width is the share of the total; italics are inlined calls.");
    if (f->tree.n_cut) {
        buf_printf(scratch, "  %llu boxes thinner than ", (unsigned long long)f->tree.n_cut);
        double px = (double)f->tree.min_cum * f->scale;
        svg_number(scratch, fmax(px, 0.01));
        buf_puts(scratch, " px (");
        unit_print_percent_short(scratch, f->tree.cut, f->run.pipeline.total);
        buf_puts(scratch, ") are drawn together in grey.");
    }
    if (f->tree.has_negative)
        buf_puts(scratch, "  Negative values are drawn by their size.");
    text_at(f->out, "class=\"sub\"", PAD, y, (struct str){buf_str(scratch), scratch->len});
    text_at(f->out, "class=\"sub\" id=\"hint\"", PAD, y + 18, STR(""));
}

static void draw(struct flame *f)
{
    const double top = 104;
    double bottom = top + (f->tree.max_depth + 1 + (f->tree.n_cut != 0)) * ROW,
           height = bottom + 48;
    AUTO_BUF scratch = {0};
    svg_begin(f->out, WIDTH, height);
    buf_puts(f->out, "<style>\n");
    buf_puts(f->out, flame_css);
    buf_puts(f->out, "</style>\n<rect class=\"bg\" x=\"0\" y=\"0\" width=\"1200\" height=\"");
    svg_number(f->out, height);
    buf_puts(f->out, "\"/>\n");
    draw_title(f, &scratch);
    draw_legend(f, 72);
    text_at(f->out, "class=\"sub\" id=\"info\"", PAD, 94, STR(""));
    if (f->tree.nodes[0].cum > 0)
        draw_tree(f, top);
    draw_notes(f, bottom + 20, &scratch);
    buf_puts(f->out, "<script><![CDATA[\n");
    buf_puts(f->out, flame_js);
    buf_puts(f->out, "]]></script>\n");
    svg_end(f->out);
    if (scratch.failed || f->lines.failed)
        f->out->failed = true;
}

static bool write(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    /* As in pprof's own flame view, functions of one name in two files are two. */
    struct report_options options;
    report_flame_options(ctx, GRANULARITY_FILEFUNCTIONS, &options);
    struct report_ctx own = *ctx;
    own.options = &options;

    struct flame f = {.out = out};
    struct graph_options graph_options = {.trim_path = options.trim_path,
                                          .source_path = options.source_path};
    int64_t sum = 0;
    bool ok = report_begin(&f.run, &report_flame, &own, err) &&
              report_init_graph(&f.run, &graph_options, &f.graph, err);
    if (ok) {
        report_select_unit(&f.run, &f.graph);
        sum = view_total(&f.run.pipeline.view);
        double thinnest = (double)sum * THINNEST / (WIDTH - 2 * PAD);
        ok = calltree_build(&f.tree, &f.graph, unit_to_int64(ceil(thinnest)), MAX_BOXES, err) &&
             modules_init(&f.modules, &f.graph, err);
    }
    if (ok) {
        f.x = calloc(f.tree.n_nodes, sizeof *f.x);
        f.scale = f.tree.nodes[0].cum > 0 ? (WIDTH - 2 * PAD) / (double)f.tree.nodes[0].cum : 0;
        ok = f.x ? true : err_nomem(err);
    }
    if (ok) {
        draw(&f);
        ok = !out->failed || err_nomem(err);
    }
    free(f.x);
    modules_release(&f.modules);
    buf_release(&f.lines);
    calltree_release(&f.tree);
    graph_release(&f.graph);
    report_end(&f.run);
    return ok;
}

const struct report_ops report_flame = {
    .name = "flame",
    .help = "Outputs a flame graph as a self-contained SVG",
    .ext = "svg",
    .flags = REPORT_BINARY | REPORT_UNTRIMMED,
    .write = write,
};
