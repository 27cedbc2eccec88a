/* timeline: values over time: of the samples of a profile that have a time, or of several
 * moments, a line for each of the largest functions. */
#include "base/intern.h"
#include "base/map.h"
#include "base/regex.h"
#include "base/vec.h"
#include "page/page_common.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LINES 12
#define MOST_KEYS 50
#define MOST_BINS 400
#define NORMAL_BINS 200
#define EPOCH_SECONDS 1e8 /* what is less is not since 1970 */

/* One of what lines are drawn of: a function, or a value of a label. */
struct group {
    struct str name;
    int64_t weight; /* what it is chosen by */
    uint32_t id;
};

static int64_t add_wrapping(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* Largest first; no sign is larger than the other. */
static int by_weight(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    uint64_t l = x->weight < 0 ? 0 - (uint64_t)x->weight : (uint64_t)x->weight;
    uint64_t r = y->weight < 0 ? 0 - (uint64_t)y->weight : (uint64_t)y->weight;
    return l != r ? (l < r) - (l > r) : str_cmp(x->name, y->name);
}

static void write_line(struct json *j, struct str name, const int64_t *values, size_t n)
{
    json_open(j, '{');
    json_member(j, "name", name);
    json_key(j, "values");
    json_open(j, '[');
    for (size_t i = 0; i < n; i++)
        json_int(j, values[i]);
    json_close(j, ']');
    json_close(j, '}');
}

/* --- the samples of one profile --- */

/* The label that says when a sample was taken. */
struct clock {
    uint32_t key;      /* string */
    const char *unit;  /* that ranges of tagfocus have it in; "" where it is not known */
    double per_second; /* of its values */
};

static bool is_used(const struct profile *p, uint32_t key)
{
    for (uint64_t i = 0, n = p->label_first[p->n_samples]; i < n; i++)
        if (p->labels[i].key == key && p->labels[i].is_num)
            return true;
    return false;
}

static bool find_clock(const struct profile *p, uint32_t *key)
{
    static const char *const names[] = {"timestamp", "timestamp_ns", "end_timestamp_ns", "time"};
    for (size_t i = 0; p->label_first && i < sizeof names / sizeof *names; i++) {
        *key = profile_find_string(p, str_of(names[i]));
        if (*key != PROFILE_NONE && is_used(p, *key))
            return true;
    }
    return false;
}

/* Without a unit that can be converted, it is nanoseconds. */
static struct clock make_clock(const struct report_run *run, uint32_t key)
{
    struct clock clock = {.key = key, .unit = "", .per_second = 1e9};
    const char *unit = label_units_get(&run->pipeline.label_units, key), *name;
    double factor;
    for (size_t i = 0; unit_step(unit, i, &name, &factor); i++)
        if (!strcmp(name, "s")) {
            clock.unit = unit;
            clock.per_second = factor;
        }
    return clock;
}

/* A sample that has a time. */
struct point {
    int64_t time, value, divisor;
    uint32_t group;
};

struct collector {
    const struct page_ctx *ctx;
    const struct report_run *run;
    struct graph graph;
    struct clock clock;
    struct regex *pivot;
    uint8_t *is_pivot;    /* [n_nodes] where there is one */
    uint32_t by;          /* string; PROFILE_NONE: functions */
    struct arena arena;   /* of texts */
    struct intern values; /* of the label `by` */
    struct buf text;
    VEC(struct point) points;
    VEC(struct group) groups;
    uint32_t *group_of_node; /* [n_nodes] */
    size_t n_without;        /* samples that have no time */
};

static bool match_pivot(struct collector *c, struct err *err)
{
    const struct graph *g = &c->graph;
    c->pivot = regex_new(c->ctx->pivot, err);
    if (!c->pivot)
        return err_wrap(err, "parsing p regexp %s", c->ctx->pivot);
    c->is_pivot = calloc((size_t)g->n_nodes + 1, 1);
    for (uint32_t i = 0; c->is_pivot && i < g->n_nodes; i++)
        c->is_pivot[i] = regex_match(c->pivot, graph_name(g, i));
    return c->is_pivot || err_nomem(err);
}

static bool has_pivot(const struct collector *c, const struct view_sample *s)
{
    const struct graph *g = &c->graph;
    for (uint32_t i = 0; c->is_pivot && i < s->n_locs; i++)
        for (uint32_t k = g->frame_first[s->locs[i]]; k < g->frame_first[s->locs[i] + 1]; k++)
            if (c->is_pivot[g->frames[k] & ~GRAPH_FRAME_INLINED])
                return true;
    return !c->is_pivot;
}

/* The group of a value of the label `by`, of the first that the sample has; INTERN_NONE when
 * memory runs out. */
static uint32_t group_of_label(struct collector *c, const struct profile_label *labels, size_t n)
{
    const struct profile *p = c->run->pipeline.view.profile;
    struct str text = STR("none");
    for (size_t i = 0; i < n; i++) {
        if (labels[i].key != c->by)
            continue;
        text = profile_str(p, labels[i].str);
        if (labels[i].is_num) {
            buf_clear(&c->text);
            unit_print(&c->text, labels[i].num,
                       label_units_get(&c->run->pipeline.label_units, c->by), "auto");
            text = (struct str){buf_str(&c->text), c->text.len};
        }
        break;
    }
    uint32_t id = c->text.failed ? INTERN_NONE : intern_add(&c->values, text);
    if (id != INTERN_NONE && id == c->groups.n &&
        !vec_push(&c->groups, (struct group){c->values.strings[id], 0, id}))
        return INTERN_NONE;
    return id;
}

static uint32_t group_of_function(struct collector *c, uint32_t node)
{
    uint32_t *group = &c->group_of_node[node];
    if (*group)
        return *group - 1;
    struct str name = graph_label(&c->graph, node);
    uint32_t id = (uint32_t)c->groups.n;
    if (!name.p || !vec_push(&c->groups, (struct group){name, 0, id}))
        return INTERN_NONE;
    *group = id + 1;
    return id;
}

/* False when memory runs out. */
static bool add_sample(struct collector *c, const struct view_sample *s)
{
    const struct view *v = &c->run->pipeline.view;
    const struct profile *p = v->profile;
    const struct profile_label *labels = p->labels + p->label_first[s->sample];
    size_t n = (size_t)(p->label_first[s->sample + 1] - p->label_first[s->sample]), at = 0;
    uint32_t leaf = graph_leaf(&c->graph, s);
    struct point point = {.value = view_value(v, s), .divisor = view_divisor(v, s)};
    while (at < n && !(labels[at].is_num && labels[at].key == c->clock.key))
        at++;
    c->n_without += at == n;
    if (at == n || !point.value || leaf == GRAPH_NONE || !has_pivot(c, s))
        return true;
    point.time = labels[at].num;
    point.group = c->by == PROFILE_NONE ? group_of_function(c, leaf) : group_of_label(c, labels, n);
    if (point.group == INTERN_NONE)
        return false;
    struct group *group = &c->groups.items[point.group];
    group->weight = add_wrapping(group->weight, point.value);
    return vec_push(&c->points, point);
}

static bool collect(struct collector *c, struct err *err)
{
    const struct view *v = &c->run->pipeline.view;
    const struct graph_options options = {.trim_path = c->run->options.trim_path,
                                          .source_path = c->run->options.source_path};
    if (!report_init_graph(c->run, &options, &c->graph, err) ||
        (c->ctx->pivot && *c->ctx->pivot && !match_pivot(c, err)))
        return false;
    c->group_of_node = calloc((size_t)c->graph.n_nodes + 1, sizeof *c->group_of_node);
    if (!c->group_of_node || !intern_init(&c->values, &c->arena))
        return err_nomem(err);
    if (c->by != PROFILE_NONE && !vec_push(&c->groups, (struct group){STR(""), 0, 0}))
        return err_nomem(err); /* the first text of every intern */
    for (uint32_t i = 0; i < v->n_samples; i++)
        if (!add_sample(c, &v->samples[i]))
            return err_nomem(err);
    return true;
}

/* Equal steps from the first time to the last. */
struct bins {
    int64_t first;
    uint64_t step;
    size_t n;
};

static struct bins make_bins(const struct collector *c)
{
    size_t most = c->ctx->width ? c->ctx->width / 2 : NORMAL_BINS;
    most = most < 1 ? 1 : most > MOST_BINS ? MOST_BINS : most;
    if (!c->points.n)
        return (struct bins){0, 1, 0};
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < c->points.n; i++) {
        int64_t time = c->points.items[i].time;
        first = time < first ? time : first;
        last = time > last ? time : last;
    }
    uint64_t span = (uint64_t)last - (uint64_t)first, step = span / most + 1;
    return (struct bins){first, step, (size_t)(span / step) + 1};
}

