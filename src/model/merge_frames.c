#include "model/merge_frames.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

/* Rows to be looked up, with what is known of them. */
struct lot {
    uint32_t hashes[MERGE_FRAMES_LOT];
    union {
        struct profile_function functions[MERGE_FRAMES_LOT];
        struct profile_location locations[MERGE_FRAMES_LOT];
    };
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Room for so many more rows. */
static bool has_room(struct merge_frames *m, struct rows *rows, size_t n)
{
    m->failed |= !rows_reserve(rows, rows->n + n);
    return !m->failed;
}

/* The new row goes where the search for it ended. */
static void put_row(struct merge_frames *m, struct rows *rows, struct rows_slot *slot, uint32_t row,
                    uint32_t hash)
{
    rows_put(rows, slot, row, hash);
    m->failed |= builder_has_failed(m->b);
}

uint32_t merge_frames_string(struct merge_frames *m, uint32_t string)
{
    if (m->string_map[string] == PROFILE_NONE)
        m->string_map[string] = builder_string(m->b, profile_str(m->source, string));
    return m->string_map[string];
}

/* Equal size (in pages), offset and build id, or file name where there is none. */
static bool equal_mappings(const struct merge_frames_mapping *a,
                           const struct merge_frames_mapping *b)
{
    return a->size == b->size && a->offset == b->offset && a->text == b->text;
}

/* The mapping of the result for one of the source; its key's text is `text`.  *is_new: it is the
 * next one. */
static uint32_t find_mapping(struct merge_frames *m, const struct profile *source, uint32_t row,
                             uint32_t text, bool *is_new)
{
    const struct profile_mapping *mapping = &source->mappings[row];
    struct merge_frames_mapping key = {
        .size = (mapping->limit - mapping->start + 0xfff) & ~(uint64_t)0xfff,
        .offset = mapping->offset,
        .text = text,
        .start = mapping->start,
        .row = row,
    };
    *is_new = false;
    if (!has_room(m, &m->mappings, 1))
        return PROFILE_NONE;
    uint32_t hash = (uint32_t)hash_u64(hash_step(hash_step(key.size, key.offset), key.text));
    struct rows_slot *slot = rows_first(&m->mappings, hash);
    while (slot->row != ROWS_NONE &&
           !(slot->hash == hash && equal_mappings(&m->mapping_keys.items[slot->row], &key)))
        slot = rows_next(&m->mappings, slot);
    if (slot->row == ROWS_NONE) {
        *is_new = true;
        m->failed |= !vec_push(&m->mapping_keys, key);
        rows_put(&m->mappings, slot, (uint32_t)m->mappings.n, hash);
    }
    if (m->failed)
        return PROFILE_NONE;
    m->shifts[row] = m->mapping_keys.items[slot->row].start - mapping->start;
    return m->mapping_map[row] = slot->row;
}

static uint32_t text_of(const struct profile_mapping *mapping)
{
    return mapping->build_id ? mapping->build_id : mapping->file;
}

uint32_t merge_frames_mapping(struct merge_frames *m, uint32_t row)
{
    if (row == PROFILE_NONE || m->mapping_map[row] != PROFILE_NONE)
        return row == PROFILE_NONE ? PROFILE_NONE : m->mapping_map[row];
    struct profile_mapping mapping = m->source->mappings[row];
    bool is_new;
    uint32_t to =
        find_mapping(m, m->source, row, merge_frames_string(m, text_of(&mapping)), &is_new);
    if (is_new) {
        mapping.id = 0;
        mapping.file = merge_frames_string(m, mapping.file);
        mapping.build_id = merge_frames_string(m, mapping.build_id);
        mapping.kernel_relocation_symbol = merge_frames_string(m, mapping.kernel_relocation_symbol);
        builder_mapping(m->b, &mapping);
        m->failed |= builder_has_failed(m->b);
    }
    return to;
}

static bool equal_functions(const struct profile_function *a, const struct profile_function *b)
{
    return a->name == b->name && a->system_name == b->system_name && a->filename == b->filename &&
           a->start_line == b->start_line;
}

/* Map the strings of a lot of functions. */
static void map_names(struct merge_frames *m, const uint32_t *rows, size_t n)
{
    struct str texts[3 * MERGE_FRAMES_LOT];
    uint32_t strings[3 * MERGE_FRAMES_LOT], ids[3 * MERGE_FRAMES_LOT];
    size_t n_new = 0;
    for (size_t i = 0; i < n; i++) {
        const struct profile_function *function = &m->source->functions[rows[i]];
        const uint32_t names[] = {function->name, function->system_name, function->filename};
        for (size_t k = 0; k < 3; k++) {
            if (m->string_map[names[k]] != PROFILE_NONE)
                continue;
            m->string_map[names[k]] = MERGE_FRAMES_LISTED;
            texts[n_new] = profile_str(m->source, names[k]);
            strings[n_new++] = names[k];
        }
    }
    builder_strings(m->b, texts, n_new, ids);
    for (size_t i = 0; i < n_new; i++)
        m->string_map[strings[i]] = ids[i];
}

static uint32_t hash_function(const struct profile_function *function)
{
    uint64_t h = hash_step((uint64_t)function->start_line, function->name);
    return (uint32_t)hash_u64(
        hash_step(h, (uint64_t)function->system_name << 32 | function->filename));
}

static uint32_t find_function(struct merge_frames *m, const struct profile_function *function,
                              uint32_t hash)
{
    struct rows_slot *slot = rows_first(&m->functions, hash);
    while (slot->row != ROWS_NONE &&
           !(slot->hash == hash && equal_functions(builder_function_at(m->b, slot->row), function)))
        slot = rows_next(&m->functions, slot);
    if (slot->row == ROWS_NONE)
        put_row(m, &m->functions, slot, builder_function(m->b, function), hash);
    return slot->row;
}

static void map_functions(struct merge_frames *m, const uint32_t *rows, size_t n)
{
    struct lot lot;
    if (!has_room(m, &m->functions, n))
        return;
    map_names(m, rows, n);
    for (size_t i = 0; i < n; i++) {
        struct profile_function *function = &lot.functions[i];
        *function = m->source->functions[rows[i]];
        function->id = 0;
        function->name = m->string_map[function->name];
        function->system_name = m->string_map[function->system_name];
        function->filename = m->string_map[function->filename];
        lot.hashes[i] = hash_function(function);
        rows_prefetch(&m->functions, lot.hashes[i]);
    }
    for (size_t i = 0; i < n && !m->failed; i++)
        m->function_map[rows[i]] = find_function(m, &lot.functions[i], lot.hashes[i]);
}

/* Map the functions of a lot of locations. */
static void map_functions_of(struct merge_frames *m, const uint32_t *rows, size_t n)
{
    const struct profile *source = m->source;
    vec_clear(&m->new_functions);
    for (size_t i = 0; i < n; i++) {
        const struct profile_location *location = &source->locations[rows[i]];
        for (uint32_t k = 0; k < location->n_lines; k++) {
            uint32_t function = source->lines[location->first_line + k].function;
            if (function == PROFILE_NONE || m->function_map[function] != PROFILE_NONE)
                continue;
            m->function_map[function] = MERGE_FRAMES_LISTED;
            m->failed |= !vec_push(&m->new_functions, function);
        }
    }
    for (size_t i = 0; i < m->new_functions.n && !m->failed; i += MERGE_FRAMES_LOT)
        map_functions(m, m->new_functions.items + i,
                      least(m->new_functions.n - i, MERGE_FRAMES_LOT));
}

static bool equal_locations(const struct profile_location *a, const struct profile_line *a_lines,
                            const struct profile_location *b, const struct profile_line *b_lines)
{
    uint32_t n = a->n_lines;
    if (a->address != b->address || a->mapping != b->mapping || a->is_folded != b->is_folded ||
        n != b->n_lines)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (a_lines[i].function != b_lines[i].function || a_lines[i].line != b_lines[i].line)
            return false;
    /* Go compares the column of the last line only. */
    return n == 0 || a_lines[n - 1].column == b_lines[n - 1].column;
}

/* Is this row of the result the location with these lines? */
static bool is_location(const struct merge_frames *m, uint32_t row,
                        const struct profile_location *location, const struct profile_line *lines)
{
    const struct profile_line *row_lines;
    const struct profile_location *at = builder_location_at(m->b, row, &row_lines);
    return equal_locations(at, row_lines, location, lines);
}

static uint32_t find_location(struct merge_frames *m, const struct profile_location *location,
                              uint32_t hash)
{
    const struct profile_line *lines = m->lines.items + location->first_line;
    struct rows_slot *slot = rows_first(&m->locations, hash);
    while (slot->row != ROWS_NONE &&
           !(slot->hash == hash && is_location(m, slot->row, location, lines)))
        slot = rows_next(&m->locations, slot);
    if (slot->row == ROWS_NONE)
        put_row(m, &m->locations, slot, builder_location(m->b, location, lines, location->n_lines),
                hash);
    return slot->row;
}

static uint32_t hash_location(uint64_t address, uint32_t mapping, const struct profile_line *lines,
                              uint32_t n_lines)
{
    uint64_t h = hash_step(address, mapping);
    for (uint32_t i = 0; i < n_lines; i++)
        h = hash_step(hash_step(h, lines[i].function), (uint64_t)lines[i].line);
    return (uint32_t)hash_u64(h);
}

/* The location as it is in the result, but for its lines, which go to m->lines; its hash. */
static uint32_t take_location(struct merge_frames *m, uint32_t row, struct profile_location *to)
{
    const struct profile *source = m->source;
    *to = source->locations[row];
    const struct profile_line *lines = source->lines + to->first_line;
    to->id = 0;
    if (to->mapping != PROFILE_NONE) {
        uint32_t from = to->mapping;
        to->mapping = merge_frames_mapping(m, from);
        to->address += m->shifts[from];
    }
    to->first_line = (uint32_t)m->lines.n;                       /* in the lot */
    if (!vec_reserve(&m->lines, m->lines.n + to->n_lines + 1)) { /* there is an address */
        m->failed = true;
        return 0;
    }
    for (uint32_t i = 0; i < to->n_lines; i++) {
        struct profile_line line = lines[i];
        if (line.function != PROFILE_NONE)
            line.function = m->function_map[line.function];
        m->lines.items[m->lines.n++] = line;
    }
    return hash_location(to->address, to->mapping, m->lines.items + to->first_line, to->n_lines);
}

static void map_lot(struct merge_frames *m, const uint32_t *rows, size_t n)
{
    struct lot lot;
    map_functions_of(m, rows, n);
    if (!has_room(m, &m->locations, n))
        return;
    vec_clear(&m->lines);
    for (size_t i = 0; i < n && !m->failed; i++) {
        lot.hashes[i] = take_location(m, rows[i], &lot.locations[i]);
        rows_prefetch(&m->locations, lot.hashes[i]);
    }
    for (size_t i = 0; i < n && !m->failed; i++) {
        uint32_t row = rows_first(&m->locations, lot.hashes[i])->row;
        if (row != ROWS_NONE)
            builder_prefetch_location(m->b, row);
    }
    for (size_t i = 0; i < n && !m->failed; i++)
        m->location_map[rows[i]] = find_location(m, &lot.locations[i], lot.hashes[i]);
}

void merge_frames_map(struct merge_frames *m, const uint32_t *rows, size_t n)
{
    for (size_t i = 0; i < n && !m->failed; i += MERGE_FRAMES_LOT)
        map_lot(m, rows + i, least(n - i, MERGE_FRAMES_LOT));
}

static bool is_string(struct merge_frames *m, uint32_t string, uint32_t to)
{
    if (m->string_map[string] == PROFILE_NONE &&
        str_eq(profile_str(m->source, string), builder_text(m->b, to)))
        m->string_map[string] = to;
    return m->string_map[string] == to;
}

static bool is_function(struct merge_frames *m, uint32_t row, uint32_t to)
{
    if (row == PROFILE_NONE || to == PROFILE_NONE)
        return row == to;
    if (m->function_map[row] != PROFILE_NONE)
        return m->function_map[row] == to;
    const struct profile_function *function = &m->source->functions[row],
                                  *at = builder_function_at(m->b, to);
    if (function->start_line != at->start_line || !is_string(m, function->name, at->name) ||
        !is_string(m, function->system_name, at->system_name) ||
        !is_string(m, function->filename, at->filename))
        return false;
    m->function_map[row] = to;
    return true;
}

static bool are_lines(struct merge_frames *m, const struct profile_line *lines,
                      const struct profile_line *at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (lines[i].line != at[i].line || !is_function(m, lines[i].function, at[i].function))
            return false;
    return n == 0 || lines[n - 1].column == at[n - 1].column; /* as equal_locations */
}

bool merge_frames_is(struct merge_frames *m, uint32_t row, uint32_t to)
{
    if (m->location_map[row] != PROFILE_NONE)
        return m->location_map[row] == to;
    const struct profile_location *location = &m->source->locations[row];
    const struct profile_line *at_lines;
    const struct profile_location *at = builder_location_at(m->b, to, &at_lines);
    uint32_t mapping = location->mapping;
    uint64_t address = location->address;
    if (mapping != PROFILE_NONE) {
        address += m->shifts[mapping];
        mapping = m->mapping_map[mapping];
    }
    if (address != at->address || location->n_lines != at->n_lines || mapping != at->mapping ||
        (mapping == PROFILE_NONE && location->mapping != PROFILE_NONE) ||
        location->is_folded != at->is_folded ||
        !are_lines(m, m->source->lines + location->first_line, at_lines, at->n_lines))
        return false;
    m->location_map[row] = to;
    return true;
}

static uint32_t *new_map(struct merge_frames *m, size_t n)
{
    uint32_t *map = malloc(n ? n * sizeof *map : 1);
    m->failed |= !map;
    if (map)
        memset(map, 0xff, n * sizeof *map); /* PROFILE_NONE */
    return map;
}

static void free_maps(struct merge_frames *m)
{
    free(m->string_map);
    free(m->mapping_map);
    free(m->function_map);
    free(m->location_map);
    free(m->shifts);
    m->string_map = m->mapping_map = m->function_map = m->location_map = NULL;
    m->shifts = NULL;
}

void merge_frames_source(struct merge_frames *m, const struct profile *source)
{
    free_maps(m);
    m->source = source;
    m->string_map = new_map(m, source->n_strings);
    m->mapping_map = new_map(m, source->n_mappings);
    m->function_map = new_map(m, source->n_functions);
    m->location_map = new_map(m, source->n_locations);
    m->shifts = calloc((size_t)source->n_mappings + 1, sizeof *m->shifts);
    m->failed |= !m->shifts;
    /* What the first one has is what there will be at least. */
    m->failed |= !rows_reserve(&m->functions, source->n_functions) ||
                 !rows_reserve(&m->locations, source->n_locations);
}

/* Are all functions used, first by locations in the order of their rows? */
static bool has_functions_in_order(const struct profile *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_locations; i++) {
        const struct profile_line *lines = p->lines + p->locations[i].first_line;
        for (uint32_t k = 0; k < p->locations[i].n_lines; k++) {
            if (lines[k].function != PROFILE_NONE && lines[k].function > n)
                return false;
            n += lines[k].function == n;
        }
    }
    return n == p->n_functions;
}

