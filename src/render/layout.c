#include "render/layout.h"

#include "render/layout_layers.h"

#include <math.h>
#include <stdlib.h>

/* A connected part of the graph, laid out for itself. */
struct part {
    uint32_t first_box, n_boxes, first_arrow, n_arrows; /* in the lists below */
    double left, width, height;
    double x, y; /* where it goes */
};

struct parts {
    struct part *parts;
    uint32_t n_parts;
    uint32_t *boxes, *arrows; /* of the layout, those of a part together */
    uint32_t *item_of;        /* of a box, in its part */
};

static uint32_t find_root(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

/* Which part each box belongs to, in the order of their first boxes. */
static bool find_parts(struct layout *l, struct parts *p, struct arena *arena)
{
    uint32_t n = l->n_boxes;
    uint32_t *parent = ARENA_ARRAY(arena, uint32_t, n), *part_of = ARENA_ARRAY(arena, uint32_t, n);
    p->parts = ARENA_ARRAY(arena, struct part, n);
    p->boxes = ARENA_ARRAY(arena, uint32_t, n);
    p->arrows = ARENA_ARRAY(arena, uint32_t, l->n_arrows);
    p->item_of = ARENA_ARRAY(arena, uint32_t, n);
    if (!parent || !part_of || !p->parts || !p->boxes || !p->arrows || !p->item_of)
        return false;
    for (uint32_t i = 0; i < n; i++)
        parent[i] = i;
    for (uint32_t i = 0; i < l->n_arrows; i++) {
        uint32_t a = find_root(parent, l->arrows[i].from), b = find_root(parent, l->arrows[i].to);
        parent[a > b ? a : b] = a > b ? b : a; /* a root is the first box */
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t root = find_root(parent, i);
        part_of[i] = root == i ? p->n_parts++ : part_of[root];
        p->parts[part_of[i]].n_boxes++;
    }
    for (uint32_t i = 0; i < l->n_arrows; i++)
        p->parts[part_of[l->arrows[i].from]].n_arrows++;
    for (uint32_t i = 0, box = 0, arrow = 0; i < p->n_parts; i++) {
        struct part *part = &p->parts[i];
        part->first_box = box;
        part->first_arrow = arrow;
        box += part->n_boxes;
        arrow += part->n_arrows;
        part->n_boxes = part->n_arrows = 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct part *part = &p->parts[part_of[i]];
        p->item_of[i] = part->n_boxes;
        p->boxes[part->first_box + part->n_boxes++] = i;
    }
    for (uint32_t i = 0; i < l->n_arrows; i++) {
        struct part *part = &p->parts[part_of[l->arrows[i].from]];
        p->arrows[part->first_arrow + part->n_arrows++] = i;
    }
    return true;
}

static void reach(double *left, double *right, double x, double half)
{
    *left = fmin(*left, x - half);
    *right = fmax(*right, x + half);
}

/* Curves may reach a little farther than what they go around. */
static void measure(const struct layout *l, const struct layers *g, struct part *part)
{
    double left = 0, right = g->width;
    for (uint32_t i = 0; i < g->n_arrows; i++) {
        const struct layout_arrow *arrow = &l->arrows[g->arrows[i].arrow];
        for (uint32_t k = 0; k < arrow->n_points; k++)
            reach(&left, &right, arrow->points[k].x, 0);
    }
    part->left = left;
    part->width = right - left;
    part->height = g->y[g->n_layers - 1] + g->height[g->n_layers - 1] / 2;
}

static bool lay_out_part(struct layout *l, const struct parts *p, struct part *part,
                         struct err *err)
{
    AUTO_ARENA arena = {0};
    struct layers g = {.layout = l,
                       .arena = &arena,
                       .boxes = p->boxes + part->first_box,
                       .n_boxes = part->n_boxes,
                       .n_arrows = part->n_arrows};
    g.arrows = ARENA_ARRAY(&arena, struct layers_arrow, g.n_arrows);
    if (!g.arrows)
        return err_nomem(err);
    for (uint32_t i = 0; i < g.n_arrows; i++) {
        uint32_t arrow = p->arrows[part->first_arrow + i];
        g.arrows[i] = (struct layers_arrow){.arrow = arrow,
                                            .top = p->item_of[l->arrows[arrow].from],
                                            .bottom = p->item_of[l->arrows[arrow].to]};
        g.has_labels = g.has_labels || l->arrows[arrow].label_width > 0;
    }
    if (!layers_rank(&g, err) || !layers_build(&g, err) || !layers_order(&g, err) ||
        !layers_place(&g, err) || !layers_route(&g, err))
        return false;
    measure(l, &g, part);
    return true;
}

static int by_height(const void *a, const void *b)
{
    const struct part *l = a, *r = b;
    if (l->height != r->height)
        return l->height > r->height ? -1 : 1;
    return (l->first_box > r->first_box) - (l->first_box < r->first_box);
}

/* Parts in columns, the highest first. */
static void pack(struct layout *l, struct parts *p)
{
    double gap = 2 * l->box_gap, x = 0, y = 0, width = 0;
    qsort(p->parts, p->n_parts, sizeof *p->parts, by_height);
    for (uint32_t i = 0; i < p->n_parts; i++) {
        struct part *part = &p->parts[i];
        if (y > 0 && y + part->height > p->parts[0].height) {
            x += width + gap;
            y = width = 0;
        }
        part->x = x;
        part->y = y;
        y += part->height + gap;
        width = fmax(width, part->width);
        l->width = x + width;
    }
    l->height = p->n_parts ? p->parts[0].height : 0;
}

static void move_arrow(struct layout_arrow *arrow, double x, double y)
{
    struct layout_point *points = (struct layout_point *)arrow->points; /* our own still */
    for (uint32_t i = 0; i < arrow->n_points; i++) {
        points[i].x += x;
        points[i].y += y;
    }
    arrow->label_x += x;
    arrow->label_y += y;
    arrow->tip.x += x;
    arrow->tip.y += y;
}

static void move_part(struct layout *l, const struct parts *p, const struct part *part)
{
    for (uint32_t i = part->first_box; i < part->first_box + part->n_boxes; i++) {
        l->boxes[p->boxes[i]].x += part->x - part->left;
        l->boxes[p->boxes[i]].y += part->y;
    }
    for (uint32_t i = part->first_arrow; i < part->first_arrow + part->n_arrows; i++)
        move_arrow(&l->arrows[p->arrows[i]], part->x - part->left, part->y);
}

/* Put the corner where the picture grows least: left or right of what is as high up. */
static void place_corner(struct layout *l)
{
    double below = l->corner_height + 2 * l->box_gap, left = INFINITY, right = 0;
    if (l->corner_width <= 0)
        return;
    for (uint32_t i = 0; i < l->n_boxes; i++)
        if (l->boxes[i].y - l->boxes[i].height / 2 < below)
            reach(&left, &right, l->boxes[i].x, l->boxes[i].width / 2);
    for (uint32_t i = 0; i < l->n_arrows; i++) {
        const struct layout_arrow *a = &l->arrows[i];
        for (uint32_t k = 0; k < a->n_points; k++)
            if (a->points[k].y < below)
                reach(&left, &right, a->points[k].x, 0);
        if (a->label_width > 0 && a->label_y - a->label_height / 2 < below)
            reach(&left, &right, a->label_x, a->label_width / 2);
    }
    double room = l->corner_width + 2 * l->box_gap;
    double shift = l->n_boxes ? fmax(0, room - left) : 0; /* to the right, to be left of it all */
    double grow = l->n_boxes ? fmax(0, right + room - l->width) : 0;
    if (shift <= grow) {
        for (uint32_t i = 0; i < l->n_boxes; i++)
            l->boxes[i].x += shift;
        for (uint32_t i = 0; i < l->n_arrows; i++)
            move_arrow(&l->arrows[i], shift, 0);
        l->width += shift;
    } else {
        l->corner.x = right + 2 * l->box_gap;
    }
    l->width = fmax(l->width, l->corner.x + l->corner_width);
    l->height = fmax(l->height, l->corner_height);
}

bool layout_run(struct layout *l, struct err *err)
{
    AUTO_ARENA arena = {0};
    struct parts p = {0};
    arena_init(&l->arena);
    l->width = l->height = 0;
    l->corner = (struct layout_point){0, 0};
    if (!find_parts(l, &p, &arena))
        return err_nomem(err);
    for (uint32_t i = 0; i < p.n_parts; i++)
        if (!lay_out_part(l, &p, &p.parts[i], err))
            return false;
    pack(l, &p);
    for (uint32_t i = 0; i < p.n_parts; i++)
        move_part(l, &p, &p.parts[i]);
    place_corner(l);
    return true;
}

void layout_release(struct layout *l)
{
    arena_release(&l->arena);
}