static void write_clock(const struct collector *c, const struct bins *bins, struct json *j)
{
    const struct profile *p = c->run->pipeline.view.profile;
    double per_second = c->clock.per_second, first = (double)bins->first;
    bool is_relative = first / per_second < EPOCH_SECONDS;
    double zero = is_relative ? first : 0;
    json_key(j, "times");
    json_open(j, '[');
    for (size_t i = 0; i < bins->n; i++)
        json_double(j, (first - zero + (double)bins->step * (double)i) / per_second);
    json_close(j, ']');
    json_member_bool(j, "relative", is_relative);
    json_key(j, "label");
    json_open(j, '{');
    json_member(j, "key", profile_str(p, c->clock.key));
    json_member(j, "unit", str_of(c->clock.unit));
    json_member_double(j, "zero", zero);
    json_member_double(j, "factor", per_second);
    json_close(j, '}');
}

/* The values of line `line` in each bin; line_of says which one a group is. */
static void sum_line(const struct collector *c, const struct bins *bins, const uint8_t *line_of,
                     uint8_t line, int64_t *values, int64_t *divisors)
{
    memset(values, 0, bins->n * sizeof *values);
    memset(divisors, 0, bins->n * sizeof *divisors);
    for (size_t i = 0; i < c->points.n; i++) {
        const struct point *point = &c->points.items[i];
        if (line_of[point->group] != line)
            continue;
        size_t bin = (size_t)(((uint64_t)point->time - (uint64_t)bins->first) / bins->step);
        values[bin] = add_wrapping(values[bin], point->value);
        divisors[bin] = add_wrapping(divisors[bin], point->divisor);
    }
    for (size_t i = 0; i < bins->n; i++)
        values[i] = view_mean(values[i], divisors[i]);
}

