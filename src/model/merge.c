#include "model/merge.h"

#include "base/buf.h"
#include "base/intern.h"
#include "base/vec.h"
#include "model/builder.h"
#include "model/labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows are told apart as Go does it, by a key of bytes.  The n-th new key is the
 * n-th new row, so an intern table of keys is the whole index. */
struct keys {
    struct arena arena;
    struct intern intern;
};

struct merger {
    struct builder *b;
    struct keys mappings, functions, locations, samples;
    VEC(uint64_t) starts; /* of the mappings of the result */
    struct buf key;       /* scratch */
    struct labels labels; /* of the sample at hand */
    VEC(uint32_t) locs;
    VEC(struct profile_line) lines;
    VEC(struct profile_label) new_labels;
    VEC(int64_t) values;
    uint32_t n_types;
    bool failed; /* out of memory */

    /* The source at hand: from its rows to the result's, PROFILE_NONE = not yet. */
    const struct profile *source;
    uint32_t *string_map, *mapping_map, *function_map, *location_map;
    const uint32_t *type_map; /* type of the result -> type of the source */
    uint64_t *shifts;         /* beside mapping_map */
    const double *ratios;
    const char *mark;
};

static bool keys_init(struct keys *keys)
{
    arena_init(&keys->arena);
    return intern_init(&keys->intern, &keys->arena);
}

static void keys_release(struct keys *keys)
{
    intern_release(&keys->intern);
    arena_release(&keys->arena);
}

/* The row of the key in m->key, which is emptied.  *is_new: it is the next row. */
static uint32_t keys_row(struct merger *m, struct keys *keys, bool *is_new)
{
    uint32_t n = keys->intern.n, id = INTERN_NONE;
    if (!m->key.failed)
        id = intern_add(&keys->intern, (struct str){m->key.data, m->key.len});
    m->failed |= id == INTERN_NONE;
    *is_new = id == n;
    buf_clear(&m->key);
    return m->failed ? 0 : id - 1; /* id 0 is the empty key, which is never asked for */
}

static void key_bytes(struct merger *m, const void *data, size_t n)
{
    buf_add(&m->key, data, n);
}

static void key_number(struct merger *m, uint64_t v)
{
    char bytes[10];
    size_t n = 0;
    for (; v >= 128; v >>= 7)
        bytes[n++] = (char)(v | 0x80);
    bytes[n++] = (char)v;
    key_bytes(m, bytes, n);
}

static void key_text(struct merger *m, struct str s)
{
    key_number(m, s.len);
    key_bytes(m, s.p, s.len);
}

static uint32_t map_string(struct merger *m, uint32_t string)
{
    if (m->string_map[string] == PROFILE_NONE)
        m->string_map[string] = builder_string(m->b, profile_str(m->source, string));
    return m->string_map[string];
}

/* Equal size (in pages), offset and build id, or file name where there is none. */
static uint32_t map_mapping(struct merger *m, uint32_t row)
{
    if (row == PROFILE_NONE || m->mapping_map[row] != PROFILE_NONE)
        return row == PROFILE_NONE ? PROFILE_NONE : m->mapping_map[row];
    struct profile_mapping mapping = m->source->mappings[row];
    bool is_new;
    key_number(m, (mapping.limit - mapping.start + 0xfff) & ~(uint64_t)0xfff);
    key_number(m, mapping.offset);
    key_text(m, profile_str(m->source, mapping.build_id ? mapping.build_id : mapping.file));
    uint32_t to = keys_row(m, &m->mappings, &is_new);
    if (is_new && !vec_push(&m->starts, mapping.start))
        m->failed = true;
    if (m->failed)
        return PROFILE_NONE;
    m->mapping_map[row] = to;
    m->shifts[row] = m->starts.items[to] - mapping.start;
    if (is_new) {
        mapping.id = 0;
        mapping.file = map_string(m, mapping.file);
        mapping.build_id = map_string(m, mapping.build_id);
        mapping.kernel_relocation_symbol = map_string(m, mapping.kernel_relocation_symbol);
        builder_mapping(m->b, &mapping);
    }
    return to;
}

static uint32_t map_function(struct merger *m, uint32_t row)
{
    if (row == PROFILE_NONE || m->function_map[row] != PROFILE_NONE)
        return row == PROFILE_NONE ? PROFILE_NONE : m->function_map[row];
    struct profile_function function = m->source->functions[row];
    bool is_new;
    function.id = 0;
    function.name = map_string(m, function.name);
    function.system_name = map_string(m, function.system_name);
    function.filename = map_string(m, function.filename);
    key_number(m, (uint64_t)function.start_line);
    key_number(m, function.name);
    key_number(m, function.system_name);
    key_number(m, function.filename);
    uint32_t to = keys_row(m, &m->functions, &is_new);
    if (is_new)
        builder_function(m->b, &function);
    return m->function_map[row] = to;
}

