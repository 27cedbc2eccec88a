#include "report/report_run.h"

#include "render/columns.h"
#include "xform/path.h"
#include "xform/unit.h"

#include <inttypes.h>
#include <math.h>
#include <time.h>

static void refine_options(struct report_options *o, const struct report_ops *ops)
{
    if (ops->granularity)
        o->granularity = ops->granularity;
    if (o->nodecount == -1)
        o->nodecount = ops->nodecount;
    if (!o->trim || (ops->flags & REPORT_UNTRIMMED)) {
        o->nodecount = 0;
        o->nodefraction = o->edgefraction = 0;
    }
}

/* Does a report look at samples for their labels alone, and are there none, nor an option that
 * looks at samples?  What is left to do is to look at the options. */
static bool needs_no_samples(const struct report_run *run, const struct report_ops *ops,
                             const struct profile *profile)
{
    return (ops->flags & REPORT_WITHOUT_STACKS) && !profile->label_first &&
           !report_options_need_stacks(&run->options) && !report_options_need_labels(&run->options);
}

static bool run_pipeline(struct report_run *run, const struct report_ops *ops,
                         const struct report_ctx *ctx, const struct pipeline_options *options,
                         struct err *err)
{
    if (needs_no_samples(run, ops, ctx->profile)) {
        run->bare = *ctx->profile;
        run->bare.n_samples = 0;
        return pipeline_run(&run->pipeline, &run->bare, options, ctx->diag, err);
    }
    if (!ctx->cache)
        return pipeline_run(&run->pipeline, ctx->profile, options, ctx->diag, err);
    run->cache = ctx->cache;
    run->shared = pipeline_cache_get(ctx->cache, options, ctx->diag, err);
    if (!run->shared)
        return false;
    run->pipeline = *run->shared;
    return pipeline_take_argument(&run->pipeline, options->argument, err);
}

bool report_begin(struct report_run *run, const struct report_ops *ops,
                  const struct report_ctx *ctx, struct err *err)
{
    *run = (struct report_run){.options = *ctx->options};
    struct report_options *o = &run->options;
    refine_options(o, ops);
    run->unit = o->unit ? o->unit : "";
    struct pipeline_options p = {
        .sample_index = o->sample_index,
        .focus = o->focus,
        .ignore = o->ignore,
        .hide = o->hide,
        .show = o->show,
        .show_from = o->show_from,
        .prune_from = o->prune_from,
        .tagfocus = o->tagfocus,
        .tagignore = o->tagignore,
        .tagshow = o->tagshow,
        .taghide = o->taghide,
        .tagroot = o->tagroot,
        .tagleaf = o->tagleaf,
        .unit = o->unit,
        .argument = ctx->regexp,
        .granularity = o->granularity,
        .noinlines = o->noinlines,
        .showcolumns = o->showcolumns,
        .mean = o->mean,
        .relative_percentages = o->relative_percentages,
    };
    if (o->divide_by == 0)
        return err_set(err, ERR_USAGE, "zero divisor specified");
    if (!run_pipeline(run, ops, ctx, &p, err))
        return false;
    unit_scaler_init(&run->scaler, run->pipeline.unit, run->unit);
    return true;
}

void report_end(struct report_run *run)
{
    if (!run->shared) {
        pipeline_release(&run->pipeline);
        return;
    }
    regex_free(run->pipeline.argument);
    pipeline_cache_put(run->cache, run->shared);
    run->shared = NULL;
}

void report_flame_options(const struct report_ctx *ctx, enum granularity granularity,
                          struct report_options *options)
{
    *options = *ctx->options;
    if (options->granularity == GRANULARITY_DEFAULT)
        options->granularity = granularity;
    if (options->mean)
        diag_add(ctx->diag, "means do not add up, so flame graphs show sums");
    options->mean = false;
}

double report_ratio(const struct report_run *run)
{
    double ratio = 1 / run->options.divide_by;
    return ratio > 0 ? ratio : 1;
}

int64_t report_divided(const struct report_run *run, int64_t value)
{
    double ratio = report_ratio(run);
    return ratio != 1 ? unit_to_int64((double)value * ratio) : value;
}

void report_value(const struct report_run *run, struct buf *out, int64_t value)
{
    value = report_divided(run, value);
    unit_scaler_print(&run->scaler, out, value);
}

