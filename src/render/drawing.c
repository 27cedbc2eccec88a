#include "render/drawing.h"

#include "base/utf8.h"
#include "render/svg.h"
#include "render/text_width.h"

#include <math.h>

#define PAD_X 8.0 /* between a text and its box, as Graphviz has it */
#define PAD_Y 4.0
#define MIN_WIDTH 54.0
#define MIN_HEIGHT 36.0
#define LINE 1.2      /* of the font's size */
#define BASELINE 0.78 /* of a line */
#define LABEL_PAD 4.0 /* between an arrow and its label */
#define BOX_GAP 18.0
#define LAYER_GAP 36.0

/* Take the next line off a text; whether it is left-aligned.  What is no UTF-8, or a
 * control character, becomes U+FFFD. */
static bool next_line(struct str *text, struct buf *line)
{
    buf_clear(line);
    while (text->len) {
        size_t n = 0;
        while (n < text->len && text->p[n] >= ' ' && text->p[n] < 0x7f && text->p[n] != '\\')
            n++; /* most of it */
        if (n) {
            buf_add(line, text->p, n);
            *text = (struct str){text->p + n, text->len - n};
            continue;
        }
        n = utf8_len(*text);
        const char *from = text->p;
        unsigned char c = (unsigned char)*from;
        *text = (struct str){text->p + n + !n, text->len - n - !n};
        if (c == '\\' && text->len) {
            char escaped = *text->p;
            if (escaped == 'n' || escaped == 'l' || escaped == 'r') {
                *text = (struct str){text->p + 1, text->len - 1};
                return escaped == 'l';
            }
            if (escaped == '\\' || escaped == '"') {
                buf_putc(line, escaped);
                *text = (struct str){text->p + 1, text->len - 1};
                continue;
            }
        }
        if (n == 0 || c < ' ' || c == 0x7f)
            buf_puts(line, UTF8_REPLACEMENT);
        else
            buf_add(line, from, n);
    }
    return false;
}

const char *drawing_plain(struct arena *arena, struct str text)
{
    AUTO_BUF line = {0};
    AUTO_BUF all = {0};
    while (text.len) {
        next_line(&text, &line);
        buf_add(&all, line.data, line.len);
        if (text.len)
            buf_putc(&all, '\n');
    }
    return all.failed || line.failed ? NULL : arena_strndup(arena, buf_str(&all), all.len);
}

/* The lines of a text, around (0, 0). */
static bool set_lines(struct drawing *d, struct str text, double font_size,
                      struct drawing_lines *lines)
{
    AUTO_BUF line = {0};
    uint32_t n = 0;
    for (struct str rest = text; rest.len; n++)
        next_line(&rest, &line);
    struct drawing_line *items = ARENA_ARRAY(&d->arena, struct drawing_line, n);
    *lines = (struct drawing_lines){items, n, font_size, 0, n * font_size * LINE};
    if (!items)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        struct drawing_line *item = &items[i];
        item->is_centered = !next_line(&text, &line);
        item->text = (struct str){arena_strndup(&d->arena, buf_str(&line), line.len), line.len};
        if (line.failed || !item->text.p)
            return false;
        while (item->text.len && *item->text.p == ' ')
            item->text = (struct str){item->text.p + 1, item->text.len - 1};
        item->width = text_width(item->text, font_size);
        item->y = (i + BASELINE) * font_size * LINE - lines->height / 2;
        lines->width = fmax(lines->width, item->width);
    }
    for (uint32_t i = 0; i < n; i++)
        items[i].x = items[i].is_centered ? 0 : -lines->width / 2;
    return true;
}

static void move_lines(struct drawing_lines *lines, double x, double y)
{
    struct drawing_line *items = (struct drawing_line *)lines->lines; /* the arena's */
    for (uint32_t i = 0; i < lines->n; i++) {
        items[i].x += x;
        items[i].y += y;
    }
}

static bool size_boxes(struct drawing *d)
{
    const struct picture *p = d->picture;
    for (uint32_t i = 0; i < p->n_boxes; i++) {
        const struct picture_box *box = &p->boxes[i];
        double depth = box->is_tag ? DRAWING_TAG_DEPTH : 0;
        if (!set_lines(d, box->label, box->font_size, &d->box_texts[i]))
            return false;
        d->layout.boxes[i].width = fmax(MIN_WIDTH, d->box_texts[i].width + 2 * PAD_X) + depth;
        d->layout.boxes[i].height = fmax(MIN_HEIGHT, d->box_texts[i].height + 2 * PAD_Y) + depth;
    }
    return true;
}

