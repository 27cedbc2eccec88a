#include "report/compose.h"

#include "base/vec.h"
#include "render/dot.h"
#include "report/short_name.h"
#include "xform/path.h"
#include "xform/unit.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define MAX_TAGS 4 /* at a box */

struct composer {
    const struct report_run *run;
    struct graph *g;
    const struct node_tags *tags;
    struct picture *picture;
    VEC(struct picture_box) boxes;
    VEC(struct picture_arrow) arrows;
    uint32_t *box_of; /* [n_nodes]; PICTURE_NONE: not a node of the graph */
    bool *has_tags;   /* [n_nodes] */
    struct buf text, short_name;
    bool failed; /* out of memory: checked at the end */
};

/* What is in c->text, which is empty then. */
static struct str take_text(struct composer *c)
{
    char *copy = arena_strndup(&c->picture->arena, buf_str(&c->text), c->text.len);
    struct str text = {copy ? copy : "", copy ? c->text.len : 0};
    c->failed |= !copy || c->text.failed;
    buf_clear(&c->text);
    return text;
}

static struct str value_text(struct composer *c, int64_t value)
{
    report_value(c->run, &c->text, value);
    return take_text(c);
}

static const char *name(struct composer *c, const char *prefix, uint64_t number)
{
    const char *name = arena_printf(&c->picture->arena, "%s%" PRIu64, prefix, number);
    c->failed |= !name;
    return name ? name : "";
}

static void add_str(struct buf *out, struct str s)
{
    buf_add(out, s.p, s.len);
}

static void compose_legend(struct composer *c, const struct report_trim *trim)
{
    struct buf lines = {0};
    struct str title = report_title(c->run);
    size_t first = report_graph_lines(c->run, c->g, trim, true, &lines);
    add_str(&c->text, title);
    c->picture->title = take_text(c);
    dot_escape(&c->text, (struct str){buf_str(&lines), first});
    c->picture->legend_name = take_text(c);
    dot_escape(&c->text, (struct str){buf_str(&lines), lines.len});
    buf_puts(&c->text, "\\l");
    c->picture->legend = take_text(c);
    c->failed |= lines.failed;
    buf_release(&lines);
}

/* A short name on several lines: broken at "." and "::", but not in "[...]". */
static void add_broken_name(struct composer *c, struct str name, struct buf *out)
{
    struct buf escaped = {0};
    dot_escape(&escaped, short_name(name, &c->short_name));
    struct str rest = {buf_str(&escaped), escaped.len};
    while (rest.len) {
        size_t n = 1;
        if (str_has_prefix(rest, STR("::"))) {
            buf_puts(out, "\\n");
            n = 2;
        } else if (str_has_prefix(rest, STR("[...]"))) {
            buf_puts(out, "[\u2026]");
            n = 5;
        } else if (rest.p[0] == '.') {
            buf_puts(out, "\\n");
        } else {
            buf_putc(out, rest.p[0]);
        }
        rest = (struct str){rest.p + n, rest.len - n};
    }
    c->failed |= escaped.failed || c->short_name.failed;
    buf_release(&escaped);
}

static void add_name(struct composer *c, uint32_t node)
{
    const struct graph_info *i = &c->g->nodes[node].info;
    struct str file = graph_file(c->g, node);
    struct buf broken = {0};
    add_broken_name(c, graph_name(c->g, node), &broken);
    if (file.len)
        file = path_base(file);
    graph_print_name(&c->text, i->address, (struct str){buf_str(&broken), broken.len}, file,
                     i->line, i->column, profile_str(c->g->view->profile, i->objfile), "\\n");
    buf_puts(&c->text, "\\n");
    c->failed |= broken.failed;
    buf_release(&broken);
}

static void add_share(struct composer *c, int64_t value)
{
    report_value(c->run, &c->text, value);
    buf_puts(&c->text, " (");
    unit_print_percent_short(&c->text, value, c->run->pipeline.total);
    buf_putc(&c->text, ')');
}

static double ratio(int64_t value, int64_t total)
{
    return (double)value / (double)unit_abs(total);
}

