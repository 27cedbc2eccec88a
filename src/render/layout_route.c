/* The curves of the arrows.  A curve is x as a function of y: cubic pieces that meet
 * smoothly.  It starts in the middle of the upper box, ends in the middle of the lower
 * one, and is seen outside of them only.  In between it goes through gates, which
 * are what the neighbours leave free in each layer that it passes. */
#include "render/layout_layers.h"

#include <math.h>

#define MARGIN 3.0 /* between an arrow and a box or a label */

/* x from low to high at this y. */
struct gate {
    double y, low, high;
    bool wall_above, wall_below; /* between it and the gate before, or after */
};

struct knot {
    double x, y, slope; /* dx/dy */
};

/* A corner of the shortest way through the gates. */
struct corner {
    double x;
    uint32_t gate;
};

struct knot_at {
    struct knot knot;
    uint32_t gate;
};

struct router {
    struct layers *g;
    struct gate *gates;
    struct corner *corners;
    struct knot *knots;
    struct knot_at *ahead;
    uint32_t n_gates, n_corners, n_knots;
};

/* What neighbours leave of a layer around item i. */
static struct gate free_around(const struct layers *g, uint32_t i)
{
    const struct layers_item *item = &g->items[i];
    uint32_t at = g->first[item->layer] + item->position;
    struct gate free = {g->y[item->layer], 0, g->width};
    if (at > g->first[item->layer]) {
        const struct layers_item *left = &g->items[g->order[at - 1]];
        free.low = left->x + left->right + MARGIN;
    }
    if (at + 1 < g->first[item->layer + 1]) {
        const struct layers_item *right = &g->items[g->order[at + 1]];
        free.high = right->x - right->left - MARGIN;
    }
    return free;
}

static void add_gate(struct router *r, double y, struct gate free, bool wall_above, bool wall_below)
{
    struct gate *last = &r->gates[r->n_gates - 1];
    if (r->n_gates && y - last->y < 0.01) { /* a layer without height */
        last->low = fmax(last->low, free.low);
        last->high = fmin(last->high, free.high);
        last->wall_below = wall_below;
        return;
    }
    r->gates[r->n_gates++] = (struct gate){y, free.low, free.high, wall_above, wall_below};
}

/* Inside of a box, away from its corners. */
static struct gate inside(const struct layers_item *box)
{
    double off = box->left * 0.3;
    return (struct gate){0, box->x - box->left + off, box->x + box->right - off, false, false};
}

static void find_gates(struct router *r, const struct layers_arrow *a)
{
    const struct layers *g = r->g;
    const struct layers_item *top = &g->items[a->top], *bottom = &g->items[a->bottom];
    double top_y = g->y[top->layer], bottom_y = g->y[bottom->layer];
    r->n_gates = 0;
    add_gate(r, top_y, (struct gate){0, top->x, top->x, false, false}, false, false);
    add_gate(r, top_y + top->height / 2, inside(top), false, true);
    add_gate(r, top_y + g->height[top->layer] / 2, free_around(g, a->top), true, false);
    for (uint32_t i = a->first; i < a->first + a->n_items; i++) {
        const struct layers_item *item = &g->items[i];
        struct gate free = free_around(g, i);
        if (item->is_label) {
            free.low = fmax(free.low, item->x - 6);
            free.high = item->x;
        }
        add_gate(r, g->y[item->layer] - g->height[item->layer] / 2, free, false, true);
        add_gate(r, g->y[item->layer] + g->height[item->layer] / 2, free, true, false);
    }
    add_gate(r, bottom_y - g->height[bottom->layer] / 2, free_around(g, a->bottom), false, true);
    add_gate(r, bottom_y - bottom->height / 2, inside(bottom), true, false);
    add_gate(r, bottom_y, (struct gate){0, bottom->x, bottom->x, false, false}, false, false);
}

/* The shortest way through the gates: straight on as long as it can be, then around
 * the corner that was in the way. */