static uint32_t map_location(struct merger *m, uint32_t row)
{
    if (m->location_map[row] != PROFILE_NONE)
        return m->location_map[row];
    struct profile_location location = m->source->locations[row];
    uint32_t from = location.mapping;
    bool is_new;
    location.id = 0;
    location.mapping = map_mapping(m, from);
    vec_clear(&m->lines);
    for (uint32_t i = 0; i < location.n_lines && !m->failed; i++) {
        struct profile_line line = m->source->lines[location.first_line + i];
        line.function = map_function(m, line.function);
        if (!vec_push(&m->lines, line))
            m->failed = true;
    }
    if (m->failed)
        return 0;
    uint64_t start = 0;
    if (location.mapping != PROFILE_NONE) {
        location.address += m->shifts[from];
        start = m->starts.items[location.mapping];
    }
    key_number(m, location.address - start);
    key_number(m, location.mapping);
    key_number(m, location.is_folded);
    for (size_t i = 0; i < m->lines.n; i++) {
        key_number(m, m->lines.items[i].function);
        key_number(m, (uint64_t)m->lines.items[i].line);
    }
    /* Go's key holds the column of the last line only. */
    if (m->lines.n)
        key_number(m, (uint64_t)m->lines.items[m->lines.n - 1].column);
    uint32_t to = keys_row(m, &m->locations, &is_new);
    if (is_new)
        builder_location(m->b, &location, m->lines.items, (uint32_t)m->lines.n);
    return m->location_map[row] = to;
}

/* Stands for the mark among labels of a source. */
static const struct profile_label mark_label = {.key = PROFILE_NONE};

/* The labels of one key, and that many more bytes of the sample's key. */
static void map_labels(struct merger *m, size_t first, size_t n)
{
    const struct labels_item *items = m->labels.items + first;
    bool has_units = false;
    key_text(m, items[0].key);
    key_number(m, n);
    if (items[0].label == &mark_label) {
        struct profile_label label = {.key = builder_string(m->b, items[0].key),
                                      .str = builder_string(m->b, STR("true"))};
        key_text(m, STR("true"));
        m->failed |= !vec_push(&m->new_labels, label);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct profile_label label = *items[i].label;
        if (label.is_num)
            key_number(m, (uint64_t)label.num);
        else
            key_text(m, profile_str(m->source, label.str));
        has_units |= label.is_num && label.unit;
        label.key = map_string(m, label.key);
        label.str = map_string(m, label.str);
        label.unit = map_string(m, label.unit);
        if (!vec_push(&m->new_labels, label))
            m->failed = true;
    }
    if (!items[0].label->is_num)
        return;
    key_number(m, has_units ? n : 0);
    for (size_t i = 0; has_units && i < n; i++)
        key_text(m, profile_str(m->source, items[i].label->unit));
}