/* What a filter finds the node by. */
static struct str function(const struct graph *g, uint32_t node)
{
    struct str text = graph_name(g, node);
    if (!text.len)
        text = graph_file(g, node);
    return text.len ? text : profile_str(g->view->profile, g->nodes[node].info.objfile);
}

static void compose_node(struct composer *c, uint32_t node, uint32_t number, double max_flat)
{
    const struct graph_node *n = &c->g->nodes[node];
    int64_t total = c->run->pipeline.total, flat = graph_flat(n), cum = graph_cum(n);
    struct picture_box box = {.name = name(c, "N", number),
                              .id = name(c, "node", number),
                              .function = function(c->g, node)};
    add_name(c, node);
    if (flat)
        add_share(c, flat);
    else
        buf_putc(&c->text, '0');
    if (cum != flat) {
        buf_puts(&c->text, flat ? "\\nof " : " of ");
        add_share(c, cum);
    }
    box.label = take_text(c);
    /* Growing slower than the value, so that small ones can still be read. */
    double size = (double)unit_abs(flat);
    box.font_size = 8;
    if (max_flat != 0 && size > 0 && size <= max_flat) /* the least int64 has no size */
        box.font_size += (uint32_t)ceil(16.0 * sqrt(size / max_flat));
    struct str label = graph_label(c->g, node);
    c->text.failed |= !label.p;
    dot_escape(&c->text, label);
    buf_puts(&c->text, " (");
    report_value(c->run, &c->text, cum);
    buf_putc(&c->text, ')');
    box.tooltip = take_text(c);
    box.color = dot_color(ratio(cum, total), false);
    box.fill = dot_color(ratio(cum, total), true);
    c->box_of[node] = (uint32_t)c->boxes.n;
    c->failed |= !vec_push(&c->boxes, box);
}

/* A tag, or several numbers that share a box. */
struct tag_box {
    struct str name;
    const struct node_tag *tag;
    int64_t flat, cum, flat_div, cum_div;
    size_t index; /* the order where all else is equal */
};

static int compare_tags(const void *a, const void *b, void *by_flat)
{
    const struct tag_box *l = a, *r = b;
    int64_t lc = unit_abs(l->cum), rc = unit_abs(r->cum);
    int64_t lf = unit_abs(l->flat), rf = unit_abs(r->flat);
    if (!*(bool *)by_flat && lc != rc)
        return lc > rc ? -1 : 1;
    if (lf != rf)
        return lf > rf ? -1 : 1;
    int c = str_cmp(l->name, r->name);
    return c ? c : l->index < r->index ? -1 : 1;
}

static void sort_tags(struct tag_box *boxes, size_t n, bool by_flat)
{
    for (size_t i = 0; i < n; i++)
        boxes[i].index = i;
    if (n > 1)
        qsort_r(boxes, n, sizeof *boxes, compare_tags, &by_flat);
}

/* The sorted tags of a node: texts, or the numbers that go with a set of texts.
 * The caller frees; NULL when memory runs out. */
static struct tag_box *collect(const struct composer *c, uint32_t node, bool is_num,
                               uint32_t labels, bool by_flat, size_t *n)
{
    const struct node_tags *t = c->tags;
    uint32_t first = t->first[node], end = t->first[node + 1];
    struct tag_box *boxes = calloc((size_t)(end - first) + 1, sizeof *boxes);
    *n = 0;
    for (uint32_t i = first; boxes && i < end; i++) {
        const struct node_tag *tag = &t->tags[i];
        if (tag->is_num == is_num && (!is_num || tag->labels == labels))
            boxes[(*n)++] = (struct tag_box){t->texts.strings[tag->name],
                                             tag,
                                             tag->flat,
                                             tag->cum,
                                             tag->flat_div,
                                             tag->cum_div,
                                             0};
    }
    if (boxes)
        sort_tags(boxes, *n, by_flat);
    return boxes;
}