void report_value_right(const struct report_run *run, struct buf *out, int64_t value, size_t width)
{
    size_t begin = out->len;
    report_value(run, out, value);
    struct str text = {buf_str(out) + begin, out->len - begin};
    size_t have = columns_width(text), n = have < width ? width - have : 0;
    if (!n || !buf_reserve(out, n))
        return;
    memmove(out->data + begin + n, out->data + begin, text.len + 1);
    memset(out->data + begin, ' ', n);
    out->len += n;
}

struct str report_title(const struct report_run *run)
{
    const struct profile *p = run->pipeline.view.profile;
    if (!p->n_mappings || !p->mappings[0].file)
        return STR("");
    return path_base(profile_str(p, p->mappings[0].file));
}

static int64_t share_of(int64_t total, double fraction)
{
    return unit_abs(unit_to_int64((double)total * fraction));
}

/* How many of the nodes make a picture of `max`, counting the boxes of their
 * tags, at most 4 each. */
static uint32_t count_visual(const struct graph *g, const struct node_tags *tags, uint32_t max)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->n_order; i++) {
        uint32_t n = node_tags_count_flat(tags, g->order[i]);
        count += 1 + (n < 4 ? n : 4);
        if (count >= max)
            return i + 1;
    }
    return max;
}

static bool build_edges(struct report_run *run, enum report_graph kind, struct graph *g,
                        struct err *err)
{
    const struct regex *re = kind == REPORT_GRAPH_EDGES ? run->pipeline.argument : NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; re && i < g->n_order; i++) {
        struct str label = graph_label(g, g->order[i]);
        if (!label.p)
            return err_nomem(err);
        bool matches = regex_match(re, label), is_more = run->most_asked && n >= run->most_asked;
        g->nodes[g->order[i]].is_asked = matches && !is_more;
        n += matches && !is_more;
        run->n_not_asked += matches && is_more;
    }
    return graph_build_edges(g,
                             re                           ? GRAPH_EDGES_ASKED
                             : kind == REPORT_GRAPH_NODES ? GRAPH_EDGES_INLINED
                                                          : GRAPH_EDGES_ALL,
                             err);
}

/* All edges, between fewer nodes, those of the largest cum, until they are not too many: half
 * as many nodes, and half again, but not less than are asked for. */
static bool build_all_edges(struct report_run *run, struct graph *g, struct err *err)
{
    uint32_t least = (uint32_t)(run->options.nodecount > 0 ? run->options.nodecount : 0);
    if (run->most_nodes && !g->parent) {
        if (g->n_order > run->most_nodes) {
            if (!graph_sort(g, GRAPH_ORDER_CUM_NAME, err))
                return false;
            graph_keep_first(g, run->most_nodes);
        }
        g->most_edges = run->most_edges;
    }
    for (;;) {
        if (!graph_build_edges(g, GRAPH_EDGES_ALL, err))
            return false;
        if (!g->has_too_many)
            return true;
        uint32_t n = g->n_order / 2;
        if (n <= least) {
            n = least;
            g->most_edges = 0;
        }
        if (!graph_sort(g, GRAPH_ORDER_CUM_NAME, err))
            return false;
        graph_keep_first(g, n);
    }
}

bool report_init_graph(const struct report_run *run, const struct graph_options *options,
                       struct graph *g, struct err *err)
{
    struct graph_options own = *options;
    bool is_cached = run->shared && !options->call_tree;
    if (is_cached)
        own.sums = pipeline_cache_sums(run->cache, run->shared, options);
    if (!graph_init(g, &run->pipeline.view, &own, err))
        return false;
    if (is_cached && !own.sums)
        pipeline_cache_keep(run->cache, run->shared, options, graph_sums_new(g, options));
    return true;
}

