#include "model/merge.h"

#include "base/buf.h"
#include "base/intern.h"
#include "base/map.h"
#include "model/builder.h"
#include "model/merge_rows.h"
#include "model/zeros.h"

#include <stdlib.h>
#include <string.h>

/* The sample types that all profiles have. */
struct common_types {
    uint32_t n;
    uint32_t *maps; /* [n_profiles * n]: type of the result -> type of the profile */
};

static struct str type_name(const struct profile *profile, uint32_t type)
{
    return profile_str(profile, profile->types[type].type);
}

/* For each name in `names` the first type of this profile that has it, and how
 * many have it in all profiles so far. */
static void index_types(const struct intern *names, const struct profile *profile,
                        uint32_t *first_of, size_t *n_seen)
{
    for (uint32_t i = 0; i < names->n; i++)
        first_of[i] = PROFILE_NONE;
    for (uint32_t i = profile->n_types; i-- > 0;) {
        uint32_t name = intern_find(names, type_name(profile, i));
        if (name != INTERN_NONE) {
            first_of[name] = i;
            n_seen[name]++;
        }
    }
}

static bool map_common_types(const struct profile *const *profiles, size_t n,
                             const struct intern *names, uint32_t *first_of, size_t *n_seen,
                             struct common_types *common, struct err *err)
{
    const struct profile *first = profiles[0];
    for (size_t k = 0; k < n; k++)
        index_types(names, profiles[k], first_of, n_seen);
    for (uint32_t i = 0; i < first->n_types; i++)
        common->n += n_seen[intern_find(names, type_name(first, i))] == n;
    if (common->n == 0)
        return err_set(err, ERR_INPUT, "profiles have empty common sample type list");
    common->maps = calloc(n, common->n * sizeof *common->maps);
    if (!common->maps)
        return err_nomem(err);
    uint32_t *to = common->maps;
    for (size_t k = 0; k < n; k++) {
        size_t *ignored = n_seen + names->n;
        index_types(names, profiles[k], first_of, ignored);
        for (uint32_t i = 0; i < first->n_types; i++) {
            uint32_t name = intern_find(names, type_name(first, i));
            if (n_seen[name] != n)
                continue;
            if (first_of[name] == PROFILE_NONE)
                return err_set(err, ERR_INPUT, "\"%s\" sample type is not found in profile",
                               profile_cstr(first, first->types[i].type));
            *to++ = first_of[name];
        }
    }
    return true;
}

/* As Go counts: a type is common when its name occurs n times in n profiles. */
static bool find_common_types(const struct profile *const *profiles, size_t n,
                              struct common_types *common, struct err *err)
{
    AUTO_ARENA arena = {0};
    struct intern names;
    bool ok = intern_init(&names, &arena);
    for (uint32_t i = 0; ok && i < profiles[0]->n_types; i++)
        ok = intern_add(&names, type_name(profiles[0], i)) != INTERN_NONE;
    uint32_t *first_of = ok ? malloc(names.n * sizeof *first_of) : NULL;
    size_t *n_seen = ok ? calloc(names.n, 2 * sizeof *n_seen) : NULL;
    if (first_of && n_seen)
        ok = map_common_types(profiles, n, &names, first_of, n_seen, common, err);
    else
        ok = err_nomem(err);
    free(first_of);
    free(n_seen);
    intern_release(&names);
    return ok;
}

/* "[samples/count cpu/nanoseconds]" */
static void print_types(struct buf *out, const struct profile *profile)
{
    for (uint32_t i = 0; i < profile->n_types; i++)
        buf_printf(out, "%s%s/%s", i ? " " : "[", profile_cstr(profile, profile->types[i].type),
                   profile_cstr(profile, profile->types[i].unit));
    buf_puts(out, profile->n_types ? "]" : "[]");
}

static bool same_text(const struct profile *a, uint32_t sa, const struct profile *b, uint32_t sb)
{
    return str_eq(profile_str(a, sa), profile_str(b, sb));
}