static void find_corners(struct router *r)
{
    const struct gate *gates = r->gates;
    uint32_t from = 0;
    r->n_corners = 0;
    r->corners[r->n_corners++] = (struct corner){gates[0].low, 0};
    while (from + 1 < r->n_gates) {
        double x = r->corners[r->n_corners - 1].x, most = INFINITY, least = -INFINITY;
        uint32_t i_most = from, i_least = from, i = from + 1;
        struct corner next = {gates[r->n_gates - 1].low, r->n_gates - 1};
        for (; i < r->n_gates; i++) {
            double dy = gates[i].y - gates[from].y;
            double low = (gates[i].low - x) / dy, high = (gates[i].high - x) / dy;
            if (low > most) {
                next = (struct corner){gates[i_most].high, i_most};
                break;
            }
            if (high < least) {
                next = (struct corner){gates[i_least].low, i_least};
                break;
            }
            if (high <= most) {
                most = high;
                i_most = i;
            }
            if (low >= least) {
                least = low;
                i_least = i;
            }
        }
        from = next.gate;
        r->corners[r->n_corners++] = next;
    }
}

static double slope_between(const struct router *r, uint32_t corner)
{
    const struct corner *a = &r->corners[corner], *b = a + 1;
    return (b->x - a->x) / (r->gates[b->gate].y - r->gates[a->gate].y);
}

/* The way at a gate: where, and how steep.  At a corner it is as steep as along the
 * wall, so as not to cut into it. */
static struct knot way_at(const struct router *r, uint32_t gate)
{
    uint32_t i = 0;
    while (r->corners[i + 1].gate < gate)
        i++;
    const struct corner *a = &r->corners[i], *b = a + 1;
    double slope = slope_between(r, i);
    if (b->gate != gate) {
        double y = r->gates[gate].y;
        return (struct knot){a->x + slope * (y - r->gates[a->gate].y), y, slope};
    }
    double after = slope_between(r, i + 1);
    if (r->gates[gate].wall_below)
        slope = r->gates[gate].wall_above ? (slope + after) / 2 : after;
    return (struct knot){b->x, r->gates[gate].y, slope};
}

static double curve_x(const struct knot *a, const struct knot *b, double y)
{
    double h = b->y - a->y, t = (y - a->y) / h, u = 1 - t;
    return u * u * (a->x * (1 + 2 * t) + a->slope * h * t) +
           t * t * (b->x * (1 + 2 * u) - b->slope * h * u);
}

static double curve_slope(const struct knot *a, const struct knot *b, double y)
{
    double h = b->y - a->y, t = (y - a->y) / h, u = 1 - t;
    return 6 * t * u * (b->x - a->x) / h + u * (1 - 3 * t) * a->slope + t * (1 - 3 * u) * b->slope;
}

static double outside(const struct gate *gate, double x)
{
    return fmax(gate->low - x, x - gate->high);
}

/* The gate between two where the curve is farthest off, 0 if it goes through all. */
static uint32_t worst_gate(const struct router *r, uint32_t from, const struct knot *a, uint32_t to,
                           const struct knot *b)
{
    uint32_t worst = 0;
    double most = 0.5;
    for (uint32_t i = from; i < to; i++) {
        const struct gate *gate = &r->gates[i], *next = gate + 1;
        double by = i == from ? 0 : outside(gate, curve_x(a, b, gate->y));
        if (by > most) {
            worst = i;
            most = by;
        }
        if (!gate->wall_below)
            continue;
        by = outside(gate, curve_x(a, b, (gate->y + next->y) / 2)); /* along the wall */
        if (by > most && (i != from || i + 1 != to)) {
            worst = i == from ? i + 1 : i;
            most = by;
        }
    }
    return worst;
}

/* The knots of the curve: one piece from end to end, or cut at the gate where it is
 * farthest off, and so on.  The ends are as steep as suits what is next to them. */
static void fit(struct router *r, struct knot begin, struct knot end)
{
    uint32_t n_ahead = 0, from = 0; /* r->ahead has the knots that follow, the next on top */
    r->ahead[n_ahead++] = (struct knot_at){end, r->n_gates - 1};
    r->n_knots = 0;
    r->knots[r->n_knots++] = begin;
    while (n_ahead) {
        struct knot *a = &r->knots[r->n_knots - 1], *b = &r->ahead[n_ahead - 1].knot;
        uint32_t to = r->ahead[n_ahead - 1].gate;
        double chord = (b->x - a->x) / (b->y - a->y);
        if (from == 0)
            a->slope = n_ahead == 1 ? chord : (3 * chord - b->slope) / 2;
        if (n_ahead == 1)
            b->slope = from == 0 ? chord : (3 * chord - a->slope) / 2;
        uint32_t worst = worst_gate(r, from, a, to, b);
        if (worst) {
            r->ahead[n_ahead++] = (struct knot_at){way_at(r, worst), worst};
            continue;
        }
        r->knots[r->n_knots++] = *b;
        from = to;
        n_ahead--;
    }
}