/* False: two are equal. */
static bool index_functions(struct merge_frames *m, const struct profile *p)
{
    for (uint32_t i = 0; i < p->n_functions; i++) {
        uint32_t hash = hash_function(&p->functions[i]);
        struct rows_slot *slot = rows_first(&m->functions, hash);
        for (; slot->row != ROWS_NONE; slot = rows_next(&m->functions, slot))
            if (slot->hash == hash && equal_functions(&p->functions[slot->row], &p->functions[i]))
                return false;
        rows_put(&m->functions, slot, i, hash);
    }
    return true;
}

/* Map a mapping.  False: it is equal to another, so that addresses would move. */
static bool index_mapping(struct merge_frames *m, const struct profile *p, uint32_t row)
{
    bool is_new = true;
    if (m->mapping_map[row] == PROFILE_NONE)
        find_mapping(m, p, row, text_of(&p->mappings[row]), &is_new);
    return is_new && !m->failed;
}

/* False: two are equal, or their mappings are. */
static bool index_locations(struct merge_frames *m, const struct profile *p)
{
    for (uint32_t i = 0; i < p->n_locations; i++) {
        const struct profile_location *location = &p->locations[i];
        const struct profile_line *lines = p->lines + location->first_line;
        uint32_t mapping = location->mapping;
        if (mapping != PROFILE_NONE) {
            if (!index_mapping(m, p, mapping))
                return false;
            mapping = m->mapping_map[mapping];
        }
        uint32_t hash = hash_location(location->address, mapping, lines, location->n_lines);
        struct rows_slot *slot = rows_first(&m->locations, hash);
        for (; slot->row != ROWS_NONE; slot = rows_next(&m->locations, slot)) {
            const struct profile_location *at = &p->locations[slot->row];
            if (slot->hash == hash &&
                equal_locations(at, p->lines + at->first_line, location, lines))
                return false;
        }
        rows_put(&m->locations, slot, i, hash);
    }
    return true;
}