static bool differing_types(const struct profile *a, const struct profile *b, struct err *err)
{
    AUTO_BUF text = {0};
    buf_puts(&text, "incompatible sample types ");
    print_types(&text, a);
    buf_puts(&text, " and ");
    print_types(&text, b);
    return err_set(err, ERR_INPUT, "%s", buf_str(&text));
}

static bool check_periods(const struct profile *a, const struct profile *b, struct err *err)
{
    const struct profile_value_type *pa = &a->period_type, *pb = &b->period_type;
    if (same_text(a, pa->type, b, pb->type) && same_text(a, pa->unit, b, pb->unit))
        return true;
    return err_set(err, ERR_INPUT, "incompatible period types %s/%s and %s/%s",
                   profile_cstr(a, pa->type), profile_cstr(a, pa->unit), profile_cstr(b, pb->type),
                   profile_cstr(b, pb->unit));
}

static bool check_units(const struct profile *const *profiles, size_t n,
                        const struct common_types *common, struct err *err)
{
    const struct profile *a = profiles[0];
    for (size_t k = 1; k < n; k++) {
        const struct profile *b = profiles[k];
        const uint32_t *map = common->maps + k * common->n;
        if (!check_periods(a, b, err))
            return false;
        for (uint32_t i = 0; i < common->n; i++)
            if (!same_text(a, a->types[common->maps[i]].unit, b, b->types[map[i]].unit))
                return differing_types(a, b, err);
    }
    return true;
}

/* The default type as it stands after the cut to the common types: where that
 * changes a profile, one that is not common becomes the first that is. */
static struct str default_type(const struct profile *profile, const uint32_t *map, uint32_t n)
{
    struct str name = profile_str(profile, profile->default_type);
    bool is_changed = n != profile->n_types;
    for (uint32_t i = 0; i < n; i++) {
        if (str_eq(type_name(profile, map[i]), name))
            return name;
        is_changed = is_changed || map[i] != i;
    }
    return is_changed ? type_name(profile, map[0]) : name;
}

/* Room is made for the samples of so many like the first. */
#define MOST_RESERVED 16u

/* Sources on their way into one profile. */
struct merge {
    struct builder *b;
    struct merge_rows *rows;
    struct map comments;       /* strings of the builder: those that are comments */
    struct common_types types; /* of the first, where they come one after the other */
    bool failed;               /* out of memory */
};

void merge_free(struct merge *m)
{
    if (!m)
        return;
    builder_free(m->b);
    merge_rows_free(m->rows);
    map_release(&m->comments);
    free(m->types.maps);
    free(m);
}

static void begin_header(struct builder *b, const struct profile *first,
                         const struct common_types *common)
{
    struct profile *header = builder_header(b);
    for (uint32_t i = 0; i < common->n; i++) {
        const struct profile_value_type *from = &first->types[common->maps[i]];
        builder_type(b, builder_string(b, profile_str(first, from->type)),
                     builder_string(b, profile_str(first, from->unit)));
    }
    header->has_period_type = first->has_period_type;
    header->period_type.type = builder_string(b, profile_str(first, first->period_type.type));
    header->period_type.unit = builder_string(b, profile_str(first, first->period_type.unit));
    header->drop_frames = builder_string(b, profile_str(first, first->drop_frames));
    header->keep_frames = builder_string(b, profile_str(first, first->keep_frames));
}

/* NULL when memory runs out. */
static struct merge *merge_new(const struct common_types *common, struct err *err)
{
    struct merge *m = calloc(1, sizeof *m);
    if (m && (m->b = builder_new(err)) && (m->rows = merge_rows_new(m->b, common->n)))
        return m;
    merge_free(m);
    err_nomem(err);
    return NULL;
}

static size_t n_frames_of(const struct profile *p)
{
    return p->stack_first[p->n_samples];
}

/* A comment of the result, once. */
static void add_comment(struct merge *m, uint32_t comment)
{
    size_t n = m->comments.n;
    m->failed = m->failed || !map_put(&m->comments, comment, 0);
    if (m->comments.n != n)
        builder_comment(m->b, comment);
}

