/* proto: the profile, as far as the filters leave it, as a packed profile.proto. */
#include "base/vec.h"
#include "format/pprof_write.h"
#include "model/builder.h"
#include "report/report_run.h"
#include "xform/unit.h"

static void copy_locations(struct builder *b, const struct view *view, bool *ok)
{
    const struct profile *p = view->profile;
    VEC(struct profile_line) lines = {0};
    for (uint32_t i = 0; *ok && i < p->n_locations; i++) {
        const struct view_location *left = &view->locations[i];
        vec_clear(&lines);
        for (uint32_t k = 0; *ok && k < left->n; k++) {
            struct profile_line line = view->lines[left->first + k];
            if (!view->has_column)
                line.column = 0;
            *ok = vec_push(&lines, line);
        }
        if (*ok)
            builder_location(b, &p->locations[i], lines.items, left->n);
    }
    vec_release(&lines);
}

/* `ratio` is what values are multiplied by, 1 = not at all. */
static void copy_samples(struct builder *b, const struct view *view, double ratio, bool *ok)
{
    const struct profile *p = view->profile;
    VEC(uint32_t) locs = {0};
    VEC(struct profile_label) labels = {0};
    VEC(int64_t) values = {0};
    for (uint32_t i = 0; *ok && i < view->n_samples; i++) {
        const struct view_sample *sample = &view->samples[i];
        uint32_t s = sample->sample;
        vec_clear(&locs);
        *ok = vec_reserve(&locs, sample->n_locs);
        for (uint32_t k = 0; *ok && k < sample->n_locs; k++)
            if (!view->locations[sample->locs[k]].hidden)
                locs.items[locs.n++] = sample->locs[k];
        vec_clear(&labels);
        for (uint64_t k = p->label_first ? p->label_first[s] : 0;
             *ok && p->label_first && k < p->label_first[s + 1]; k++)
            if (view_shows_key(view, p->labels[k].key))
                *ok = vec_push(&labels, p->labels[k]);
        vec_clear(&values);
        for (uint32_t k = 0; *ok && k < p->n_types; k++) {
            int64_t v = p->values[(size_t)s * p->n_types + k];
            *ok = vec_push(&values, ratio == 1 ? v : unit_to_int64((double)v * ratio));
        }
        if (*ok)
            builder_sample(b, locs.items, (uint32_t)locs.n, values.items, labels.items,
                           (uint32_t)labels.n);
    }
    vec_release(&locs);
    vec_release(&labels);
    vec_release(&values);
}

/* Does the view show all of its profile as it is? */
static bool is_whole(const struct view *view, bool noinlines, double ratio)
{
    const struct profile *p = view->profile;
    bool whole = ratio == 1 && !noinlines && !view->hidden_keys && view->lines == p->lines &&
                 view->n_samples == p->n_samples;
    for (uint32_t i = 0; whole && i < p->n_samples; i++)
        whole = view->samples[i].sample == i &&
                view->samples[i].locs == p->stack_locs + p->stack_first[i] &&
                view->samples[i].n_locs == p->stack_first[i + 1] - p->stack_first[i];
    for (uint32_t i = 0; whole && i < p->n_locations; i++) {
        const struct view_location *left = &view->locations[i];
        whole = !left->hidden && left->first == p->locations[i].first_line &&
                left->n == p->locations[i].n_lines;
        for (uint32_t k = 0; whole && !view->has_column && k < left->n; k++)
            whole = p->lines[left->first + k].column == 0;
    }
    return whole;
}

/* What the view shows as a profile of its own; NULL when memory runs out. */
static struct profile *profile_of_view(const struct view *view, bool noinlines, double ratio,
                                       struct err *err)
{
    const struct profile *p = view->profile;
    struct builder *b = builder_new_from(p, err);
    if (!b)
        return NULL;
    bool ok = true;
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        struct profile_mapping mapping = p->mappings[i];
        mapping.has_inline_frames &= !noinlines;
        builder_mapping(b, &mapping);
    }
    for (uint32_t i = 0; i < p->n_functions; i++)
        builder_function(b, &p->functions[i]);
    copy_locations(b, view, &ok);
    copy_samples(b, view, ratio, &ok);
    if (ok)
        return builder_seal(b, err);
    builder_free(b);
    err_nomem(err);
    return NULL;
}

static bool write_proto(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct report_run run;
    bool ok = report_begin(&run, &report_proto, ctx, err);
    const struct view *view = &run.pipeline.view;
    if (ok && is_whole(view, run.options.noinlines, report_ratio(&run))) {
        bool is_original = ctx->original && view->profile == ctx->profile;
        ok = (is_original && original_read(ctx->original, out)) ||
             pprof_write_packed(view->profile, out, err);
    } else if (ok) {
        struct profile *profile =
            profile_of_view(view, run.options.noinlines, report_ratio(&run), err);
        ok = profile && pprof_write_packed(profile, out, err);
        profile_free(profile);
    }
    report_end(&run);
    return ok;
}

const struct report_ops report_proto = {
    .name = "proto",
    .help = "The profile as profile.proto, packed with gzip",
    .ext = "pb.gz",
    .flags = REPORT_BINARY | REPORT_UNTRIMMED,
    .granularity = GRANULARITY_ADDRESSES,
    .write = write_proto,
};
