/* graph: the call graph as a picture that is laid out here; the page only draws it. */
#include "page/page_common.h"
#include "render/drawing.h"
#include "report/answer.h"
#include "report/compose.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* More is not laid out, whatever the options say: nobody could read it. */
#define MOST_NODES 1000
#define MOST_ARROWS 1000
/* The nodes are chosen by their edges, of so many, the largest. */
#define MOST_CANDIDATES 3000
#define MANY_FRAMES 4000000 /* with more in the profile, all takes longer, and there are fewer */
#define MOST_CANDIDATES_OF_MANY 750
#define MOST_EDGES (1u << 17) /* of those; if they have more, there are fewer as well */

static void write_number(struct json *j, const char *key, double v)
{
    json_key(j, key);
    json_decimal(j, llround(v * 100), 2);
}

static void write_color(struct json *j, const char *key, uint32_t color)
{
    char text[16];
    snprintf(text, sizeof text, "#%06" PRIx32, color);
    json_member(j, key, str_of(text));
}

static void write_lines(struct json *j, const char *key, const struct drawing_lines *lines)
{
    json_key(j, key);
    json_open(j, '[');
    for (uint32_t i = 0; i < lines->n; i++)
        json_string(j, lines->lines[i].text);
    json_close(j, ']');
}

/* A text in DOT's notation.  False when memory runs out. */
static bool write_plain(struct json *j, const char *key, struct str text)
{
    AUTO_ARENA arena = {0};
    const char *plain = drawing_plain(&arena, text);
    if (plain)
        json_member(j, key, str_of(plain));
    return plain != NULL;
}

static bool write_box(struct json *j, const struct drawing *d, uint32_t i)
{
    const struct picture_box *box = &d->picture->boxes[i];
    const struct layout_box *place = &d->layout.boxes[i];
    json_open(j, '{');
    json_member(j, "id", str_of(box->id));
    write_number(j, "x", place->x - place->width / 2);
    write_number(j, "y", place->y - place->height / 2);
    write_number(j, "width", place->width);
    write_number(j, "height", place->height);
    json_member_int(j, "font", box->font_size);
    write_color(j, "color", box->color);
    write_color(j, "fill", box->fill);
    write_lines(j, "lines", &d->box_texts[i]);
    bool ok = write_plain(j, "tooltip", box->tooltip);
    json_member_bool(j, "tag", box->is_tag);
    json_member(j, "name", box->function);
    json_close(j, '}');
    return ok;
}

static bool write_arrow(struct json *j, const struct drawing *d, uint32_t i, struct buf *text)
{
    const struct picture_arrow *arrow = &d->picture->arrows[d->arrow_of[i]];
    const struct layout_arrow *place = &d->layout.arrows[i];
    const struct drawing_lines *label = &d->arrow_texts[i];
    struct layout_point head[3];
    json_open(j, '{');
    json_member_int(j, "from", arrow->from);
    json_member_int(j, "to", arrow->to);
    buf_clear(text);
    drawing_path(place, text);
    json_member(j, "path", (struct str){buf_str(text), text->len});
    buf_clear(text);
    drawing_head(place, head);
    for (int k = 0; k < 3; k++) {
        buf_puts(text, k ? " " : "");
        drawing_point(head[k], text);
    }
    json_member(j, "head", (struct str){buf_str(text), text->len});
    write_color(j, "color", arrow->color);
    json_member_int(j, "width", arrow->width);
    json_member_bool(j, "dotted", arrow->is_dotted);
    write_lines(j, "label", label);
    write_number(j, "x", label->n ? label->lines[0].x : place->label_x);
    write_number(j, "y", label->n ? label->lines[0].y : place->label_y);
    bool ok = write_plain(j, "tooltip", arrow->tooltip);
    json_close(j, '}');
    return ok && !text->failed;
}

static bool write_drawing(struct json *j, const struct drawing *d)
{
    AUTO_BUF text = {0};
    bool ok = true;
    write_number(j, "width", d->width);
    write_number(j, "height", d->height);
    json_key(j, "boxes");
    json_open(j, '[');
    for (uint32_t i = 0; ok && i < d->layout.n_boxes; i++)
        ok = write_box(j, d, i);
    json_close(j, ']');
    json_key(j, "arrows");
    json_open(j, '[');
    for (uint32_t i = 0; ok && i < d->layout.n_arrows; i++)
        ok = write_arrow(j, d, i, &text);
    json_close(j, ']');
    return ok;
}

/* The page has the legend beside the picture. */
static bool draw(struct json *j, struct report_run *run, struct graph *g,
                 const struct node_tags *tags, const struct report_trim *trim, struct err *err)
{
    struct picture picture;
    struct drawing drawing = {0};
    bool ok = compose_graph(&picture, run, g, tags, trim, err);
    picture.legend = STR("");
    ok = ok && drawing_init(&drawing, &picture, err) &&
         (write_drawing(j, &drawing) || err_nomem(err));
    drawing_release(&drawing);
    arena_release(&picture.arena);
    return ok;
}

/* Leave the heaviest edges. */
static bool limit_edges(struct graph *g, struct diag *diag, struct err *err)
{
    uint32_t *edges = malloc(((size_t)g->n_edges + 1) * sizeof *edges), n = 0;
    if (!edges)
        return err_nomem(err);
    for (uint32_t i = 0; i < g->n_edges; i++)
        if (!g->edges[i].is_dropped)
            edges[n++] = i;
    bool ok = n <= MOST_ARROWS || graph_sort_edges(g, edges, n, err);
    for (uint32_t i = MOST_ARROWS; ok && i < n; i++)
        g->edges[edges[i]].is_dropped = true;
    if (ok && n > MOST_ARROWS)
        diag_add(diag, "the %d arrows with the largest values are shown, of %" PRIu32, MOST_ARROWS,
                 n);
    free(edges);
    return ok;
}

static bool has_many_frames(const struct view *view)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < view->n_samples; i++)
        n += view->samples[i].n_locs;
    return n > MANY_FRAMES;
}

static bool write_graph(const struct page_ctx *ctx, struct json *j, struct err *err)
{
    struct report_run run;
    struct graph g = {0};
    struct node_tags tags = {0};
    struct report_trim trim;
    bool ok = report_begin(&run, &report_svg, &ctx->report, err);
    if (run.options.nodecount < 1 || run.options.nodecount > MOST_NODES)
        run.options.nodecount = MOST_NODES;
    run.most_nodes =
        ok && has_many_frames(&run.pipeline.view) ? MOST_CANDIDATES_OF_MANY : MOST_CANDIDATES;
    run.most_edges = MOST_EDGES;
    ok = ok && report_build_graph(&run, REPORT_GRAPH_VISUAL, &g, &tags, &trim, err) &&
         limit_edges(&g, ctx->report.diag, err);
    if (ok) {
        report_select_unit(&run, &g);
        ok = answer_head(j, &run, &g, &trim, true, err) && draw(j, &run, &g, &tags, &trim, err);
    }
    node_tags_release(&tags);
    graph_release(&g);
    report_end(&run);
    return ok;
}

const struct page_ops page_graph = {
    .name = "graph",
    .title = "Graph",
    .help = "Functions as boxes, calls as arrows between them",
    .key = 'g',
    .write = write_graph,
};
