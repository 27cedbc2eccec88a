#include "page/page_flame.h"

#include "base/pool.h"
#include "base/regex.h"

#include <math.h>
#include <stdlib.h>

#define WIDTH 2000u /* of the picture, where the client does not say */
#define LEAST_WIDTH 200u
#define MOST_WIDTH 8000u
#define MOST_BOXES 18000u /* of both trees: what is sent is then below 300 KB */

/* Nothing is left out but what is too small to see. */
static const struct report_ops flame_ops = {.name = "flamegraph", .flags = REPORT_UNTRIMMED};

static bool is_set(const char *text)
{
    return text && *text;
}

/* What the base's values are multiplied by to be of the profile's unit. */
static bool find_ratio(const struct page_flame *f, double *ratio, struct err *err)
{
    const char *from = f->base_run.pipeline.unit, *to = f->run.pipeline.unit, *got;
    *ratio = 1;
    if (!strcmp(from, to))
        return true;
    int64_t probe = INT64_C(1) << 52;
    *ratio = unit_scale(probe, from, to, &got) / (double)probe;
    const char *same;
    unit_scale(probe, to, to, &same);
    return !strcmp(got, same) ||
           err_set(err, ERR_USAGE, "values in %s cannot be compared with values in %s", to, from);
}

static bool begin_base(struct page_flame *f, const struct page_ctx *ctx,
                       const struct page_moment *base, const struct graph_options *graph_options,
                       struct err *err)
{
    struct report_ctx own = ctx->report;
    own.profile = base->profile;
    own.cache = base->cache;
    /* The same type, whichever is the base's own default. */
    struct report_options options = f->options;
    const struct profile *p = ctx->report.profile;
    options.sample_index = profile_cstr(p, p->types[f->run.pipeline.view.type].type);
    own.options = &options;
    return report_begin(&f->base_run, &flame_ops, &own, err) &&
           report_init_graph(&f->base_run, graph_options, &f->base_graph, err);
}

static bool init_places(struct page_flame *f, struct err *err)
{
    struct graph *base = f->base_graph.view ? &f->base_graph : NULL;
    return places_init(&f->places, &f->graph, base, f->ratio, err);
}

bool page_flame_begin(struct page_flame *f, const struct page_ctx *ctx,
                      enum granularity granularity, const struct page_moment *base, struct err *err)
{
    *f = (struct page_flame){0};
    report_flame_options(&ctx->report, granularity, &f->options);
    struct report_ctx own = ctx->report;
    own.options = &f->options;
    const struct graph_options graph_options = {.flat_only = true,
                                                .trim_path = f->options.trim_path,
                                                .source_path = f->options.source_path};
    f->ratio = 1;
    if (!report_begin(&f->run, &flame_ops, &own, err) ||
        !report_init_graph(&f->run, &graph_options, &f->graph, err))
        return false;
    if (base && (!begin_base(f, ctx, base, &graph_options, err) || !find_ratio(f, &f->ratio, err)))
        return false;
    report_select_unit(&f->run, &f->graph);
    return init_places(f, err);
}

/* Does a frame match: by its name, with its line where it has one, or by its file? */
static bool matches(const struct places *p, uint32_t frame, const struct regex *re,
                    struct buf *text)
{
    uint32_t node;
    const struct graph *g = places_graph(p, frame, &node);
    const struct graph_info *info = &g->nodes[node].info;
    struct str name = flame_data_name(p, frame);
    if (regex_match(re, name) || regex_match(re, graph_file(g, node)))
        return true;
    if (!info->line || !info->name)
        return false;
    buf_clear(text);
    buf_add(text, name.p, name.len);
    buf_printf(text, ":%lld", (long long)info->line);
    return regex_match(re, (struct str){buf_str(text), text->len});
}

/* The frames that an expression matches, by frame; the caller frees them. */
static uint8_t *mark(const struct places *p, const char *what, const char *pattern, struct err *err)
{
    AUTO_BUF text = {0};
    struct regex *re = regex_new(pattern, err);
    if (!re) {
        err_wrap(err, "parsing %s regexp", what);
        return NULL;
    }
    uint8_t *marks = malloc((size_t)p->n_frames + 1);
    for (uint32_t i = 0; marks && i < p->n_frames; i++)
        marks[i] = matches(p, i, re, &text);
    regex_free(re);
    if (!marks || text.failed) {
        free(marks);
        err_nomem(err);
        return NULL;
    }
    return marks;
}

bool page_flame_find(struct page_flame *f, const struct page_ctx *ctx, struct err *err)
{
    bool ok = true;
    if (is_set(ctx->search)) {
        uint8_t *marks = mark(&f->places, "search", ctx->search, err);
        ok = marks && places_find(&f->places, marks, &f->search, err);
        free(marks);
    }
    if (!ok || !is_set(ctx->pivot))
        return ok;
    f->marks = mark(&f->places, "pivot", ctx->pivot, err);
    ok = f->marks && places_pivot(&f->places, f->marks, &f->pivot, err);
    f->is_pivoted = ok && f->pivot.n_frames > 0;
    if (!ok || f->is_pivoted)
        return ok;
    if (ctx->report.diag)
        diag_add(ctx->report.diag, "Pivot expression matched no samples");
    places_release(&f->places); /* all samples again */
    return init_places(f, err);
}