static void add_header(struct merge *m, const struct profile *p, const uint32_t *type_map,
                       uint32_t n_types)
{
    struct profile *header = builder_header(m->b);
    if (header->time_nanos == 0 || p->time_nanos < header->time_nanos)
        header->time_nanos = p->time_nanos;
    header->duration_nanos =
        (int64_t)((uint64_t)header->duration_nanos + (uint64_t)p->duration_nanos);
    if (header->period == 0 || header->period < p->period)
        header->period = p->period;
    if (header->default_type == 0)
        header->default_type = builder_string(m->b, default_type(p, type_map, n_types));
    if (header->doc_url == 0)
        header->doc_url = builder_string(m->b, profile_str(p, p->doc_url));
    for (uint32_t i = 0; i < p->n_comments; i++)
        add_comment(m, builder_string(m->b, profile_str(p, p->comments[i])));
}

static void add_source(struct merge *m, const struct merge_source *source, const uint32_t *type_map,
                       uint32_t n_types)
{
    add_header(m, source->profile, type_map, n_types);
    m->failed = m->failed || !merge_rows_add(m->rows, source, type_map);
}

/* Does the result have the types of this profile as they are? */
static bool are_all_types(const struct profile *p, const struct common_types *common)
{
    bool same = common->n == p->n_types;
    for (uint32_t i = 0; same && i < common->n; i++)
        same = common->maps[i] == i;
    return same;
}

/* Take the first source over, if that can be done.  Its header is that of the result then. */
static bool take_first(struct merge *m, const struct merge_source *first,
                       const struct common_types *common)
{
    const struct profile *p = first->profile;
    if (!first->taken || first->ratios || first->mark || !are_all_types(p, common) ||
        !merge_rows_take(m->rows, *first->taken))
        return false;
    *first->taken = NULL; /* the builder has it */
    m->failed = builder_has_failed(m->b);
    for (uint32_t i = 0; i < p->n_comments && !m->failed; i++)
        add_comment(m, p->comments[i]); /* strings are what they were */
    return true;
}

/* n_samples, n_frames: so many, about, of all sources. */
static void add_first(struct merge *m, const struct merge_source *first,
                      const struct common_types *common, size_t n_samples, size_t n_frames)
{
    if (take_first(m, first, common))
        return;
    begin_header(m->b, first->profile, common);
    builder_reserve(m->b, n_samples, n_frames, 0);
    add_source(m, first, common->maps, common->n);
}

/* The result; `m` goes in any case. */
static struct profile *merge_seal(struct merge *m, struct err *err)
{
    struct profile *result = builder_seal(m->b, err);
    if (result && (m->failed || !zeros_drop(result))) {
        profile_free(result);
        result = NULL;
        err_nomem(err);
    }
    m->b = NULL;
    merge_free(m);
    return result;
}

static struct profile *merge_common(const struct merge_source *sources, size_t n,
                                    const struct common_types *common, struct err *err)
{
    struct merge *m = merge_new(common, err);
    size_t n_samples = 0, n_frames = 0;
    for (size_t i = 0; i < n; i++) {
        n_samples += sources[i].profile->n_samples;
        n_frames += n_frames_of(sources[i].profile);
    }
    if (m)
        add_first(m, &sources[0], common, n_samples, n_frames);
    for (size_t i = 1; m && i < n; i++)
        add_source(m, &sources[i], common->maps + i * common->n, common->n);
    return m ? merge_seal(m, err) : NULL;
}

static struct profile *merge(const struct merge_source *sources,
                             const struct profile *const *profiles, size_t n, struct err *err)
{
    struct profile *result = NULL;
    struct common_types common = {0};
    if (find_common_types(profiles, n, &common, err) && check_units(profiles, n, &common, err))
        result = merge_common(sources, n, &common, err);
    free(common.maps);
    return result;
}

struct merge *merge_begin(const struct merge_source *first, size_t n)
{
    const struct profile *p = first->profile;
    struct merge *m = NULL;
    struct common_types types = {0};
    if (find_common_types(&p, 1, &types, NULL) && types.n == p->n_types)
        m = merge_new(&types, NULL);
    if (!m) {
        free(types.maps);
        return NULL;
    }
    m->types = types;
    n = n < MOST_RESERVED ? n : MOST_RESERVED;
    size_t n_samples = n * p->n_samples, n_frames = n * n_frames_of(p);
    add_first(m, first, &types, n_samples, n_frames);
    return m;
}

