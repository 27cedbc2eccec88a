/* flameterm: a flame graph of characters, for a terminal: the root on top, each function
 * below its caller, as wide as its share of the total. */
#include "report/modules.h"
#include "report/report_run.h"

#include "base/utf8.h"
#include "render/columns.h"
#include "report/short_name.h"
#include "xform/calltree.h"
#include "xform/unit.h"

#include <math.h>
#include <stdlib.h>

#define DEFAULT_COLUMNS 80u
#define MOST_COLUMNS 1000u
#define MOST_ROWS 200u
#define N_LEGEND 6u
#define LEFT_EDGE "\u258f" /* a thin block at the left of a cell */
#define SHADE "\u2591"
#define SQUARE "\u2588\u2588"

/* Of the 256 colours of terminals, by hue and shade, all for dark text. */
static const uint8_t hues[MODULES_HUES][MODULES_SHADES] = {
    {222, 223, 216}, {117, 153, 111}, {114, 157, 151}, {217, 211, 210},
    {183, 147, 189}, {187, 186, 185}, {116, 123, 159}, {218, 219, 225},
    {215, 179, 180}, {115, 79, 122},  {146, 110, 104}, {150, 149, 192},
};
static const uint8_t greys[MODULES_SHADES] = {250, 248, 252};
#define ROOT_COLOR 254u

struct term {
    struct report_run run;
    struct graph graph;
    struct calltree tree;
    struct modules modules;
    bool has_color;
    unsigned n_columns;
    double *x; /* by tree node: the left edge, in columns */
    struct buf name, label;
    uint64_t n_thin; /* nodes that are narrower than a column */
    struct buf *out;
};

static unsigned color_of(const struct module *m, struct str name)
{
    uint32_t shade = modules_shade(name);
    return m->is_grey ? greys[shade] : hues[m->hue][shade];
}

/* Add text as a terminal may see it: nothing in it moves the cursor. */
static void add_plain(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len;) {
        struct str rest = {text.p + i, text.len - i};
        size_t len = utf8_len(rest);
        unsigned char c = (unsigned char)rest.p[0];
        bool is_control =
            c < 0x20 || c == 0x7f || (len == 2 && c == 0xc2 && (unsigned char)rest.p[1] < 0xa0);
        if (!len || is_control)
            buf_puts(out, UTF8_REPLACEMENT);
        else
            buf_add(out, rest.p, len);
        i += len ? len : 1;
    }
}

/* Add what fits of text in `width` columns, the rest of them filled. */
static void add_fitted(struct buf *out, struct str text, size_t width, const char *fill)
{
    size_t n = columns_width(text), i = 0;
    bool is_cut = n > width;
    for (size_t left = is_cut && width ? width - 1 : width; left && i < text.len; left--) {
        size_t len = utf8_len((struct str){text.p + i, text.len - i});
        buf_add(out, text.p + i, len ? len : 1);
        i += len ? len : 1;
    }
    if (is_cut && width)
        buf_puts(out, "\u2026");
    for (; n < width; n++)
        buf_puts(out, fill);
}

/* What is written on a node, or for a module: as much of name and share as there is room for. */
static struct str label_of(struct term *t, int64_t value, struct str name, size_t width)
{
    buf_clear(&t->label);
    buf_clear(&t->name);
    if (columns_width(name) > width)
        name = short_name(name, &t->name);
    add_plain(&t->label, name);
    size_t n_name = t->label.len;
    buf_putc(&t->label, ' ');
    unit_print_percent_short(&t->label, value, t->run.pipeline.total);
    struct str whole = {buf_str(&t->label), t->label.len};
    if (columns_width(whole) > width)
        whole.len = n_name;
    return whole;
}

static struct str name_of(struct term *t, const struct calltree_node *node)
{
    if (node->frame == GRAPH_NONE)
        return STR("all");
    struct str name = graph_name(&t->graph, node->frame);
    return name.len ? name : graph_label(&t->graph, node->frame);
}

static void draw_node(struct term *t, const struct calltree_node *node, unsigned width)
{
    struct str name = name_of(t, node);
    if (t->has_color) {
        unsigned color = ROOT_COLOR;
        if (node->frame != GRAPH_NONE)
            color = color_of(modules_of(&t->modules, node->frame), name);
        buf_printf(t->out, "\033[48;5;%um\033[38;5;16m", color);
    }
    buf_puts(t->out, LEFT_EDGE);
    add_fitted(t->out, label_of(t, node->cum, name, width - 1), width - 1,
               t->has_color ? " " : SHADE);
    if (t->has_color)
        buf_puts(t->out, "\033[0m");
}