bool report_build_graph(struct report_run *run, enum report_graph kind, struct graph *g,
                        struct node_tags *tags, struct report_trim *trim, struct err *err)
{
    const struct report_options *o = &run->options;
    bool may_be_tree = kind == REPORT_GRAPH_VISUAL || kind == REPORT_GRAPH_OBJECTS;
    const struct graph_options options = {.obj_names = kind == REPORT_GRAPH_OBJECTS,
                                          .call_tree = o->call_tree && may_be_tree,
                                          .drop_negative = o->drop_negative,
                                          .trim_path = o->trim_path,
                                          .source_path = o->source_path};
    bool visual = kind == REPORT_GRAPH_VISUAL;
    enum graph_order order = visual                ? GRAPH_ORDER_ENTROPY
                             : o->sort == SORT_CUM ? GRAPH_ORDER_CUM_NAME
                                                   : GRAPH_ORDER_FLAT_NAME;
    *trim = (struct report_trim){0};
    if (tags)
        *tags = (struct node_tags){0};
    if (!report_init_graph(run, &options, g, err))
        return false;
    int64_t flat = graph_flat_sum(g);
    int64_t node_cutoff = share_of(flat, o->nodefraction);
    int64_t edge_cutoff = share_of(flat, o->edgefraction);
    if (node_cutoff > 0)
        trim->n_nodes_dropped = graph_keep_cum(g, node_cutoff);
    trim->n_nodes_before = g->n_order;
    if (visual && !build_all_edges(run, g, err))
        return false;
    if (!graph_sort(g, order, err))
        return false;
    if (visual) {
        if (!node_tags_init(tags, g, &run->pipeline.label_units, run->unit, err))
            return false;
        node_tags_drop(tags, g, node_cutoff);
    }
    if (o->nodecount > 0) {
        uint32_t n = (uint32_t)o->nodecount;
        if (visual) {
            graph_drop_edges(g, edge_cutoff);
            n = count_visual(g, tags, n);
        }
        if (graph_keep_first(g, n) && visual &&
            !(graph_build_edges(g, GRAPH_EDGES_ALL, err) && graph_sort(g, order, err)))
            return false;
    }
    if (!visual && kind != REPORT_GRAPH_OBJECTS && !build_edges(run, kind, g, err))
        return false;
    /* pprof tells of edges in pictures only, and of none that went before it found
     * that nodecount leaves all nodes. */
    uint32_t n_edges_dropped = graph_drop_edges(g, edge_cutoff);
    if (!visual)
        return true;
    trim->n_edges_dropped = n_edges_dropped;
    return graph_drop_redundant_edges(g, err);
}

void report_select_unit(struct report_run *run, const struct graph *g)
{
    const char *of = run->pipeline.unit, *min_unit, *max_unit;
    if (strcmp(run->unit, "minimum") != 0 || !g->n_order)
        return;
    int64_t min = 0, max = run->pipeline.total;
    for (uint32_t i = 0; i < g->n_nodes; i++) { /* as they lie in memory */
        const struct graph_node *node = &g->nodes[i];
        int64_t v = node->is_kept ? unit_abs(graph_flat(node)) : 0;
        if (!v && node->is_kept)
            v = unit_abs(graph_cum(node));
        if (v > 0 && (!min || v < min))
            min = v;
    }
    if (!min)
        min = max;
    min = report_divided(run, min);
    max = report_divided(run, max);
    unit_scale(min, of, "minimum", &min_unit);
    unit_scale(max, of, "minimum", &max_unit);
    int64_t min_100 = (int64_t)((uint64_t)min * 100);
    if (strcmp(min_unit, max_unit) != 0 && min_100 < max && !run->only_whole)
        unit_scale(min_100, of, "minimum", &min_unit); /* the smallest may show as 0.01 */
    run->unit = *min_unit ? min_unit : of;
    unit_scaler_init(&run->scaler, of, run->unit);
}

/* Lines are joined: a newline before each but the first, whose length is kept. */
struct joiner {
    struct buf *out;
    size_t begin, first_len;
    bool any;
};

static void next_line(struct joiner *j)
{
    if (j->any)
        buf_putc(j->out, '\n');
    j->any = true;
}

static void end_line(struct joiner *j)
{
    if (!j->first_len)
        j->first_len = j->out->len - j->begin;
}

static void add_text(struct joiner *j, const char *what, struct str text)
{
    next_line(j);
    buf_puts(j->out, what);
    buf_add(j->out, text.p, text.len);
    end_line(j);
}

static void add_time(struct joiner *j, int64_t time_nanos)
{
    time_t seconds = time_nanos / 1000000000 - (time_nanos % 1000000000 < 0);
    struct tm tm;
    char text[128] = "";
    if (localtime_r(&seconds, &tm))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %Z", &tm);
    add_text(j, "Time: ", str_of(text));
}