/* The curve as Bezier pieces from y `begin` to `end`, into points. */
static uint32_t cut_out(const struct router *r, double begin, double end,
                        struct layout_point *points)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i + 1 < r->n_knots; i++) {
        const struct knot *a = &r->knots[i], *b = a + 1;
        double from = fmax(a->y, begin), to = fmin(b->y, end), h = (to - from) / 3;
        if (h <= 0)
            continue;
        double x0 = curve_x(a, b, from), x1 = curve_x(a, b, to);
        if (!n)
            points[n++] = (struct layout_point){x0, from};
        points[n++] = (struct layout_point){x0 + curve_slope(a, b, from) * h, from + h};
        points[n++] = (struct layout_point){x1 - curve_slope(a, b, to) * h, to - h};
        points[n++] = (struct layout_point){x1, to};
    }
    return n;
}

static struct layout_point curve_at(const struct router *r, double y)
{
    uint32_t i = 0;
    while (i + 2 < r->n_knots && r->knots[i + 1].y < y)
        i++;
    return (struct layout_point){curve_x(&r->knots[i], &r->knots[i + 1], y), y};
}

/* y where the head of the arrow begins: `length` from the tip, in a straight line. */
static double head_begin(const struct router *r, struct layout_point tip, double length,
                         double direction)
{
    double near = tip.y, far = tip.y - direction * length;
    for (int i = 0; i < 20; i++) {
        struct layout_point p = curve_at(r, (near + far) / 2);
        if (hypot(p.x - tip.x, p.y - tip.y) < length)
            near = p.y;
        else
            far = p.y;
    }
    return far;
}

static void reverse(struct layout_point *points, uint32_t n)
{
    for (uint32_t i = 0; i < n / 2; i++) {
        struct layout_point p = points[i];
        points[i] = points[n - 1 - i];
        points[n - 1 - i] = p;
    }
}

static bool route(struct router *r, const struct layers_arrow *a)
{
    struct layers *g = r->g;
    struct layout_arrow *arrow = &g->layout->arrows[a->arrow];
    const struct layers_item *top = &g->items[a->top], *bottom = &g->items[a->bottom];
    double begin = g->y[top->layer] + top->height / 2;
    double end = g->y[bottom->layer] - bottom->height / 2;
    double head = fmin(arrow->head, (end - begin) / 2);
    find_gates(r, a);
    find_corners(r);
    fit(r, (struct knot){top->x, g->y[top->layer], 0},
        (struct knot){bottom->x, g->y[bottom->layer], 0});
    arrow->tip = curve_at(r, a->is_reversed ? begin : end);
    if (a->is_reversed)
        begin = head_begin(r, arrow->tip, head, -1);
    else
        end = head_begin(r, arrow->tip, head, 1);
    struct layout_point *points =
        ARENA_ARRAY(&g->layout->arena, struct layout_point, 3 * (size_t)r->n_knots);
    if (!points)
        return false;
    arrow->n_points = cut_out(r, begin, end, points);
    if (a->is_reversed)
        reverse(points, arrow->n_points);
    arrow->points = points;
    return true;
}

bool layers_route(struct layers *g, struct err *err)
{
    struct router r = {.g = g};
    size_t n = 2 * (size_t)g->n_layers + 4;
    r.gates = ARENA_ARRAY(g->arena, struct gate, n);
    r.corners = ARENA_ARRAY(g->arena, struct corner, n);
    r.knots = ARENA_ARRAY(g->arena, struct knot, n);
    r.ahead = ARENA_ARRAY(g->arena, struct knot_at, n);
    if (!r.gates || !r.corners || !r.knots || !r.ahead)
        return err_nomem(err);
    for (uint32_t i = 0; i < g->n_boxes; i++) {
        struct layout_box *box = &g->layout->boxes[g->boxes[i]];
        box->x = g->items[i].x;
        box->y = g->y[g->items[i].layer];
    }
    for (uint32_t i = 0; i < g->n_arrows; i++)
        if (!route(&r, &g->arrows[i]))
            return err_nomem(err);
    for (uint32_t i = g->n_boxes; i < g->n_items; i++) {
        const struct layers_item *item = &g->items[i];
        struct layout_arrow *arrow = &g->layout->arrows[g->arrows[item->arrow].arrow];
        if (!item->is_label)
            continue;
        arrow->label_x = item->x + item->right - arrow->label_width / 2;
        arrow->label_y = g->y[item->layer];
    }
    return true;
}