static int64_t multiplied(const struct merger *m, const int64_t *values, uint32_t type)
{
    if (!m->ratios || m->ratios[type] == 1)
        return values[type];
    double v = round((double)values[type] * m->ratios[type]);
    /* As Go converts what does not fit. */
    return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

/* Is anything left of what is multiplied? */
static bool has_multiplied(const struct merger *m, const int64_t *values)
{
    bool any = false, left = false;
    for (uint32_t i = 0; i < m->source->n_types; i++) {
        any |= m->ratios[i] != 1;
        left |= m->ratios[i] != 1 && multiplied(m, values, i) != 0;
    }
    return left || !any;
}

/* Put the mark among the labels of the sample at hand, in its place. */
static void mark_labels(struct merger *m)
{
    const struct labels_item item = {&mark_label, str_of(m->mark)};
    size_t n = 0, at = 0;
    for (size_t i = 0; i < m->labels.n; i++)
        if (m->labels.items[i].label->is_num || !str_eq(m->labels.items[i].key, item.key))
            m->labels.items[n++] = m->labels.items[i];
    m->labels.n = n;
    while (at < n && !m->labels.items[at].label->is_num &&
           str_cmp(m->labels.items[at].key, item.key) < 0)
        at++;
    if (!vec_push(&m->labels, item)) {
        m->failed = true;
        return;
    }
    memmove(m->labels.items + at + 1, m->labels.items + at, (n - at) * sizeof item);
    m->labels.items[at] = item;
}

static void add_sample(struct merger *m, uint32_t sample)
{
    const struct profile *source = m->source;
    const int64_t *values = source->values + (size_t)sample * source->n_types;
    bool is_zero = true, is_new;
    vec_clear(&m->locs);
    vec_clear(&m->new_labels);
    if (m->ratios && !has_multiplied(m, values))
        return;
    for (uint32_t i = 0; i < m->n_types; i++) {
        m->values.items[i] = multiplied(m, values, m->type_map[i]);
        is_zero = is_zero && m->values.items[i] == 0;
    }
    if (is_zero)
        return;
    const uint32_t *stack = source->stack_locs + source->stack_first[sample];
    size_t n_locs = source->stack_first[sample + 1] - source->stack_first[sample];
    if (!vec_reserve(&m->locs, n_locs))
        m->failed = true;
    for (size_t i = 0; i < n_locs && !m->failed; i++) {
        uint32_t to = m->location_map[stack[i]];
        m->locs.items[m->locs.n++] = to != PROFILE_NONE ? to : map_location(m, stack[i]);
    }
    if (m->failed)
        return;
    key_number(m, n_locs);
    key_bytes(m, m->locs.items, n_locs * sizeof *m->locs.items);
    if (!labels_load(&m->labels, source, sample))
        m->failed = true;
    if (m->mark)
        mark_labels(m);
    for (size_t i = 0, n; i < m->labels.n; i += n) {
        n = labels_run(&m->labels, i);
        map_labels(m, i, n);
    }
    uint32_t row = keys_row(m, &m->samples, &is_new);
    if (m->failed)
        return;
    if (is_new) {
        builder_sample(m->b, m->locs.items, (uint32_t)m->locs.n, m->values.items,
                       m->new_labels.items, (uint32_t)m->new_labels.n);
        return;
    }
    int64_t *sum = builder_values(m->b, row);
    for (uint32_t i = 0; sum && i < m->n_types; i++)
        sum[i] = (int64_t)((uint64_t)sum[i] + (uint64_t)m->values.items[i]);
}

static uint32_t *new_map(struct merger *m, size_t n)
{
    uint32_t *map = malloc(n ? n * sizeof *map : 1);
    m->failed |= !map;
    for (size_t i = 0; map && i < n; i++)
        map[i] = PROFILE_NONE;
    return map;
}

static void begin_source(struct merger *m, const struct profile *source)
{
    m->source = source;
    m->string_map = new_map(m, source->n_strings);
    m->mapping_map = new_map(m, source->n_mappings);
    m->function_map = new_map(m, source->n_functions);
    m->location_map = new_map(m, source->n_locations);
    m->shifts = calloc(source->n_mappings + 1, sizeof *m->shifts);
    m->failed |= !m->shifts;
}

static void end_source(struct merger *m)
{
    free(m->string_map);
    free(m->mapping_map);
    free(m->function_map);
    free(m->location_map);
    free(m->shifts);
    m->string_map = m->mapping_map = m->function_map = m->location_map = NULL;
    m->shifts = NULL;
}

static void add_source(struct merger *m, const struct merge_source *from)
{
    const struct profile *source = from->profile;
    m->ratios = from->ratios;
    m->mark = from->mark;
    begin_source(m, source);
    if (!m->failed) {
        /* The first mapping of a profile is the program itself, used or not. */
        if (m->starts.n == 0 && source->n_mappings)
            map_mapping(m, 0);
        for (uint32_t i = 0; i < source->n_samples && !m->failed; i++)
            add_sample(m, i);
    }
    end_source(m);
}

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
    struct keys names;
    bool ok = keys_init(&names);
    for (uint32_t i = 0; ok && i < profiles[0]->n_types; i++)
        ok = intern_add(&names.intern, type_name(profiles[0], i)) != INTERN_NONE;
    uint32_t *first_of = ok ? malloc(names.intern.n * sizeof *first_of) : NULL;
    size_t *n_seen = ok ? calloc(names.intern.n, 2 * sizeof *n_seen) : NULL;
    if (first_of && n_seen)
        ok = map_common_types(profiles, n, &names.intern, first_of, n_seen, common, err);
    else
        ok = err_nomem(err);
    free(first_of);
    free(n_seen);
    keys_release(&names);
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

static void combine_comments(struct builder *b, const struct profile *const *profiles, size_t n,
                             struct merger *m)
{
    struct keys seen;
    bool is_new;
    if (!keys_init(&seen))
        m->failed = true;
    for (size_t k = 0; k < n && !m->failed; k++)
        for (uint32_t i = 0; i < profiles[k]->n_comments && !m->failed; i++) {
            struct str text = profile_str(profiles[k], profiles[k]->comments[i]);
            key_text(m, text);
            keys_row(m, &seen, &is_new);
            if (is_new)
                builder_comment(b, builder_string(b, text));
        }
    keys_release(&seen);
}

static void combine_headers(struct merger *m, const struct profile *const *profiles, size_t n,
                            const struct common_types *common)
{
    const struct profile *first = profiles[0];
    struct builder *b = m->b;
    struct profile *header = builder_header(b);
    struct str type = STR(""), url = STR("");
    for (uint32_t i = 0; i < m->n_types; i++) {
        const struct profile_value_type *from = &first->types[common->maps[i]];
        builder_type(b, builder_string(b, profile_str(first, from->type)),
                     builder_string(b, profile_str(first, from->unit)));
    }
    for (size_t k = 0; k < n; k++) {
        const struct profile *p = profiles[k];
        if (header->time_nanos == 0 || p->time_nanos < header->time_nanos)
            header->time_nanos = p->time_nanos;
        header->duration_nanos =
            (int64_t)((uint64_t)header->duration_nanos + (uint64_t)p->duration_nanos);
        if (header->period == 0 || header->period < p->period)
            header->period = p->period;
        if (type.len == 0)
            type = default_type(p, common->maps + k * common->n, common->n);
        if (url.len == 0)
            url = profile_str(p, p->doc_url);
    }
    header->default_type = builder_string(b, type);
    header->doc_url = builder_string(b, url);
    header->has_period_type = first->has_period_type;
    header->period_type.type = builder_string(b, profile_str(first, first->period_type.type));
    header->period_type.unit = builder_string(b, profile_str(first, first->period_type.unit));
    header->drop_frames = builder_string(b, profile_str(first, first->drop_frames));
    header->keep_frames = builder_string(b, profile_str(first, first->keep_frames));
    combine_comments(b, profiles, n, m);
}

static bool has_zero_sample(const struct profile *profile)
{
    for (uint32_t i = 0; i < profile->n_samples; i++) {
        bool is_zero = true;
        for (uint32_t k = 0; k < profile->n_types; k++)
            is_zero = is_zero && profile->values[(size_t)i * profile->n_types + k] == 0;
        if (is_zero)
            return true;
    }
    return false;
}

static struct profile *merge_common(const struct merge_source *sources,
                                    const struct profile *const *profiles, size_t n,
                                    const struct common_types *common, struct err *err)
{
    struct merger m = {.b = builder_new(err), .n_types = common->n};
    struct profile *result = NULL;
    if (!m.b)
        return NULL;
    m.failed = !keys_init(&m.mappings) || !keys_init(&m.functions) || !keys_init(&m.locations) ||
               !keys_init(&m.samples) || !vec_reserve(&m.values, common->n);
    if (!m.failed)
        combine_headers(&m, profiles, n, common);
    for (size_t i = 0; i < n && !m.failed; i++) {
        m.type_map = common->maps + i * common->n;
        add_source(&m, &sources[i]);
    }
    if (m.failed) {
        builder_free(m.b);
        err_nomem(err);
    } else {
        result = builder_seal(m.b, err);
    }
    keys_release(&m.mappings);
    keys_release(&m.functions);
    keys_release(&m.locations);
    keys_release(&m.samples);
    vec_release(&m.starts);
    buf_release(&m.key);
    labels_release(&m.labels);
    vec_release(&m.locs);
    vec_release(&m.lines);
    vec_release(&m.new_labels);
    vec_release(&m.values);
    return result;
}

static struct profile *merge(const struct merge_source *sources,
                             const struct profile *const *profiles, size_t n, struct err *err)
{
    struct profile *result = NULL;
    struct common_types common = {0};
    if (find_common_types(profiles, n, &common, err) && check_units(profiles, n, &common, err))
        result = merge_common(sources, profiles, n, &common, err);
    free(common.maps);
    if (result && has_zero_sample(result)) {
        /* Once more, to drop what only the samples that came to zero used. */
        struct profile *whole = result;
        result = merge_sources(&(struct merge_source){.profile = whole}, 1, err);
        profile_free(whole);
    }
    return result;
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

struct profile *merge_difference(const struct profile *profile, const struct profile *base,
                                 const char *mark, bool normalize, struct err *err)
{
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
            {.profile = profile, .ratios = normalize ? ratios : NULL},
            {.profile = base, .ratios = minus, .mark = mark},
        };
        result = merge_sources(sources, 2, err);
    }
    free(ratios);
    return result;
}