static void add_duration(struct joiner *j, const struct report_run *run, int64_t duration_nanos)
{
    int64_t total = run->pipeline.total;
    const char *unit;
    next_line(j);
    buf_puts(j->out, "Duration: ");
    unit_print(j->out, duration_nanos, "nanoseconds", "auto");
    buf_puts(j->out, ", Total samples = ");
    report_value(run, j->out, total);
    buf_putc(j->out, ' ');
    double nanos = unit_scale(total, run->pipeline.unit, "nanoseconds", &unit);
    if (!strcmp(unit, "ns") && nanos != 0) {
        buf_putc(j->out, '(');
        unit_print_percent(j->out, unit_to_int64(nanos), duration_nanos);
        buf_putc(j->out, ')');
    }
    end_line(j);
}

static void add_profile_lines(struct joiner *j, const struct report_run *run)
{
    const struct profile *p = run->pipeline.view.profile;
    if (p->n_mappings && p->mappings[0].file)
        add_text(j, "File: ", report_title(run));
    if (p->n_mappings && p->mappings[0].build_id)
        add_text(j, "Build ID: ", profile_str(p, p->mappings[0].build_id));
    for (uint32_t i = 0; i < p->n_comments; i++) {
        struct str comment = profile_str(p, p->comments[i]);
        if (!str_has_prefix(comment, STR("#")))
            add_text(j, "", comment);
    }
    if (*run->pipeline.type)
        add_text(j, "Type: ", str_of(run->pipeline.type));
    if (p->doc_url)
        add_text(j, "Doc: ", profile_str(p, p->doc_url));
    if (p->time_nanos)
        add_time(j, p->time_nanos);
    if (p->duration_nanos)
        add_duration(j, run, p->duration_nanos);
}

static void add_filters(struct joiner *j, const struct report_options *o)
{
    const char *const filters[][2] = {
        {"focus", o->focus},         {"ignore", o->ignore},       {"hide", o->hide},
        {"show", o->show},           {"show_from", o->show_from}, {"tagfocus", o->tagfocus},
        {"tagignore", o->tagignore}, {"tagshow", o->tagshow},     {"taghide", o->taghide}};
    bool any = false;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        if (!filters[i][1] || !*filters[i][1])
            continue;
        AUTO_BUF text = {0};
        buf_printf(&text, "%s=%s", filters[i][0], filters[i][1]);
        if (!any)
            add_text(j, "", STR("Active filters:"));
        any = true;
        bool is_long = text.len > 80;
        next_line(j);
        buf_puts(j->out, "   ");
        buf_add(j->out, buf_str(&text), is_long ? 80 : text.len);
        buf_puts(j->out, is_long ? "\u2026" : "");
        j->out->failed |= text.failed;
    }
}

static void add_dropped(struct joiner *j, const struct report_run *run, uint32_t n,
                        const char *what, const char *by, double fraction)
{
    if (!n)
        return;
    next_line(j);
    buf_printf(j->out, "Dropped %" PRIu32 " %s%s (%s <= ", n, what, n > 1 ? "s" : "", by);
    report_value(run, j->out, share_of(run->pipeline.total, fraction));
    buf_putc(j->out, ')');
}

size_t report_profile_lines(const struct report_run *run, struct buf *out)
{
    struct joiner j = {.out = out, .begin = out->len};
    add_profile_lines(&j, run);
    return j.first_len;
}

size_t report_graph_lines(const struct report_run *run, const struct graph *g,
                          const struct report_trim *trim, bool full, struct buf *out)
{
    const struct report_options *o = &run->options;
    struct joiner j = {.out = out, .begin = out->len};
    int64_t shown = graph_shown_sum(g), total = run->pipeline.total;
    if (full || !o->compact_labels)
        add_profile_lines(&j, run);
    add_filters(&j, o);
    next_line(&j);
    buf_puts(out, "Showing nodes accounting for ");
    report_value(run, out, shown);
    buf_puts(out, ", ");
    unit_print_percent_short(out, shown, total);
    buf_puts(out, " of ");
    report_value(run, out, total);
    buf_puts(out, " total");
    end_line(&j);
    if (total) {
        add_dropped(&j, run, trim->n_nodes_dropped, "node", "cum", o->nodefraction);
        add_dropped(&j, run, trim->n_edges_dropped, "edge", "freq", o->edgefraction);
        if (g->n_order && g->n_order < trim->n_nodes_before) {
            next_line(&j);
            buf_printf(out, "Showing top %" PRIu32 " nodes out of %" PRIu32, g->n_order,
                       trim->n_nodes_before);
        }
    }
    if (full)
        add_text(&j, "\n", STR("See https://git.io/JfYMW for how to read the graph"));
    return j.first_len;
}