/* A row for each depth.  Nodes of one depth follow one another, from left to right. */
static void draw_rows(struct term *t)
{
    double scale = t->n_columns / (double)t->tree.nodes[0].cum;
    uint32_t depth = 0;
    unsigned column = 0;
    t->x[0] = 0;
    for (uint32_t i = 0; i < t->tree.n_nodes; i++) {
        const struct calltree_node *node = &t->tree.nodes[i];
        unsigned from = (unsigned)lround(t->x[i]),
                 to = (unsigned)lround(t->x[i] + (double)node->cum * scale);
        double x = t->x[i];
        for (uint32_t k = node->first_child; k < node->first_child + node->n_children; k++) {
            t->x[k] = x;
            x += (double)t->tree.nodes[k].cum * scale;
        }
        t->n_thin += to <= from;
        if (to <= from || node->depth >= MOST_ROWS)
            continue;
        if (node->depth != depth) {
            buf_putc(t->out, '\n');
            depth = node->depth;
            column = 0;
        }
        buf_fill(t->out, ' ', from - column);
        draw_node(t, node, to - from);
        column = to;
    }
    buf_putc(t->out, '\n');
}

static void draw_legend(struct term *t)
{
    const struct str title = STR("Own values:");
    size_t column = title.len;
    buf_printf(t->out, "\n%s", title.p);
    for (uint32_t i = 0; i < t->modules.n && i < N_LEGEND; i++) {
        const struct module *m = t->modules.sorted[i];
        if (m->self <= 0)
            break;
        struct str label = label_of(t, m->self, m->name, SIZE_MAX);
        size_t width = columns_width(label) + (t->has_color ? 5 : 2); /* a square, blanks */
        if (i && column + width > t->n_columns) {
            buf_putc(t->out, '\n');
            buf_fill(t->out, ' ', title.len);
            column = title.len;
        }
        column += width;
        buf_puts(t->out, "  ");
        if (t->has_color)
            buf_printf(t->out, "\033[38;5;%um" SQUARE "\033[0m ",
                       m->is_grey ? greys[0] : hues[m->hue][0]);
        buf_add(t->out, label.p, label.len);
    }
    buf_putc(t->out, '\n');
}

static void draw_notes(struct term *t)
{
    uint64_t n = t->n_thin + t->tree.n_cut;
    if (n)
        buf_printf(t->out, "%llu calls are narrower than a column and left out.\n",
                   (unsigned long long)n);
    if (t->tree.max_depth >= MOST_ROWS)
        buf_printf(t->out, "Stacks are up to %u deep, of which %u rows are drawn.\n",
                   t->tree.max_depth, MOST_ROWS);
    if (t->tree.has_negative)
        buf_puts(t->out, "Negative values are drawn by their size.\n");
}

static bool prepare(struct term *t, const struct report_ctx *ctx, struct err *err)
{
    const struct graph_options options = {.trim_path = ctx->options->trim_path,
                                          .source_path = ctx->options->source_path};
    t->n_columns = ctx->screen.n_columns ? ctx->screen.n_columns : DEFAULT_COLUMNS;
    if (t->n_columns > MOST_COLUMNS)
        t->n_columns = MOST_COLUMNS;
    t->has_color = ctx->screen.has_color;
    if (!report_begin(&t->run, &report_flameterm, ctx, err) ||
        !report_init_graph(&t->run, &options, &t->graph, err))
        return false;
    report_select_unit(&t->run, &t->graph);
    /* What is narrower can never be rounded to a column. */
    double thinnest = (double)view_total(&t->run.pipeline.view) / (2.0 * t->n_columns);
    if (!calltree_build(&t->tree, &t->graph, unit_to_int64(thinnest), UINT32_MAX, err) ||
        !modules_init(&t->modules, &t->graph, err))
        return false;
    t->x = calloc(t->tree.n_nodes, sizeof *t->x);
    return t->x || err_nomem(err);
}

static bool write_flameterm(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    /* As in pprof's own flame view, functions of one name in two files are two. */
    struct report_options options;
    report_flame_options(ctx, GRANULARITY_FILEFUNCTIONS, &options);
    struct report_ctx own = *ctx;
    own.options = &options;

    struct term t = {.out = out};
    bool ok = prepare(&t, &own, err);
    if (ok) {
        report_profile_lines(&t.run, out);
        buf_puts(out, out->len ? "\n\n" : "");
        if (t.tree.nodes[0].cum > 0) {
            draw_rows(&t);
            draw_legend(&t);
            draw_notes(&t);
        } else {
            buf_puts(out, "No samples.\n");
        }
        out->failed |= t.name.failed || t.label.failed;
    }
    free(t.x);
    buf_release(&t.name);
    buf_release(&t.label);
    modules_release(&t.modules);
    calltree_release(&t.tree);
    graph_release(&t.graph);
    report_end(&t.run);
    return ok;
}

const struct report_ops report_flameterm = {
    .name = "flameterm",
    .help = "Draws a flame graph in the terminal",
    .flags = REPORT_UNTRIMMED | REPORT_COLORED,
    .write = write_flameterm,
};