static double distance(const struct composer *c, const struct tag_box *a, const struct tag_box *b)
{
    const char *unit, *of = c->tags->num_unit;
    double v = unit_scale(b->tag->value, of, of, &unit), at = (double)a->tag->value;
    return v < at ? at - v : v - at;
}

/* Put box `b` into the group whose first is `to`, widening its range. */
static void join_group(struct tag_box *to, const struct node_tag **min, const struct node_tag **max,
                       const struct composer *c, const struct tag_box *b)
{
    const char *unit, *of = c->tags->num_unit;
    int64_t v = unit_to_int64(unit_scale(b->tag->value, of, of, &unit));
    if (v < (*min)->value)
        *min = b->tag;
    if (v > (*max)->value)
        *max = b->tag;
    to->flat = (int64_t)((uint64_t)to->flat + (uint64_t)b->flat);
    to->cum = (int64_t)((uint64_t)to->cum + (uint64_t)b->cum);
    to->flat_div = (int64_t)((uint64_t)to->flat_div + (uint64_t)b->flat_div);
    to->cum_div = (int64_t)((uint64_t)to->cum_div + (uint64_t)b->cum_div);
}

/* What a box shows. */
static int64_t tag_flat(const struct tag_box *b)
{
    return view_mean(b->flat, b->flat_div);
}

static int64_t tag_cum(const struct tag_box *b)
{
    return view_mean(b->cum, b->cum_div);
}

/* Make MAX_TAGS boxes of more numbers: the first ones attract the others that
 * are near.  Their names are written to `names`. */
static void group_tags(const struct composer *c, struct tag_box *boxes, size_t n, bool by_flat,
                       struct buf *names)
{
    const struct node_tag *min[MAX_TAGS], *max[MAX_TAGS];
    const char *of = c->tags->num_unit;
    size_t ends[MAX_TAGS];
    for (size_t g = 0; g < MAX_TAGS; g++)
        min[g] = max[g] = boxes[g].tag;
    for (size_t i = MAX_TAGS; i < n; i++) {
        size_t nearest = 0;
        for (size_t g = 1; g < MAX_TAGS; g++)
            if (distance(c, &boxes[i], &boxes[g]) < distance(c, &boxes[i], &boxes[nearest]))
                nearest = g;
        join_group(&boxes[nearest], &min[nearest], &max[nearest], c, &boxes[i]);
        boxes[i].index = nearest + 1;
    }
    for (size_t g = 0; g < MAX_TAGS; g++) {
        bool is_alone = true;
        for (size_t i = MAX_TAGS; i < n; i++)
            is_alone = is_alone && boxes[i].index != g + 1;
        unit_print(names, min[g]->value, of, "auto");
        if (!is_alone) {
            buf_puts(names, "..");
            unit_print(names, max[g]->value, of, "auto");
        }
        ends[g] = names->len;
    }
    for (size_t g = 0; g < MAX_TAGS; g++) {
        size_t begin = g ? ends[g - 1] : 0;
        boxes[g].name = (struct str){buf_str(names) + begin, ends[g] - begin};
        boxes[g].flat = tag_flat(&boxes[g]);
        boxes[g].cum = tag_cum(&boxes[g]);
        boxes[g].flat_div = boxes[g].cum_div = 0;
    }
    sort_tags(boxes, MAX_TAGS, by_flat);
}

/* Add the tag `tag_name`, called PREFIX_i, and the arrow to it. */
static void compose_tag(struct composer *c, uint32_t from, const char *prefix, size_t i,
                        struct str tag_name, int64_t value, bool is_dotted)
{
    const char *id = arena_printf(&c->picture->arena, "%s_%zu", prefix, i);
    struct str weight = value_text(c, value);
    c->failed |= !id;
    add_str(&c->text, tag_name);
    struct picture_box box = {.name = id ? id : "",
                              .id = id ? id : "",
                              .label = take_text(c),
                              .tooltip = weight,
                              .font_size = 8,
                              .fill = PICTURE_TAG_FILL,
                              .is_tag = true};
    buf_putc(&c->text, ' ');
    add_str(&c->text, weight);
    struct picture_arrow arrow = {.from = from,
                                  .to = (uint32_t)c->boxes.n,
                                  .label = take_text(c),
                                  .tooltip = weight,
                                  .weight = 100,
                                  .width = 1,
                                  .is_dotted = is_dotted};
    c->failed |= !vec_push(&c->boxes, box) || !vec_push(&c->arrows, arrow);
}