static bool write_lines(struct collector *c, const struct bins *bins, struct json *j)
{
    size_t n = c->groups.n, n_lines = 0, n_all;
    uint8_t *line_of = malloc(n + 1);
    int64_t *values = malloc((bins->n + 1) * sizeof *values);
    int64_t *divisors = malloc((bins->n + 1) * sizeof *divisors);
    bool ok = line_of && values && divisors;
    json_key(j, "series");
    json_open(j, '[');
    if (ok && n)
        qsort(c->groups.items, n, sizeof *c->groups.items, by_weight);
    while (n_lines < n && n_lines < MOST_LINES && c->groups.items[n_lines].weight)
        n_lines++;
    n_all = n_lines + (n_lines < n && c->groups.items[n_lines].weight);
    for (size_t i = 0; ok && i < n; i++)
        line_of[c->groups.items[i].id] = (uint8_t)(i < n_lines ? i : n_lines);
    for (size_t i = 0; ok && i < n_all; i++) {
        sum_line(c, bins, line_of, (uint8_t)i, values, divisors);
        write_line(j, i < n_lines ? c->groups.items[i].name : STR("others"), values, bins->n);
    }
    json_close(j, ']');
    free(line_of);
    free(values);
    free(divisors);
    return ok;
}

static void collector_release(struct collector *c)
{
    graph_release(&c->graph);
    regex_free(c->pivot);
    free(c->is_pivot);
    free(c->group_of_node);
    intern_release(&c->values);
    arena_release(&c->arena);
    buf_release(&c->text);
    vec_release(&c->points);
    vec_release(&c->groups);
}

