#include "ui/convert.h"

#include "base/vec.h"
#include "model/builder.h"
#include "xform/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A profile's column with this type, or PROFILE_NONE. */
static uint32_t find_type(const struct profile *p, const char *name)
{
    for (uint32_t i = 0; i < p->n_types; i++)
        if (!strcmp(profile_cstr(p, p->types[i].type), name))
            return i;
    return PROFILE_NONE;
}

static const char *type_unit(const struct profile *p, uint32_t type)
{
    return profile_cstr(p, p->types[type].unit);
}

/* The smaller of two units; NULL when they cannot be compared, or *smallest is NULL. */
static const char *smaller_unit(const char *smallest, const char *unit)
{
    const char *ignored;
    if (!smallest || !unit_is_convertible(smallest, unit))
        return NULL;
    return unit_scale(1, unit, smallest, &ignored) < 1 ? unit : smallest;
}

/* The unit for a sample type; NULL when it is not in all profiles, or stays. */
static const char *common_type_unit(struct profile *const *profiles, size_t n, const char *name)
{
    uint32_t type = find_type(profiles[0], name);
    const char *unit = type_unit(profiles[0], type);
    for (size_t i = 1; i < n && unit; i++) {
        type = find_type(profiles[i], name);
        unit = type == PROFILE_NONE ? NULL : smaller_unit(unit, type_unit(profiles[i], type));
    }
    return unit;
}

static const char *common_period_unit(struct profile *const *profiles, size_t n)
{
    const char *unit = profile_cstr(profiles[0], profiles[0]->period_type.unit);
    for (size_t i = 1; i < n; i++)
        unit = smaller_unit(unit, profile_cstr(profiles[i], profiles[i]->period_type.unit));
    return unit;
}

/* What becomes of one profile. */
struct conversion {
    double *ratios;     /* [n_types] */
    const char **units; /* [n_types] NULL = stays */
    const char *period_unit;
    bool is_needed;
};

static void plan_unit(struct conversion *c, const char *from, const char **to)
{
    if (*to && !strcmp(from, *to))
        *to = NULL;
    c->is_needed |= *to != NULL;
}

/* As pprof: a sample of whose converted values none is left goes. */
static void copy_samples(struct builder *b, const struct profile *p, const struct conversion *c,
                         int64_t *values)
{
    bool has_ratio = false;
    for (uint32_t i = 0; i < p->n_types; i++)
        has_ratio |= c->ratios[i] != 1;
    for (uint32_t s = 0; s < p->n_samples; s++) {
        bool keep = !has_ratio;
        for (uint32_t i = 0; i < p->n_types; i++) {
            values[i] = p->values[(size_t)s * p->n_types + i];
            if (c->ratios[i] == 1)
                continue;
            values[i] = unit_to_int64(round((double)values[i] * c->ratios[i]));
            keep |= values[i] != 0;
        }
        if (!keep)
            continue;
        const struct profile_label *labels = NULL;
        uint32_t n_labels = 0;
        if (p->label_first) {
            labels = p->labels + p->label_first[s];
            n_labels = (uint32_t)(p->label_first[s + 1] - p->label_first[s]);
        }
        builder_sample(b, p->stack_locs + p->stack_first[s],
                       (uint32_t)(p->stack_first[s + 1] - p->stack_first[s]), values, labels,
                       n_labels);
    }
}

/* The id of `text`, appended if need be: there is room for it. */
static uint32_t add_string(struct str *strings, uint32_t *n, const char *text)
{
    struct str s = str_of(text);
    for (uint32_t i = 0; i < *n; i++)
        if (str_eq(strings[i], s))
            return i;
    strings[*n] = s;
    return (*n)++;
}

/* A copy of `p` with the units of `c`; NULL when memory runs out. */
static struct profile *converted(const struct profile *p, const struct conversion *c,
                                 struct err *err)
{
    struct profile like = *p; /* with other types; only read by builder_new_from */
    struct str *strings = malloc(((size_t)p->n_strings + p->n_types + 1) * sizeof *strings);
    struct profile_value_type *types = malloc((p->n_types + 1) * sizeof *types);
    int64_t *values = malloc((p->n_types + 1) * sizeof *values);
    struct builder *b = NULL;
    struct profile *result = NULL;
    if (strings && types && values) {
        memcpy(strings, p->strings, p->n_strings * sizeof *strings);
        memcpy(types, p->types, p->n_types * sizeof *types);
        for (uint32_t i = 0; i < p->n_types; i++)
            if (c->units[i])
                types[i].unit = add_string(strings, &like.n_strings, c->units[i]);
        if (c->period_unit) {
            const char *from = profile_cstr(p, p->period_type.unit), *ignored;
            like.period = unit_to_int64(unit_scale(p->period, from, c->period_unit, &ignored));
            like.period_type.unit = add_string(strings, &like.n_strings, c->period_unit);
        }
        like.strings = strings;
        like.types = types;
        b = builder_new_from(&like, err);
    } else {
        err_nomem(err);
    }
    if (b) {
        for (uint32_t i = 0; i < p->n_mappings; i++)
            builder_mapping(b, &p->mappings[i]);
        for (uint32_t i = 0; i < p->n_functions; i++)
            builder_function(b, &p->functions[i]);
        for (uint32_t i = 0; i < p->n_locations; i++)
            builder_location(b, &p->locations[i], p->lines + p->locations[i].first_line,
                             p->locations[i].n_lines);
        copy_samples(b, p, c, values);
        result = builder_seal(b, err);
    }
    free(strings);
    free(types);
    free(values);
    return result;
}

bool convert_units(struct profile **profiles, size_t n, struct err *err)
{
    /* Units are texts of the profiles, so that all are planned before one is replaced. */
    struct conversion *plans = calloc(n, sizeof *plans);
    struct profile **old = calloc(n, sizeof *old);
    bool ok = plans && old;
    const char *period_unit = common_period_unit(profiles, n);
    for (size_t i = 0; ok && i < n; i++) {
        const struct profile *p = profiles[i];
        struct conversion *c = &plans[i];
        c->ratios = calloc(p->n_types + 1, sizeof *c->ratios);
        c->units = calloc(p->n_types + 1, sizeof *c->units);
        if (!(ok = c->ratios && c->units))
            break;
        for (uint32_t k = 0; k < p->n_types; k++) {
            const char *name = profile_cstr(p, p->types[k].type), *ignored;
            c->ratios[k] = 1;
            if (find_type(p, name) != k || find_type(profiles[0], name) == PROFILE_NONE)
                continue;
            c->units[k] = common_type_unit(profiles, n, name);
            plan_unit(c, type_unit(p, k), &c->units[k]);
            if (c->units[k])
                c->ratios[k] = unit_scale(1, type_unit(p, k), c->units[k], &ignored);
        }
        c->period_unit = period_unit;
        plan_unit(c, profile_cstr(p, p->period_type.unit), &c->period_unit);
    }
    if (!ok)
        err_nomem(err);
    for (size_t i = 0; ok && i < n; i++) {
        if (!plans[i].is_needed)
            continue;
        old[i] = profiles[i];
        profiles[i] = converted(old[i], &plans[i], err);
        ok = profiles[i] != NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (old)
            profile_free(old[i]);
        if (plans) {
            free(plans[i].ratios);
            free(plans[i].units);
        }
    }
    free(old);
    free(plans);
    return ok;
}