/* The numbers that go with a set of texts, at the box `from`. */
static void compose_numbers(struct composer *c, uint32_t node, uint32_t labels, bool by_flat,
                            uint32_t from)
{
    struct buf names = {0};
    size_t n;
    struct tag_box *boxes = collect(c, node, true, labels, by_flat, &n);
    const char *prefix = arena_printf(&c->picture->arena, "N%s", c->boxes.items[from].name);
    if (!boxes || !prefix) {
        c->failed = true;
        free(boxes);
        return;
    }
    if (n > MAX_TAGS) {
        group_tags(c, boxes, n, by_flat, &names);
        n = MAX_TAGS;
    }
    for (size_t i = 0; i < n; i++) {
        bool is_flat = by_flat || tag_flat(&boxes[i]) == tag_cum(&boxes[i]);
        int64_t value = is_flat ? tag_flat(&boxes[i]) : tag_cum(&boxes[i]);
        if (value)
            compose_tag(c, from, prefix, i, boxes[i].name, value, !is_flat);
    }
    c->failed |= names.failed;
    buf_release(&names);
    free(boxes);
}

/* A node's tags: of its own where others are called from it, else of all. */
static void compose_tags(struct composer *c, uint32_t node, bool by_flat)
{
    uint32_t from = c->box_of[node];
    size_t n, n_before = c->boxes.n;
    struct tag_box *boxes = collect(c, node, false, 0, by_flat, &n);
    if (!boxes || c->failed) {
        c->failed = true;
        free(boxes);
        return;
    }
    for (size_t i = 0; i < n && i < MAX_TAGS && !c->failed; i++) {
        int64_t value = by_flat ? tag_flat(&boxes[i]) : tag_cum(&boxes[i]);
        if (!value)
            continue;
        uint32_t box = (uint32_t)c->boxes.n;
        compose_tag(c, from, c->boxes.items[from].name, i, boxes[i].name, value, false);
        if (!c->failed)
            compose_numbers(c, node, boxes[i].tag->labels, by_flat, box);
    }
    free(boxes);
    if (!c->failed)
        compose_numbers(c, node, 0, by_flat, from);
    c->has_tags[node] = c->boxes.n > n_before;
}

/* 1 + |value * scale / total|, at most scale + 1: a line's width or weight. */
static uint32_t line_size(int64_t value, int64_t scale, int64_t total)
{
    int64_t product = (int64_t)((uint64_t)value * (uint64_t)scale);
    int64_t size = total == -1 ? unit_abs(product) : unit_abs(product / total);
    return (uint32_t)(1 + (size < 0 ? 0 : size < scale ? size : scale));
}

static void compose_edge(struct composer *c, const struct graph_edge *e)
{
    int64_t total = c->run->pipeline.total, value = graph_weight(e);
    struct str weight = value_text(c, value);
    struct picture_arrow arrow = {.from = c->box_of[e->src],
                                  .to = c->box_of[e->dest],
                                  .weight = 1,
                                  .width = 1,
                                  .is_dotted = e->residual,
                                  .is_long = c->has_tags[e->src]};
    buf_putc(&c->text, ' ');
    add_str(&c->text, weight);
    if (e->is_inlined)
        buf_puts(&c->text, "\\n (inline)");
    arrow.label = take_text(c);
    if (total) {
        arrow.weight = line_size(value, 100, total);
        arrow.width = line_size(value, 5, total);
        arrow.color = dot_color(ratio(value, total), false);
        arrow.has_color = true;
    }
    dot_escape(&c->text, graph_label(c->g, e->src));
    buf_puts(&c->text, e->residual ? " ... " : " -> ");
    dot_escape(&c->text, graph_label(c->g, e->dest));
    buf_puts(&c->text, " (");
    add_str(&c->text, weight);
    buf_putc(&c->text, ')');
    arrow.tooltip = take_text(c);
    c->failed |= !vec_push(&c->arrows, arrow);
}

