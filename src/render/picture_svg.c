#include "render/picture_svg.h"

#include "render/svg.h"

#include <inttypes.h>

extern const char picture_css[], picture_js[]; /* made by tools/embed */

static void attribute(struct buf *out, const char *before, double v)
{
    buf_puts(out, before);
    svg_number(out, v);
    buf_putc(out, '"');
}

/* A corner of a shape. */
static void corner(struct buf *out, uint32_t i, struct layout_point p)
{
    buf_putc(out, i == 0 ? 'M' : 'L');
    drawing_point(p, out);
}

/* The widths are told, so that the texts fit whatever font there is. */
static void write_lines(struct buf *out, const struct drawing_lines *lines)
{
    for (uint32_t i = 0; i < lines->n; i++) {
        const struct drawing_line *line = &lines->lines[i];
        if (!line->text.len)
            continue;
        attribute(out, line->is_centered ? "<text x=\"" : "<text class=\"left\" x=\"", line->x);
        attribute(out, " y=\"", line->y);
        attribute(out, " textLength=\"", line->width);
        buf_puts(out, " lengthAdjust=\"spacingAndGlyphs\">");
        svg_text(out, line->text);
        buf_puts(out, "</text>\n");
    }
}

static bool write_title(struct buf *out, struct str text, struct err *err)
{
    AUTO_ARENA arena = {0};
    const char *plain = drawing_plain(&arena, text);
    if (!plain)
        return err_nomem(err);
    buf_puts(out, "<title>");
    svg_text(out, str_of(plain));
    buf_puts(out, "</title>\n");
    return true;
}

static void write_legend(struct buf *out, const struct drawing *d)
{
    buf_puts(out, "<g id=\"legend\" font-size=\"16\">\n<g fill=\"#f8f8f8\" stroke=\"#000000\">");
    svg_rect(out, d->legend_x, d->legend_y, d->legend_width, d->legend_height);
    buf_puts(out, "</g>\n");
    write_lines(out, &d->legend);
    buf_puts(out, "</g>\n");
}

/* A tag looks like a block: its front, its top and its right side. */
static void write_block(struct buf *out, const struct layout_box *place)
{
    struct layout_point sides[DRAWING_SIDES];
    svg_rect(out, place->x - place->width / 2, place->y - place->height / 2 + DRAWING_TAG_DEPTH,
             place->width - DRAWING_TAG_DEPTH, place->height - DRAWING_TAG_DEPTH);
    drawing_sides(place, sides);
    buf_puts(out, "<path d=\"");
    for (uint32_t i = 0; i < DRAWING_SIDES; i++)
        corner(out, i, sides[i]);
    buf_puts(out, "\"/>");
}

static bool write_box(struct buf *out, const struct drawing *d, uint32_t i, struct err *err)
{
    const struct picture_box *box = &d->picture->boxes[i];
    const struct layout_box *place = &d->layout.boxes[i];
    buf_printf(out, "<g id=\"%s\" class=\"%s\" font-size=\"%" PRIu32 "\">", box->id,
               box->is_tag ? "node tag" : "node", box->font_size);
    if (!write_title(out, box->tooltip, err))
        return false;
    buf_printf(out, "<g fill=\"#%06" PRIx32 "\" stroke=\"#%06" PRIx32 "\">", box->fill, box->color);
    if (box->is_tag)
        write_block(out, place);
    else
        svg_rect(out, place->x - place->width / 2, place->y - place->height / 2, place->width,
                 place->height);
    buf_puts(out, "</g>\n");
    write_lines(out, &d->box_texts[i]);
    buf_puts(out, "</g>\n");
    return true;
}

static bool write_arrow(struct buf *out, const struct drawing *d, uint32_t i, struct err *err)
{
    const struct picture_arrow *arrow = &d->picture->arrows[d->arrow_of[i]];
    const struct layout_arrow *place = &d->layout.arrows[i];
    struct layout_point head[3];
    buf_printf(out, "<g id=\"edge%" PRIu32 "\" class=\"edge\">", i + 1);
    if (!write_title(out, arrow->tooltip, err))
        return false;
    buf_puts(out, arrow->is_dotted ? "<path class=\"dotted\" d=\"" : "<path d=\"");
    drawing_path(place, out);
    buf_printf(out, "\" stroke=\"#%06" PRIx32 "\"", arrow->color);
    if (arrow->width > 1)
        buf_printf(out, " stroke-width=\"%" PRIu32 "\"", arrow->width);
    buf_puts(out, "/>\n<path d=\"");
    drawing_head(place, head);
    for (uint32_t k = 0; k < 3; k++)
        corner(out, k, head[k]);
    buf_printf(out, "z\" style=\"fill:#%06" PRIx32 "\"/>\n", arrow->color);
    write_lines(out, &d->arrow_texts[i]);
    buf_puts(out, "</g>\n");
    return true;
}

static void end_viewport(struct buf *out)
{
    buf_puts(out, "</g>\n<script><![CDATA[\n");
    buf_puts(out, picture_js);
    buf_puts(out, "]]></script>\n");
}

bool picture_svg_write(struct buf *out, const struct drawing *d, struct err *err)
{
    svg_begin(out, d->width + 2 * DRAWING_PAGE_PAD, d->height + 2 * DRAWING_PAGE_PAD);
    buf_puts(out, "<style>\n");
    buf_puts(out, picture_css);
    buf_puts(out, "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
                  "<g id=\"viewport\">\n");
    buf_puts(out, "<g id=\"graph0\" class=\"graph\" transform=\"translate(6 6)\">\n");
    write_legend(out, d);
    for (uint32_t i = 0; i < d->layout.n_arrows; i++)
        if (!write_arrow(out, d, i, err))
            return false;
    for (uint32_t i = 0; i < d->layout.n_boxes; i++)
        if (!write_box(out, d, i, err))
            return false;
    buf_puts(out, "</g>\n");
    end_viewport(out);
    svg_end(out);
    return true;
}

void picture_svg_adopt(struct buf *out, struct str drawn)
{
    const struct str graph = STR("<g id=\"graph0\""), end = STR("</svg>");
    const char *begin = memmem(drawn.p, drawn.len, graph.p, graph.len);
    size_t head = begin ? (size_t)(begin - drawn.p) : 0, rest = drawn.len - head;
    const char *stop = begin ? memmem(begin, rest, end.p, end.len) : NULL;
    if (!stop) {
        buf_add(out, drawn.p, drawn.len);
        return;
    }
    size_t body = (size_t)(stop - begin);
    buf_add(out, drawn.p, head);
    buf_puts(out, "<g id=\"viewport\">\n");
    buf_add(out, begin, body);
    end_viewport(out);
    buf_add(out, stop, rest - body);
}