static bool has_text(const struct merge *m, uint32_t text, const struct profile *p, uint32_t string)
{
    return str_eq(builder_text(m->b, text), profile_str(p, string));
}

static bool has_types(const struct merge *m, const struct profile *p)
{
    const struct profile *header = builder_header(m->b);
    bool same = p->n_types == m->types.n &&
                has_text(m, header->period_type.type, p, p->period_type.type) &&
                has_text(m, header->period_type.unit, p, p->period_type.unit);
    for (uint32_t i = 0; same && i < p->n_types; i++) {
        const struct profile_value_type *type = builder_type_at(m->b, i);
        same = has_text(m, type->type, p, p->types[i].type) &&
               has_text(m, type->unit, p, p->types[i].unit);
    }
    return same;
}

bool merge_add(struct merge *m, const struct profile *profile)
{
    if (!m->failed && !has_types(m, profile))
        return false;
    add_source(m, &(struct merge_source){.profile = profile}, m->types.maps, m->types.n);
    return true;
}

struct profile *merge_end(struct merge *m, struct err *err)
{
    return merge_seal(m, err);
}

struct profile *merge_sources(const struct merge_source *sources, size_t n, struct err *err)
{
    if (n == 0) {
        err_set(err, ERR_INPUT, "no profiles to merge");
        return NULL;
    }
    const struct profile **profiles = calloc(n, sizeof *profiles);
    for (size_t i = 0; profiles && i < n; i++)
        profiles[i] = sources[i].profile;
    struct profile *result = NULL;
    if (profiles)
        result = merge(sources, profiles, n, err);
    else
        err_nomem(err);
    free(profiles);
    return result;
}

struct profile *merge_profiles(const struct profile *const *profiles, size_t n, struct err *err)
{
    struct merge_source *sources = calloc(n + 1, sizeof *sources);
    for (size_t i = 0; sources && i < n; i++)
        sources[i].profile = profiles[i];
    struct profile *result = NULL;
    if (sources)
        result = merge_sources(sources, n, err);
    else
        err_nomem(err);
    free(sources);
    return result;
}

static int64_t sum_of(const struct profile *profile, uint32_t type)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < profile->n_samples; i++)
        sum += (uint64_t)profile->values[(size_t)i * profile->n_types + type];
    return (int64_t)sum;
}

/* Are the types and their units the same, in the same order? */
static bool check_same_types(const struct profile *a, const struct profile *b, struct err *err)
{
    bool same = a->n_types == b->n_types;
    for (uint32_t i = 0; same && i < a->n_types; i++)
        same = same_text(a, a->types[i].type, b, b->types[i].type) &&
               same_text(a, a->types[i].unit, b, b->types[i].unit);
    return check_periods(a, b, err) && (same || differing_types(a, b, err));
}

struct profile *merge_difference(struct profile **taken, const struct profile *base,
                                 const char *mark, bool normalize, struct err *err)
{
    const struct profile *profile = *taken;
    uint32_t n = profile->n_types > base->n_types ? profile->n_types : base->n_types;
    double *ratios = calloc(2 * (size_t)n + 1, sizeof *ratios), *minus = ratios ? ratios + n : NULL;
    struct profile *result = NULL;
    if (!ratios) {
        err_nomem(err);
    } else if (!normalize || check_same_types(profile, base, err)) {
        for (uint32_t i = 0; i < n; i++)
            minus[i] = -1;
        for (uint32_t i = 0; normalize && i < n; i++) {
            int64_t sum = sum_of(profile, i);
            ratios[i] = sum ? (double)sum_of(base, i) / (double)sum : 0;
        }
        const struct merge_source sources[] = {
            {.profile = profile, .taken = taken, .ratios = normalize ? ratios : NULL},
            {.profile = base, .ratios = minus, .mark = mark},
        };
        result = merge_sources(sources, 2, err);
    }
    free(ratios);
    return result;
}