static bool size_arrows(struct drawing *d)
{
    const struct picture *p = d->picture;
    for (uint32_t i = 0; i < p->n_arrows; i++) {
        const struct picture_arrow *arrow = &p->arrows[i];
        if (arrow->to == PICTURE_NONE || arrow->to == arrow->from)
            continue;
        uint32_t at = d->layout.n_arrows++;
        struct drawing_lines *lines = &d->arrow_texts[at];
        d->arrow_of[at] = i;
        if (!set_lines(d, arrow->label, PICTURE_LABEL_FONT, lines))
            return false;
        d->layout.arrows[at] = (struct layout_arrow){.from = arrow->from,
                                                     .to = arrow->to,
                                                     .weight = arrow->weight,
                                                     .n_layers = arrow->is_long ? 2 : 1,
                                                     .label_width = lines->width + LABEL_PAD,
                                                     .label_height = lines->height,
                                                     .head = 8 + 2 * arrow->width};
    }
    return true;
}

static bool alloc_drawing(struct drawing *d)
{
    const struct picture *p = d->picture;
    d->layout.boxes = ARENA_ARRAY(&d->arena, struct layout_box, p->n_boxes);
    d->layout.arrows = ARENA_ARRAY(&d->arena, struct layout_arrow, p->n_arrows);
    d->box_texts = ARENA_ARRAY(&d->arena, struct drawing_lines, p->n_boxes);
    d->arrow_texts = ARENA_ARRAY(&d->arena, struct drawing_lines, p->n_arrows);
    d->arrow_of = ARENA_ARRAY(&d->arena, uint32_t, p->n_arrows);
    return d->layout.boxes && d->layout.arrows && d->box_texts && d->arrow_texts && d->arrow_of;
}

/* The texts to their boxes. */
static void place(struct drawing *d)
{
    struct layout *l = &d->layout;
    d->legend_x = l->corner.x;
    d->legend_y = l->corner.y;
    move_lines(&d->legend, d->legend_x + d->legend_width / 2, d->legend_y + d->legend_height / 2);
    for (uint32_t i = 0; i < l->n_boxes; i++) {
        double depth = d->picture->boxes[i].is_tag ? DRAWING_TAG_DEPTH / 2 : 0;
        move_lines(&d->box_texts[i], l->boxes[i].x - depth, l->boxes[i].y + depth);
    }
    for (uint32_t i = 0; i < l->n_arrows; i++)
        move_lines(&d->arrow_texts[i], l->arrows[i].label_x + LABEL_PAD / 2, l->arrows[i].label_y);
}

bool drawing_init(struct drawing *d, const struct picture *picture, struct err *err)
{
    *d = (struct drawing){.picture = picture};
    d->layout.n_boxes = picture->n_boxes;
    d->layout.box_gap = BOX_GAP;
    d->layout.layer_gap = LAYER_GAP;
    if (!alloc_drawing(d) || !size_boxes(d) || !size_arrows(d) ||
        !set_lines(d, picture->legend, PICTURE_LEGEND_FONT, &d->legend))
        return err_nomem(err);
    if (d->legend.n) {
        d->legend_width = d->legend.width + 2 * PAD_X;
        d->legend_height = d->legend.height + 2 * PAD_Y;
    }
    d->layout.corner_width = d->legend_width;
    d->layout.corner_height = d->legend_height;
    if (!layout_run(&d->layout, err))
        return false;
    place(d);
    d->width = d->layout.width;
    d->height = d->layout.height;
    return true;
}

void drawing_release(struct drawing *d)
{
    layout_release(&d->layout);
    arena_release(&d->arena);
}

void drawing_point(struct layout_point point, struct buf *out)
{
    svg_number(out, point.x);
    buf_putc(out, ',');
    svg_number(out, point.y);
}

void drawing_path(const struct layout_arrow *arrow, struct buf *out)
{
    for (uint32_t i = 0; i < arrow->n_points; i++) {
        buf_putc(out, i == 0 ? 'M' : i == 1 ? 'C' : ' ');
        drawing_point(arrow->points[i], out);
    }
}

void drawing_head(const struct layout_arrow *arrow, struct layout_point corners[3])
{
    struct layout_point base = arrow->points[arrow->n_points - 1], tip = arrow->tip;
    double dx = (tip.x - base.x) * 0.35, dy = (tip.y - base.y) * 0.35;
    corners[0] = tip;
    corners[1] = (struct layout_point){base.x - dy, base.y + dx};
    corners[2] = (struct layout_point){base.x + dy, base.y - dx};
}

void drawing_sides(const struct layout_box *box, struct layout_point points[DRAWING_SIDES])
{
    double depth = DRAWING_TAG_DEPTH, left = box->x - box->width / 2;
    double top = box->y - box->height / 2, right = left + box->width, bottom = top + box->height;
    const struct layout_point all[DRAWING_SIDES] = {
        {left, top + depth},
        {left + depth, top},
        {right, top},
        {right, bottom - depth},
        {right - depth, bottom},
        {right - depth, top + depth},
        {right, top},
    };
    for (int i = 0; i < DRAWING_SIDES; i++)
        points[i] = all[i];
}
