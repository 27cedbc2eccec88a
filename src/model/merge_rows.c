#include "model/merge_rows.h"

#include "base/buf.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/rows.h"
#include "base/vec.h"
#include "model/labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is told apart as Go does it, by a key of bytes.  The n-th new key is the
 * n-th new row, so an intern table of keys is the whole index. */
struct keys {
    struct arena arena;
    struct intern intern;
};

struct merge_rows {
    struct builder *b;
    struct rows functions, locations, samples; /* the builder's */
    struct keys mappings, label_sets;
    VEC(uint64_t) starts; /* of the mappings of the result */
    VEC(uint32_t)
    sample_set;           /* label set + 1 of each sample up to the last that has labels, 0: none */
    struct buf key;       /* scratch */
    struct labels labels; /* of the sample at hand */
    VEC(struct profile_line) lines;
    VEC(struct profile_label) new_labels;
    int64_t *values;
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
static uint32_t keys_row(struct merge_rows *m, struct keys *keys, bool *is_new)
{
    uint32_t n = keys->intern.n, id = INTERN_NONE;
    if (!m->key.failed)
        id = intern_add(&keys->intern, (struct str){m->key.data, m->key.len});
    m->failed |= id == INTERN_NONE;
    *is_new = id == n;
    buf_clear(&m->key);
    return m->failed ? 0 : id - 1; /* id 0 is the empty key, which is never asked for */
}

static void key_bytes(struct merge_rows *m, const void *data, size_t n)
{
    buf_add(&m->key, data, n);
}

static void key_number(struct merge_rows *m, uint64_t v)
{
    char bytes[10];
    size_t n = 0;
    for (; v >= 128; v >>= 7)
        bytes[n++] = (char)(v | 0x80);
    bytes[n++] = (char)v;
    key_bytes(m, bytes, n);
}

static void key_text(struct merge_rows *m, struct str s)
{
    key_number(m, s.len);
    key_bytes(m, s.p, s.len);
}

static uint32_t map_string(struct merge_rows *m, uint32_t string)
{
    if (m->string_map[string] == PROFILE_NONE)
        m->string_map[string] = builder_string(m->b, profile_str(m->source, string));
    return m->string_map[string];
}

/* Equal size (in pages), offset and build id, or file name where there is none. */
static uint32_t map_mapping(struct merge_rows *m, uint32_t row)
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

/* Room for one more row. */
static bool has_room(struct merge_rows *m, struct rows *rows)
{
    m->failed |= !rows_reserve(rows, rows->n + 1);
    return !m->failed;
}

/* The new row goes where the search for it ended. */
static void put_row(struct merge_rows *m, struct rows *rows, struct rows_slot *slot, uint32_t row,
                    uint32_t hash)
{
    rows_put(rows, slot, row, hash);
    m->failed |= builder_has_failed(m->b);
}

static bool equal_functions(const struct profile_function *a, const struct profile_function *b)
{
    return a->name == b->name && a->system_name == b->system_name && a->filename == b->filename &&
           a->start_line == b->start_line;
}

static uint32_t map_function(struct merge_rows *m, uint32_t row)
{
    if (row == PROFILE_NONE || m->function_map[row] != PROFILE_NONE)
        return row == PROFILE_NONE ? PROFILE_NONE : m->function_map[row];
    struct profile_function function = m->source->functions[row];
    function.id = 0;
    function.name = map_string(m, function.name);
    function.system_name = map_string(m, function.system_name);
    function.filename = map_string(m, function.filename);
    if (!has_room(m, &m->functions))
        return 0;
    uint64_t h = hash_step((uint64_t)function.start_line, function.name);
    h = hash_step(h, (uint64_t)function.system_name << 32 | function.filename);
    uint32_t hash = (uint32_t)hash_u64(h);
    struct rows_slot *slot = rows_first(&m->functions, hash);
    while (
        slot->row != ROWS_NONE &&
        !(slot->hash == hash && equal_functions(builder_function_at(m->b, slot->row), &function)))
        slot = rows_next(&m->functions, slot);
    if (slot->row == ROWS_NONE)
        put_row(m, &m->functions, slot, builder_function(m->b, &function), hash);
    return m->function_map[row] = slot->row;
}

/* Is this row of the result the location with the lines in m->lines? */
static bool equal_location(const struct merge_rows *m, uint32_t row,
                           const struct profile_location *location)
{
    const struct profile_line *lines, *other = m->lines.items;
    const struct profile_location *at = builder_location_at(m->b, row, &lines);
    uint32_t n = at->n_lines;
    if (at->address != location->address || at->mapping != location->mapping ||
        at->is_folded != location->is_folded || n != location->n_lines)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (lines[i].function != other[i].function || lines[i].line != other[i].line)
            return false;
    /* Go compares the column of the last line only. */
    return n == 0 || lines[n - 1].column == other[n - 1].column;
}

static uint32_t hash_location(const struct merge_rows *m, const struct profile_location *location)
{
    uint64_t h = hash_step(location->address, location->mapping);
    for (size_t i = 0; i < m->lines.n; i++)
        h = hash_step(hash_step(h, m->lines.items[i].function), (uint64_t)m->lines.items[i].line);
    return (uint32_t)hash_u64(h);
}

static uint32_t map_location(struct merge_rows *m, uint32_t row)
{
    struct profile_location location = m->source->locations[row];
    uint32_t from = location.mapping;
    location.id = 0;
    location.mapping = map_mapping(m, from);
    vec_clear(&m->lines);
    for (uint32_t i = 0; i < location.n_lines && !m->failed; i++) {
        struct profile_line line = m->source->lines[location.first_line + i];
        line.function = map_function(m, line.function);
        if (!vec_push(&m->lines, line))
            m->failed = true;
    }
    if (m->failed || !has_room(m, &m->locations))
        return 0;
    if (location.mapping != PROFILE_NONE)
        location.address += m->shifts[from];
    uint32_t hash = hash_location(m, &location);
    struct rows_slot *slot = rows_first(&m->locations, hash);
    while (slot->row != ROWS_NONE &&
           !(slot->hash == hash && equal_location(m, slot->row, &location)))
        slot = rows_next(&m->locations, slot);
    if (slot->row == ROWS_NONE)
        put_row(m, &m->locations, slot,
                builder_location(m->b, &location, m->lines.items, location.n_lines), hash);
    return m->location_map[row] = slot->row;
}

/* Stands for the mark among labels of a source. */
static const struct profile_label mark_label = {.key = PROFILE_NONE};

/* The labels of one key, and that many more bytes of the sample's key. */
static void map_labels(struct merge_rows *m, size_t first, size_t n)
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

/* Integers below are exact as double, too. */
#define EXACT ((int64_t)1 << 53)

static int64_t multiplied(const struct merge_rows *m, const int64_t *values, uint32_t type)
{
    if (!m->ratios || m->ratios[type] == 1)
        return values[type];
    if (m->ratios[type] == -1 && values[type] > -EXACT && values[type] < EXACT)
        return -values[type];
    double v = round((double)values[type] * m->ratios[type]);
    /* As Go converts what does not fit. */
    return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

/* Is anything left of what is multiplied? */
static bool has_multiplied(const struct merge_rows *m, const int64_t *values)
{
    bool any = false, left = false;
    for (uint32_t i = 0; i < m->source->n_types; i++) {
        any |= m->ratios[i] != 1;
        left |= m->ratios[i] != 1 && multiplied(m, values, i) != 0;
    }
    return left || !any;
}

/* Put the mark among the labels of the sample at hand, in its place. */
static void mark_labels(struct merge_rows *m)
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

/* The values of a sample in m->values.  False if nothing is left of it. */
static bool take_values(struct merge_rows *m, uint32_t sample)
{
    const int64_t *values = m->source->values + (size_t)sample * m->source->n_types;
    bool any = false;
    if (m->ratios && !has_multiplied(m, values))
        return false;
    for (uint32_t i = 0; i < m->n_types; i++) {
        m->values[i] = multiplied(m, values, m->type_map[i]);
        any |= m->values[i] != 0;
    }
    return any;
}

/* The labels of a sample in m->new_labels; the number of their set + 1, 0 if it has none. */
static uint32_t take_labels(struct merge_rows *m, uint32_t sample)
{
    bool is_new;
    vec_clear(&m->new_labels);
    if (!m->source->label_first && !m->mark)
        return 0;
    if (!labels_load(&m->labels, m->source, sample))
        m->failed = true;
    if (m->mark)
        mark_labels(m);
    for (size_t i = 0, n; i < m->labels.n && !m->failed; i += n) {
        n = labels_run(&m->labels, i);
        map_labels(m, i, n);
    }
    return m->labels.n && !m->failed ? keys_row(m, &m->label_sets, &is_new) + 1 : 0;
}

static uint32_t sample_set(const struct merge_rows *m, uint32_t row)
{
    return row < m->sample_set.n ? m->sample_set.items[row] : 0;
}

/* Remember the label set of the newest row. */
static void note_set(struct merge_rows *m, uint32_t row, uint32_t set)
{
    if (set == 0)
        return;
    if (!vec_reserve(&m->sample_set, (size_t)row + 1)) {
        m->failed = true;
        return;
    }
    while (m->sample_set.n < row)
        m->sample_set.items[m->sample_set.n++] = 0;
    m->sample_set.items[m->sample_set.n++] = set;
}

static bool equal_sample(const struct merge_rows *m, uint32_t row, const uint32_t *locs,
                         uint32_t n_locs, uint32_t set)
{
    size_t n;
    const uint32_t *stack = builder_stack_at(m->b, row, &n);
    return n == n_locs && sample_set(m, row) == set && !memcmp(stack, locs, n * sizeof *locs);
}

static void add_sample(struct merge_rows *m, uint32_t sample)
{
    const struct profile *source = m->source;
    if (!take_values(m, sample))
        return;
    const uint32_t *stack = source->stack_locs + source->stack_first[sample];
    uint32_t n_locs = (uint32_t)(source->stack_first[sample + 1] - source->stack_first[sample]);
    uint32_t *locs = builder_stack_room(m->b, n_locs);
    m->failed |= !locs;
    for (uint32_t i = 0; i < n_locs && !m->failed; i++) {
        uint32_t to = m->location_map[stack[i]];
        locs[i] = to != PROFILE_NONE ? to : map_location(m, stack[i]);
    }
    if (m->failed)
        return;
    uint32_t set = take_labels(m, sample);
    if (m->failed || !has_room(m, &m->samples))
        return;
    uint32_t hash = (uint32_t)(hash_bytes(locs, n_locs * sizeof *locs) + set * 0x9e3779b1u);
    struct rows_slot *slot = rows_first(&m->samples, hash);
    while (slot->row != ROWS_NONE &&
           !(slot->hash == hash && equal_sample(m, slot->row, locs, n_locs, set)))
        slot = rows_next(&m->samples, slot);
    if (slot->row == ROWS_NONE) {
        uint32_t row = (uint32_t)m->samples.n;
        builder_sample(m->b, locs, n_locs, m->values, m->new_labels.items,
                       (uint32_t)m->new_labels.n);
        note_set(m, row, set);
        put_row(m, &m->samples, slot, row, hash);
        return;
    }
    int64_t *sum = builder_values(m->b, slot->row);
    for (uint32_t i = 0; sum && i < m->n_types; i++)
        sum[i] = (int64_t)((uint64_t)sum[i] + (uint64_t)m->values[i]);
}

static uint32_t *new_map(struct merge_rows *m, size_t n)
{
    uint32_t *map = malloc(n ? n * sizeof *map : 1);
    m->failed |= !map;
    if (map)
        memset(map, 0xff, n * sizeof *map); /* PROFILE_NONE */
    return map;
}

static void begin_source(struct merge_rows *m, const struct profile *source)
{
    m->source = source;
    m->string_map = new_map(m, source->n_strings);
    m->mapping_map = new_map(m, source->n_mappings);
    m->function_map = new_map(m, source->n_functions);
    m->location_map = new_map(m, source->n_locations);
    m->shifts = calloc(source->n_mappings + 1, sizeof *m->shifts);
    m->failed |= !m->shifts;
}

static void end_source(struct merge_rows *m)
{
    free(m->string_map);
    free(m->mapping_map);
    free(m->function_map);
    free(m->location_map);
    free(m->shifts);
    m->string_map = m->mapping_map = m->function_map = m->location_map = NULL;
    m->shifts = NULL;
}

bool merge_rows_add(struct merge_rows *m, const struct merge_source *from, const uint32_t *type_map)
{
    const struct profile *source = from->profile;
    if (m->failed)
        return false;
    m->ratios = from->ratios;
    m->mark = from->mark;
    m->type_map = type_map;
    begin_source(m, source);
    if (!m->failed) {
        /* The first mapping of a profile is the program itself, used or not. */
        if (m->starts.n == 0 && source->n_mappings)
            map_mapping(m, 0);
        for (uint32_t i = 0; i < source->n_samples && !m->failed; i++)
            add_sample(m, i);
    }
    end_source(m);
    return !m->failed;
}

struct merge_rows *merge_rows_new(struct builder *b, uint32_t n_types)
{
    struct merge_rows *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->b = b;
    m->n_types = n_types;
    m->values = malloc((n_types + 1) * sizeof *m->values);
    if (m->values && keys_init(&m->mappings) && keys_init(&m->label_sets))
        return m;
    merge_rows_free(m);
    return NULL;
}

void merge_rows_free(struct merge_rows *m)
{
    if (!m)
        return;
    keys_release(&m->mappings);
    keys_release(&m->label_sets);
    rows_release(&m->functions);
    rows_release(&m->locations);
    rows_release(&m->samples);
    vec_release(&m->starts);
    vec_release(&m->sample_set);
    buf_release(&m->key);
    labels_release(&m->labels);
    vec_release(&m->lines);
    vec_release(&m->new_labels);
    free(m->values);
    free(m);
}