/* "keys": labels with texts, by which lines can be made; a few, in the order of the profile. */
static bool write_keys(const struct report_run *run, struct json *j)
{
    const struct view *view = &run->pipeline.view;
    const struct profile *p = view->profile;
    uint8_t *seen = calloc((size_t)p->n_strings + 1, 1);
    uint64_t n_labels = p->label_first ? p->label_first[p->n_samples] : 0;
    json_key(j, "keys");
    json_open(j, '[');
    for (uint64_t i = 0, n = 0; seen && i < n_labels && n < MOST_KEYS; i++) {
        uint32_t key = p->labels[i].key;
        if (p->labels[i].is_num || seen[key] || !view_shows_key(view, key))
            continue;
        seen[key] = 1;
        json_string(j, profile_str(p, key));
        n++;
    }
    json_close(j, ']');
    free(seen);
    return seen != NULL;
}

static void write_nothing(struct json *j)
{
    json_key(j, "times");
    json_open(j, '[');
    json_close(j, ']');
    json_member_bool(j, "relative", true);
    json_key(j, "label");
    json_null(j);
    json_key(j, "series");
    json_open(j, '[');
    json_close(j, ']');
}

static bool write_samples(const struct page_ctx *ctx, struct report_run *run, struct json *j,
                          struct err *err)
{
    struct collector c = {.ctx = ctx, .run = run, .by = PROFILE_NONE};
    uint32_t key;
    if (!write_keys(run, j))
        return err_nomem(err);
    json_member(j, "mode", STR("samples"));
    json_key(j, "names");
    json_open(j, '[');
    json_close(j, ']');
    if (ctx->by && *ctx->by)
        c.by = profile_find_string(ctx->report.profile, str_of(ctx->by));
    if (!find_clock(ctx->report.profile, &key)) {
        write_nothing(j);
        return true;
    }
    c.clock = make_clock(run, key);
    bool ok = collect(&c, err);
    if (ok) {
        struct bins bins = make_bins(&c);
        write_clock(&c, &bins, j);
        ok = write_lines(&c, &bins, j) || err_nomem(err);
    }
    if (ok && c.n_without)
        diag_add(ctx->report.diag, "%zu samples have no time, and are not shown", c.n_without);
    collector_release(&c);
    return ok;
}

/* --- several moments --- */

struct comparison {
    const struct page_ctx *ctx;
    struct arena arena;
    struct intern names;
    VEC(struct group) groups; /* by id of names */
    VEC(int64_t) values;      /* [group][moment] */
};

/* The values of a name, new if need be; NULL when memory runs out. */
static int64_t *find_values(struct comparison *c, struct str name)
{
    size_t n = c->ctx->n_moments;
    uint32_t id = name.p ? intern_add(&c->names, name) : INTERN_NONE;
    if (id == INTERN_NONE)
        return NULL;
    while (c->groups.n <= id) { /* "" is the first text of every intern */
        uint32_t new = (uint32_t)c->groups.n;
        if (!vec_push(&c->groups, (struct group){c->names.strings[new], 0, new}))
            return NULL;
        for (size_t i = 0; i < n; i++)
            if (!vec_push(&c->values, 0))
                return NULL;
    }
    return c->values.items + (size_t)id * n;
}