/* The smallest value that has a box: half a dot wide. */
static int64_t smallest(const struct page_flame *f, unsigned width)
{
    int64_t before, total = places_total(&f->places, &before);
    if (!width)
        width = WIDTH;
    width = width < LEAST_WIDTH ? LEAST_WIDTH : width > MOST_WIDTH ? MOST_WIDTH : width;
    return unit_to_int64(ceil((double)total / (2.0 * width)));
}

/* Growing both trees, each by a thread. */
struct growth {
    const struct places *places;
    struct calltree_options options;
    struct calltree *tree;
    struct err err;
    bool ok;
};

static void grow(void *arg, size_t which)
{
    struct growth *g = (struct growth *)arg + which;
    g->ok = calltree_grow(g->tree, g->places, &g->options, &g->err);
}

bool page_flame_grow(struct page_flame *f, const struct page_ctx *ctx, struct err *err)
{
    bool is_both = f->is_pivoted || f->is_sandwich;
    struct growth growths[2] = {{.places = &f->places, .tree = &f->callees},
                                {.places = &f->places, .tree = &f->callers}};
    struct calltree_options *o = &growths[0].options;
    o->root = f->is_pivoted && f->pivot.n_outermost == 1 ? f->pivot.outermost : GRAPH_NONE;
    o->over_root = o->root != GRAPH_NONE;
    if (is_set(ctx->zoom)) {
        if (!calltree_zoom(&f->places, o->root, ctx->zoom, &f->zoom, err))
            return false;
        o->root = f->zoom.frames.items[--f->zoom.frames.n];
        o->over_root = false;
        o->root_inlined = f->zoom.is_inlined;
        is_both = false;
    }
    o->max_nodes = is_both ? MOST_BOXES / 2 : MOST_BOXES;
    o->min_cum = smallest(f, ctx->width);
    growths[1].options = *o;
    growths[1].options.outwards = true;
    pool_run(is_both ? 2 : 1, 0, grow, growths);
    for (int i = 0; i <= is_both; i++) {
        if (!growths[i].ok) {
            *err = growths[i].err;
            return false;
        }
    }
    return flame_data_init(&f->data, &f->places, err) &&
           flame_data_use(&f->data, &f->callees, err) && flame_data_use(&f->data, &f->callers, err);
}

static void write_pivot(const struct page_flame *f, const struct page_ctx *ctx, struct json *j)
{
    json_key(j, "pivot");
    if (!is_set(ctx->pivot)) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_member(j, "text", str_of(ctx->pivot));
    json_member_int(j, "functions", f->pivot.n_frames);
    json_member_int(j, "value", f->pivot.value);
    json_close(j, '}');
}

static void write_zoom(const struct page_flame *f, const struct page_ctx *ctx, struct json *j)
{
    json_key(j, "zoom");
    if (!is_set(ctx->zoom)) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_member(j, "path", str_of(ctx->zoom));
    json_key(j, "names");
    json_open(j, '[');
    for (size_t i = 0; i < f->zoom.frames.n; i++)
        json_string(j, flame_data_name(&f->places, f->zoom.frames.items[i]));
    json_close(j, ']');
    json_close(j, '}');
}

static void write_search(const struct page_flame *f, const struct page_ctx *ctx, struct json *j)
{
    json_key(j, "search");
    if (!is_set(ctx->search)) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_member_int(j, "functions", f->search.n_frames);
    json_member_int(j, "value", f->search.value);
    json_close(j, '}');
}

bool page_flame_write_trees(struct page_flame *f, const char *callees, const char *callers,
                            struct json *j, struct err *err)
{
    json_key(j, "frames");
    if (!flame_data_write_frames(&f->data, j, err))
        return false;
    json_key(j, callees);
    flame_data_write_tree(&f->data, &f->callees, j);
    json_key(j, callers);
    if (f->callers.nodes)
        flame_data_write_tree(&f->data, &f->callers, j);
    else
        json_null(j);
    return true;
}

bool page_flame_write(struct page_flame *f, const struct page_ctx *ctx, struct json *j,
                      struct err *err)
{
    const struct report_trim trim = {.n_nodes_before = f->graph.n_order};
    if (!page_head(j, &f->run, &f->graph, &trim, err) ||
        !page_flame_write_trees(f, "callees", "callers", j, err))
        return false;
    write_pivot(f, ctx, j);
    write_zoom(f, ctx, j);
    write_search(f, ctx, j);
    json_member_int(j, "smallest", f->callees.min_cum);
    return true;
}

void page_flame_end(struct page_flame *f)
{
    free(f->marks);
    flame_data_release(&f->data);
    calltree_release(&f->callees);
    calltree_release(&f->callers);
    calltree_path_release(&f->zoom);
    places_release(&f->places);
    graph_release(&f->graph);
    graph_release(&f->base_graph);
    report_end(&f->run);
    report_end(&f->base_run);
}