bool merge_frames_index(struct merge_frames *m, const struct profile *first)
{
    merge_frames_source(m, first);
    return !m->failed && has_functions_in_order(first) &&
           (first->n_mappings == 0 || index_mapping(m, first, 0)) && index_functions(m, first) &&
           index_locations(m, first);
}

void merge_frames_take(struct merge_frames *m, struct profile *first)
{
    struct profile_function *functions = (struct profile_function *)first->functions;
    struct profile_location *locations = (struct profile_location *)first->locations;
    const struct profile_mapping *mappings = first->mappings; /* lives as long as the builder */
    for (uint32_t i = 0; i < first->n_functions; i++)
        functions[i].id = (uint64_t)i + 1;
    for (uint32_t i = 0; i < first->n_locations; i++) {
        locations[i].id = (uint64_t)i + 1;
        if (locations[i].mapping != PROFILE_NONE)
            locations[i].mapping = m->mapping_map[locations[i].mapping];
    }
    builder_take(m->b, first);
    for (size_t i = 0; i < m->mapping_keys.n && !builder_has_failed(m->b); i++) {
        struct profile_mapping mapping = mappings[m->mapping_keys.items[i].row];
        mapping.id = 0;
        builder_mapping(m->b, &mapping);
    }
    m->failed |= builder_has_failed(m->b);
}

void merge_frames_init(struct merge_frames *m, struct builder *b)
{
    *m = (struct merge_frames){.b = b};
}

void merge_frames_release(struct merge_frames *m)
{
    free_maps(m);
    rows_release(&m->mappings);
    rows_release(&m->functions);
    rows_release(&m->locations);
    vec_release(&m->mapping_keys);
    vec_release(&m->lines);
    vec_release(&m->new_functions);
}
