/* diff: two profiles as one flame graph, each box with what it was before and is after. */
#include "page/page_flame.h"

/* Does the profile have values of a base that was subtracted? */
static bool has_base(const struct profile *p)
{
    size_t n = (size_t)p->n_samples * p->n_types;
    for (size_t i = 0; i < n; i++)
        if (p->values[i] < 0)
            return true;
    return false;
}

/* The request with both sides in it: what is looked at, and as `base` what was asked for, else
 * its own base (NULL), else the moment before; of the first one, the next.  What several sources
 * come to is none of them: there the last of them is beside the first. */
static struct page_ctx find_sides(const struct page_ctx *ctx)
{
    struct page_ctx own = *ctx;
    size_t n = ctx->n_moments, i = 0;
    if (n < 2 || has_base(ctx->report.profile))
        return own;
    while (i < n && ctx->moments[i].profile != ctx->report.profile)
        i++;
    if (i == n) {
        i = ctx->base && ctx->base->profile == ctx->moments[n - 1].profile ? n - 2 : n - 1;
        own.report.profile = ctx->moments[i].profile;
        own.report.cache = ctx->moments[i].cache;
        if (!own.base)
            own.base = &ctx->moments[0];
    }
    if (!own.base)
        own.base = &ctx->moments[i ? i - 1 : 1];
    return own;
}

/* The moment that is looked at; NULL: it is none of those. */
static const struct page_moment *find_after(const struct page_ctx *ctx)
{
    for (size_t i = 0; i < ctx->n_moments; i++)
        if (ctx->moments[i].profile == ctx->report.profile)
            return &ctx->moments[i];
    return NULL;
}

/* The sizes of all samples of a type, filters apart, of one sign. */
static int64_t sum_side(const struct profile *p, uint32_t type, bool is_negative)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < p->n_samples; i++) {
        int64_t v = p->values[(size_t)i * p->n_types + type];
        if ((v < 0) == is_negative)
            sum = places_add(sum, v == INT64_MIN ? INT64_MAX : v < 0 ? -v : v);
    }
    return sum;
}

/* What shares of each side are of: as the options say, all samples or those left. */
static void find_totals(const struct page_flame *f, int64_t left_before, int64_t left_after,
                        int64_t *before, int64_t *after)
{
    const struct pipeline *p = &f->run.pipeline;
    *before = left_before;
    *after = left_after;
    if (f->options.relative_percentages)
        return;
    if (f->base_graph.view) {
        *before = unit_to_int64((double)f->base_run.pipeline.total * f->ratio);
        *after = p->total;
        return;
    }
    *before = sum_side(p->view.profile, p->view.type, true);
    *after = sum_side(p->view.profile, p->view.type, false);
}

/* `moment` NULL: a side of the profile itself, which is called `name`. */
static void write_side(struct json *j, const char *key, const struct page_moment *moment,
                       const char *name, int64_t total)
{
    json_key(j, key);
    json_open(j, '{');
    json_member(j, "name", str_of(moment ? moment->name : name));
    json_member_int(j, "moment", moment ? moment->id : 0);
    json_member_int(j, "total", total);
    json_close(j, '}');
}

static bool write_diff(const struct page_ctx *asked, struct json *j, struct err *err)
{
    const struct page_ctx sides = find_sides(asked), *ctx = &sides;
    const struct page_moment *base = ctx->base;
    struct page_flame f;
    int64_t before = 0, after = 0;
    if (!base && !has_base(ctx->report.profile))
        return err_set(err, ERR_USAGE,
                       "there is nothing to compare with: give -diff_base, two sources, or "
                       "read this one again");
    bool ok = page_flame_begin(&f, ctx, GRANULARITY_FILEFUNCTIONS, base, err);
    if (ok) {
        int64_t left_before, left = places_total(&f.places, &left_before);
        find_totals(&f, left_before, left - left_before, &before, &after);
        ok = page_flame_find(&f, ctx, err) && page_flame_grow(&f, ctx, err) &&
             page_flame_write(&f, ctx, j, err);
    }
    if (ok) {
        write_side(j, "before", base, "base", before);
        write_side(j, "after", base ? find_after(ctx) : NULL, base ? "" : "profile", after);
    }
    page_flame_end(&f);
    return ok;
}

static const char *missing_diff(const struct page_ctx *ctx)
{
    bool is_there = ctx->base || ctx->n_moments >= 2 || has_base(ctx->report.profile);
    return is_there ? NULL : "two profiles to compare";
}

const struct page_ops page_diff = {
    .name = "diff",
    .title = "Diff",
    .help = "What has grown and what has shrunk between two profiles",
    .key = 'd',
    .missing = missing_diff,
    .write = write_diff,
};
