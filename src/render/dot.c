#include "render/dot.h"

#include <inttypes.h>
#include <math.h>

void dot_escape(struct buf *out, struct str s)
{
    size_t plain = 0; /* from here on nothing is written yet */
    for (size_t i = 0; i < s.len; i++) {
        const char *as = s.p[i] == '\\'   ? "\\\\"
                         : s.p[i] == '"'  ? "\\\""
                         : s.p[i] == '\n' ? "\\l"
                                          : NULL;
        if (!as)
            continue;
        buf_add(out, s.p + plain, i - plain);
        buf_puts(out, as);
        plain = i + 1;
    }
    buf_add(out, s.p + plain, s.len - plain);
}

/* A channel of 0 to 1 as a byte; what is not a number is 0. */
static unsigned channel(double v)
{
    v *= 255.0;
    return v >= 0 && v < 256 ? (unsigned)v : 0;
}

uint32_t dot_color(double share, bool is_background)
{
    double saturation = is_background ? 0.1 : 1.0, value = is_background ? 0.93 : 0.7;
    if (share > 1)
        share = 1;
    if (share < -1)
        share = -1;
    if (fabs(share) < 0.2)
        saturation *= fabs(share) / 0.2; /* grey, not yellow, around 0 */
    /* Away from grey, so that small shares can be told apart. */
    if (share > 0)
        share = pow(share, 0.3);
    else if (share < 0)
        share = -pow(-share, 0.3);
    double red = value, green = value;
    if (share < 0)
        red = value * (1 + saturation * share);
    else
        green = value * (1 - saturation * share);
    return channel(red) << 16 | channel(green) << 8 | channel(value * (1 - saturation));
}

static void add(struct buf *out, struct str s)
{
    buf_add(out, s.p, s.len);
}

static void add_text(struct buf *out, const char *before, struct str s)
{
    buf_puts(out, before);
    add(out, s);
    buf_putc(out, '"');
}

static void write_legend(struct buf *out, const struct picture *p)
{
    add_text(out, "digraph \"", p->title.len ? p->title : STR("unnamed"));
    buf_puts(out, " {\nnode [style=filled fillcolor=\"#f8f8f8\"]\n");
    add_text(out, "subgraph cluster_L { \"", p->legend_name);
    add_text(out, " [shape=box fontsize=16 label=\"", p->legend);
    if (p->title.len)
        add_text(out, " tooltip=\"", p->title);
    buf_puts(out, "] }\n");
}

static void write_box(struct buf *out, const struct picture_box *box)
{
    buf_puts(out, box->name);
    add_text(out, box->is_tag ? " [label = \"" : " [label=\"", box->label);
    buf_printf(out, " id=\"%s\" fontsize=%" PRIu32, box->id, box->font_size);
    add_text(out, box->is_tag ? " shape=box3d tooltip=\"" : " shape=box tooltip=\"", box->tooltip);
    if (!box->is_tag)
        buf_printf(out, " color=\"#%06" PRIx32 "\" fillcolor=\"#%06" PRIx32 "\"", box->color,
                   box->fill);
    buf_puts(out, "]\n");
}

static void write_arrow(struct buf *out, const struct picture *p, const struct picture_arrow *arrow)
{
    buf_printf(out, "%s -> %s", p->boxes[arrow->from].name,
               arrow->to == PICTURE_NONE ? "N0" : p->boxes[arrow->to].name); /* as pprof */
    add_text(out, " [label=\"", arrow->label);
    if (arrow->weight > 1)
        buf_printf(out, " weight=%" PRIu32, arrow->weight);
    if (arrow->width > 1)
        buf_printf(out, " penwidth=%" PRIu32, arrow->width);
    if (arrow->has_color)
        buf_printf(out, " color=\"#%06" PRIx32 "\"", arrow->color);
    add_text(out, " tooltip=\"", arrow->tooltip);
    add_text(out, " labeltooltip=\"", arrow->tooltip);
    buf_puts(out, arrow->is_dotted ? " style=\"dotted\"" : "");
    buf_puts(out, arrow->is_long ? " minlen=2]\n" : "]\n");
}

void dot_write(struct buf *out, const struct picture *picture)
{
    uint32_t arrow = 0;
    write_legend(out, picture);
    for (uint32_t i = 0; i < picture->n_boxes; i++) {
        write_box(out, &picture->boxes[i]);
        if (picture->boxes[i].is_tag)
            write_arrow(out, picture, &picture->arrows[arrow++]);
    }
    while (arrow < picture->n_arrows)
        write_arrow(out, picture, &picture->arrows[arrow++]);
    buf_puts(out, "}\n");
}