static bool compose_edges(struct composer *c, struct err *err)
{
    struct graph *g = c->g;
    uint32_t *edges = malloc(((size_t)g->n_edges + 1) * sizeof *edges), n = 0;
    if (!edges)
        return err_nomem(err);
    for (uint32_t i = 0; i < g->n_edges; i++)
        if (!g->edges[i].is_dropped && g->nodes[g->edges[i].src].is_kept)
            edges[n++] = i;
    bool ok = graph_sort_edges(g, edges, n, err);
    for (uint32_t i = 0; ok && i < n; i++)
        compose_edge(c, &g->edges[edges[i]]);
    free(edges);
    return ok;
}

static bool has_callees(const struct graph *g, uint32_t node)
{
    for (uint32_t i = g->out_first[node]; i < g->out_first[node + 1]; i++)
        if (!g->edges[g->out_edges[i]].is_dropped)
            return true;
    return false;
}

static bool compose_all(struct composer *c, const struct report_trim *trim, struct err *err)
{
    const struct graph *g = c->g;
    int64_t max_flat = 0;
    c->box_of = ARENA_ARRAY(&c->g->arena, uint32_t, g->n_nodes);
    c->has_tags = ARENA_ARRAY(&c->g->arena, bool, g->n_nodes);
    if (!c->box_of || !c->has_tags)
        return err_nomem(err);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        c->box_of[i] = PICTURE_NONE;
    for (uint32_t i = 0; i < g->n_order; i++) {
        int64_t flat = unit_abs(graph_flat(&g->nodes[g->order[i]]));
        max_flat = flat > max_flat ? flat : max_flat;
    }
    compose_legend(c, trim);
    for (uint32_t i = 0; i < g->n_order && !c->failed; i++) {
        compose_node(c, g->order[i], i + 1, (double)max_flat);
        compose_tags(c, g->order[i], has_callees(g, g->order[i]));
    }
    return c->failed ? err_nomem(err) : compose_edges(c, err);
}

/* The lists become the picture's. */
static bool hand_over(struct composer *c, struct err *err)
{
    struct picture *p = c->picture;
    p->n_boxes = (uint32_t)c->boxes.n;
    p->n_arrows = (uint32_t)c->arrows.n;
    p->boxes = arena_adopt(&p->arena, (void **)&c->boxes.items, c->boxes.n, sizeof *p->boxes);
    p->arrows = arena_adopt(&p->arena, (void **)&c->arrows.items, c->arrows.n, sizeof *p->arrows);
    return (!c->failed && (p->boxes || !p->n_boxes) && (p->arrows || !p->n_arrows)) ||
           err_nomem(err);
}

bool compose_graph(struct picture *picture, const struct report_run *run, struct graph *g,
                   const struct node_tags *tags, const struct report_trim *trim, struct err *err)
{
    struct composer c = {.run = run, .g = g, .tags = tags, .picture = picture};
    *picture = (struct picture){0};
    bool ok = compose_all(&c, trim, err) && hand_over(&c, err);
    vec_release(&c.boxes);
    vec_release(&c.arrows);
    buf_release(&c.text);
    buf_release(&c.short_name);
    return ok;
}

bool compose_picture(struct picture *picture, const struct report_ops *ops,
                     const struct report_ctx *ctx, struct err *err)
{
    struct report_run run;
    struct graph g = {0};
    struct node_tags tags = {0};
    struct report_trim trim;
    *picture = (struct picture){0};
    bool ok = report_begin(&run, ops, ctx, err) &&
              report_build_graph(&run, REPORT_GRAPH_VISUAL, &g, &tags, &trim, err);
    if (ok) {
        report_select_unit(&run, &g);
        ok = compose_graph(picture, &run, &g, &tags, &trim, err);
    }
    node_tags_release(&tags);
    graph_release(&g);
    report_end(&run);
    return ok;
}