/* The values of a moment's functions, as its own -top has them. */
static bool add_moment(struct comparison *c, size_t at, struct err *err)
{
    struct report_ctx own = c->ctx->report;
    struct report_run run;
    struct graph g = {0};
    own.profile = c->ctx->moments[at].profile;
    own.cache = c->ctx->moments[at].cache;
    own.regexp = NULL;
    bool ok = report_begin(&run, &report_top, &own, err);
    const struct graph_options options = {.trim_path = run.options.trim_path,
                                          .source_path = run.options.source_path};
    ok = ok && report_init_graph(&run, &options, &g, err);
    for (uint32_t i = 0; ok && i < g.n_order; i++) {
        const struct graph_node *node = &g.nodes[g.order[i]];
        int64_t *values = find_values(c, graph_label(&g, g.order[i]));
        int64_t value = run.options.sort == SORT_CUM ? graph_cum(node) : graph_flat(node);
        if (!values) {
            ok = err_nomem(err);
            break;
        }
        values[at] = add_wrapping(values[at], value);
    }
    graph_release(&g);
    report_end(&run);
    return ok;
}

static void weigh(struct comparison *c)
{
    size_t n = c->ctx->n_moments;
    for (size_t i = 0; i < c->groups.n; i++) {
        struct group *group = &c->groups.items[i];
        const int64_t *values = c->values.items + (size_t)group->id * n;
        for (size_t k = 0; k < n; k++)
            if (unit_abs(values[k]) > group->weight)
                group->weight = unit_abs(values[k]);
    }
    if (c->groups.n)
        qsort(c->groups.items, c->groups.n, sizeof *c->groups.items, by_weight);
}

static void write_moments(const struct comparison *c, struct json *j)
{
    const struct page_ctx *ctx = c->ctx;
    json_key(j, "keys");
    json_open(j, '[');
    json_close(j, ']');
    json_member(j, "mode", STR("sources"));
    json_key(j, "times");
    json_open(j, '[');
    for (size_t i = 0; i < ctx->n_moments; i++)
        json_double(j, (double)ctx->moments[i].time_nanos / 1e9);
    json_close(j, ']');
    json_member_bool(j, "relative", false);
    json_key(j, "names");
    json_open(j, '[');
    for (size_t i = 0; i < ctx->n_moments; i++)
        json_string(j, str_of(ctx->moments[i].name));
    json_close(j, ']');
    json_key(j, "label");
    json_null(j);
    json_key(j, "series");
    json_open(j, '[');
    for (size_t i = 0; i < c->groups.n && i < MOST_LINES && c->groups.items[i].weight; i++)
        write_line(j, c->groups.items[i].name,
                   c->values.items + (size_t)c->groups.items[i].id * ctx->n_moments,
                   ctx->n_moments);
    json_close(j, ']');
}

static bool write_sources(const struct page_ctx *ctx, struct json *j, struct err *err)
{
    struct comparison c = {.ctx = ctx};
    bool ok = intern_init(&c.names, &c.arena) || err_nomem(err);
    for (size_t i = 0; ok && i < ctx->n_moments; i++)
        ok = add_moment(&c, i, err);
    if (ok) {
        weigh(&c);
        write_moments(&c, j);
    }
    intern_release(&c.names);
    arena_release(&c.arena);
    vec_release(&c.groups);
    vec_release(&c.values);
    return ok;
}

/* --- the view --- */

static bool write_timeline(const struct page_ctx *ctx, struct json *j, struct err *err)
{
    struct report_run run;
    struct report_ctx own = ctx->report;
    own.regexp = NULL;
    bool ok = report_begin(&run, &report_top, &own, err) && page_head(j, &run, NULL, NULL, err) &&
              (ctx->n_moments > 1 ? write_sources(ctx, j, err) : write_samples(ctx, &run, j, err));
    report_end(&run);
    return ok;
}

static const char *missing(const struct page_ctx *ctx)
{
    uint32_t key;
    return ctx->n_moments > 1 || find_clock(ctx->report.profile, &key)
               ? NULL
               : "times, and no other moments to compare";
}

const struct page_ops page_timeline = {
    .name = "timeline",
    .title = "Timeline",
    .help = "Values over time, of samples that have one or of several moments",
    .key = 'm',
    .missing = missing,
    .write = write_timeline,
};
