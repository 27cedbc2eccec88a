#include "format/pprof_read.h"

#include "format/pprof_decoder.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SAMPLES 1024u
#define RESERVED_MAX ((size_t)1 << 16) /* rows */

/* A string index, kept in 32 bits: too large ones become one that never exists. */
static uint32_t string_index(uint64_t v)
{
    return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

#define PUSH(d, column, ...)                                                                       \
    ((d)->column.n >= UINT32_MAX - 1                                                               \
         ? proto_malformed(&(d)->in, (d)->err, NULL, "too many " #column)                          \
     : vec_push(&(d)->column, __VA_ARGS__) ? true                                                  \
                                           : err_nomem((d)->err))

static bool read_value_type(struct decoder *d, const struct proto_field *f,
                            struct profile_value_type *type)
{
    uint64_t n[3];
    if (!proto_numbers(&d->in, f, n, 3, d->err))
        return false;
    *type = (struct profile_value_type){string_index(n[1]), string_index(n[2])};
    return true;
}

static bool read_mapping(struct decoder *d, const struct proto_field *f)
{
    uint64_t n[11];
    return proto_numbers(&d->in, f, n, 11, d->err) &&
           PUSH(d, mappings,
                (struct profile_mapping){.id = n[1],
                                         .start = n[2],
                                         .limit = n[3],
                                         .offset = n[4],
                                         .file = string_index(n[5]),
                                         .build_id = string_index(n[6]),
                                         .has_functions = n[7] != 0,
                                         .has_filenames = n[8] != 0,
                                         .has_line_numbers = n[9] != 0,
                                         .has_inline_frames = n[10] != 0});
}

/* How many rows there may be in so many bytes. */
static size_t rows_in(size_t n_bytes)
{
    return n_bytes / 48 < RESERVED_MAX ? n_bytes / 48 : RESERVED_MAX;
}

/* How many more rows there may be after the first of them, so that their table need not be moved.
 */
static size_t rows_to_come(const struct decoder *d, const struct proto_field *first)
{
    return rows_in((size_t)(d->in.end - first->end));
}

static bool read_function(struct decoder *d, const struct proto_field *f)
{
    uint64_t n[6];
    if (d->functions.n == 0 && !vec_reserve(&d->functions, rows_to_come(d, f)))
        return err_nomem(d->err);
    return proto_numbers(&d->in, f, n, 6, d->err) &&
           PUSH(d, functions,
                (struct profile_function){.id = n[1],
                                          .name = string_index(n[2]),
                                          .system_name = string_index(n[3]),
                                          .filename = string_index(n[4]),
                                          .start_line = (int64_t)n[5]});
}

/* An id as it is kept in a row. */
static uint32_t row_id(uint64_t id)
{
    return id < LARGE_ID ? (uint32_t)id : LARGE_ID;
}

static inline __attribute__((always_inline)) bool add_line(struct decoder *d, uint64_t function,
                                                           uint64_t line, uint64_t column)
{
    uint32_t id = row_id(function);
    return PUSH(d, lines, (struct profile_line){id, (int64_t)line, (int64_t)column}) &&
           (function < LARGE_ID || PUSH(d, large_functions, function));
}

/* The line at p, when it is as writers put it.  The position after it, or p; NULL and the
 * error when memory runs out. */
static inline const uint8_t *take_line(struct decoder *d, const uint8_t *p, const uint8_t *end)
{
    uint64_t function = 0, line = 0, column = 0;
    if (end - p < 2 || p[0] != PROTO_KEY(4, PROTO_BYTES) || p[1] > 0x7f || p[1] > end - p - 2)
        return p;
    const uint8_t *q = p + 2, *line_end = q + p[1];
    q = proto_take(q, line_end, PROTO_KEY(1, PROTO_VARINT), &function);
    q = proto_take(q, line_end, PROTO_KEY(2, PROTO_VARINT), &line);
    q = proto_take(q, line_end, PROTO_KEY(3, PROTO_VARINT), &column);
    if (q != line_end)
        return p;
    return add_line(d, function, line, column) ? q : NULL;
}

static bool read_location(struct decoder *d, const struct proto_field *message)
{
    struct profile_location location = {.first_line = (uint32_t)d->lines.n};
    uint64_t mapping = 0, n[4];
    struct proto_field f;
    const uint8_t *p = message->p, *end = message->end, *next;
    p = proto_take(p, end, PROTO_KEY(1, PROTO_VARINT), &location.id);
    p = proto_take(p, end, PROTO_KEY(2, PROTO_VARINT), &mapping);
    p = proto_take(p, end, PROTO_KEY(3, PROTO_VARINT), &location.address);
    while ((next = take_line(d, p, end)) != p) {
        if (!next)
            return false;
        location.n_lines++;
        p = next;
    }
    while (p < end) {
        if (!(p = proto_next(&d->in, p, end, &f, d->err)))
            return false;
        if (f.number == 0 || f.number > 5)
            continue;
        if (!proto_expect(&d->in, &f, f.number == 4 ? PROTO_BYTES : PROTO_VARINT, d->err))
            return false;
        switch (f.number) {
        case 1:
            location.id = f.value;
            break;
        case 2:
            mapping = f.value;
            break;
        case 3:
            location.address = f.value;
            break;
        case 4:
            if (!proto_numbers(&d->in, &f, n, 4, d->err) || !add_line(d, n[1], n[2], n[3]))
                return false;
            location.n_lines++;
            break;
        case 5:
            location.is_folded = f.value != 0;
            break;
        }
    }
    location.mapping = row_id(mapping);
    return PUSH(d, locations, location) && (mapping < LARGE_ID || PUSH(d, large_mappings, mapping));
}

static bool read_string(struct decoder *d, const struct proto_field *f)
{
    struct str s = {(const char *)f->p, (size_t)(f->end - f->p)};
    if (d->string_ids.n == 0 && s.len)
        return proto_malformed(&d->in, d->err, f->at, "string_table[0] is not ''");
    if (d->string_ids.n == 0) {
        uint32_t n = (uint32_t)rows_to_come(d, f);
        if (!intern_reserve(&d->strings, n) || !vec_reserve(&d->string_ids, n))
            return err_nomem(d->err);
    }
    uint32_t id = intern_add(&d->strings, s);
    return id == INTERN_NONE ? err_nomem(d->err) : PUSH(d, string_ids, id);
}

static bool read_comments(struct decoder *d, const struct proto_field *f)
{
    if (f->type != PROTO_BYTES)
        return proto_expect(&d->in, f, PROTO_VARINT, d->err) &&
               PUSH(d, comments, string_index(f->value));
    uint64_t v;
    for (const uint8_t *p = f->p; p < f->end;) {
        if (!(p = proto_varint(p, f->end, &v)))
            return proto_malformed(&d->in, d->err, f->at, "bad number in a comment");
        if (!PUSH(d, comments, string_index(v)))
            return false;
    }
    return true;
}

/* Note a sample, and those after it as far as the chunk goes: the position after them, NULL and the
 * error. */
static const uint8_t *note_samples(struct decoder *d, const struct proto_field *f)
{
    struct chunk *last = d->chunks.n ? &d->chunks.items[d->chunks.n - 1] : NULL;
    if (!last || last->n_samples == CHUNK_SAMPLES) {
        struct chunk fresh = {.begin = f->at, .first_sample = (uint32_t)d->n_samples};
        if (!PUSH(d, chunks, fresh))
            return NULL;
        last = &d->chunks.items[d->chunks.n - 1];
    }
    const uint8_t *p = f->end, *next;
    uint32_t n = last->n_samples + 1;
    uint64_t n_bytes;
    for (; n < CHUNK_SAMPLES; n++, p = next + n_bytes) {
        next = proto_take(p, d->in.end, PROTO_KEY(2, PROTO_BYTES), &n_bytes);
        if (next == p || n_bytes > (uint64_t)(d->in.end - next))
            break;
    }
    d->n_samples += n - last->n_samples;
    last->n_samples = n;
    last->end = p;
    if (d->n_samples < UINT32_MAX)
        return p;
    proto_malformed(&d->in, d->err, f->at, "too many samples");
    return NULL;
}

/* The wire type of the profile's fields; field 13 (comments) may also be packed. */
static enum proto_type top_level_type(uint32_t number)
{
    return number <= 6 || number == 11 ? PROTO_BYTES : PROTO_VARINT;
}

/* Room for the tables of a profile of a few megabytes, so that they need not be moved again
 * and again; what is not used is not touched.  Lines last: they can grow where they are. */
static bool reserve_tables(struct decoder *d)
{
    size_t n = rows_in((size_t)(d->in.end - d->in.data));
    return vec_reserve(&d->locations, n) && vec_reserve(&d->lines, n);
}

/* More of what is being unpacked, from *p on: what comes before is gone then.  False: there is
 * no more, or it cannot be read so. */
static bool get_more(struct decoder *d, const uint8_t **p)
{
    if (!d->ahead || !pprof_read_ahead_samples(d))
        return false;
    size_t had = (size_t)(d->in.end - *p), n = gzip_ahead_next(d->ahead, p, had);
    d->in = (struct proto_input){*p, *p + n};
    return n > had;
}

static bool read_top_level(struct decoder *d)
{
    struct profile *profile = d->profile;
    struct profile_value_type type;
    struct proto_field f;
    for (const uint8_t *p = d->in.data, *next; p < d->in.end || get_more(d, &p); p = next) {
        bool ok = true;
        while (!(next = proto_next(&d->in, p, d->in.end, &f, d->err)))
            if (!get_more(d, &p))
                return false;
        if (f.number == 0 || f.number > 15)
            continue;
        if (f.number != 13 && !proto_expect(&d->in, &f, top_level_type(f.number), d->err))
            return false;
        switch (f.number) {
        case 1:
            ok = read_value_type(d, &f, &type) && PUSH(d, types, type);
            break;
        case 2:
            ok = (next = note_samples(d, &f));
            break;
        case 3:
            ok = read_mapping(d, &f);
            break;
        case 4:
            ok = read_location(d, &f);
            break;
        case 5:
            ok = read_function(d, &f);
            break;
        case 6:
            ok = read_string(d, &f);
            break;
        case 7:
            profile->drop_frames = string_index(f.value);
            break;
        case 8:
            profile->keep_frames = string_index(f.value);
            break;
        case 9:
            if (profile->time_nanos)
                return proto_malformed(&d->in, d->err, f.at, "concatenated profiles detected");
            profile->time_nanos = (int64_t)f.value;
            break;
        case 10:
            profile->duration_nanos = (int64_t)f.value;
            break;
        case 11:
            ok = read_value_type(d, &f, &profile->period_type);
            break;
        case 12:
            profile->period = (int64_t)f.value;
            break;
        case 13:
            ok = read_comments(d, &f);
            break;
        case 14:
            profile->default_type = string_index(f.value);
            break;
        case 15:
            profile->doc_url = string_index(f.value);
            break;
        }
        if (!ok)
            return false;
    }
    return true;
}

/* From index in the file to id. */
static bool resolve_string(struct decoder *d, uint32_t *string, const char *what)
{
    if (*string >= d->string_ids.n)
        return proto_malformed(&d->in, d->err, NULL,
                               "a %s refers to a string past the end of the table (%zu)", what,
                               d->string_ids.n);
    *string = d->string_ids.items[*string];
    return true;
}

static bool resolve_strings(struct decoder *d)
{
    struct profile *profile = d->profile;
    const struct str kernel = STR("[kernel.kallsyms]");
    if (d->string_ids.n == 0)
        return proto_malformed(&d->in, d->err, NULL, "no string table");
    for (size_t i = 0; i < d->types.n; i++)
        if (!resolve_string(d, &d->types.items[i].type, "sample type") ||
            !resolve_string(d, &d->types.items[i].unit, "sample type"))
            return false;
    for (size_t i = 0; i < d->comments.n; i++)
        if (!resolve_string(d, &d->comments.items[i], "comment"))
            return false;
    for (size_t i = 0; i < d->functions.n; i++) {
        struct profile_function *function = &d->functions.items[i];
        if (!resolve_string(d, &function->name, "function") ||
            !resolve_string(d, &function->system_name, "function") ||
            !resolve_string(d, &function->filename, "function"))
            return false;
    }
    for (size_t i = 0; i < d->mappings.n; i++) {
        struct profile_mapping *mapping = &d->mappings.items[i];
        if (!resolve_string(d, &mapping->file, "mapping") ||
            !resolve_string(d, &mapping->build_id, "mapping"))
            return false;
        struct str file = d->strings.strings[mapping->file];
        if (!str_has_prefix(file, kernel))
            continue;
        struct str symbol = {file.p + kernel.len, file.len - kernel.len};
        mapping->kernel_relocation_symbol = intern_add(&d->strings, symbol);
        if (mapping->kernel_relocation_symbol == INTERN_NONE)
            return err_nomem(d->err);
    }
    return resolve_string(d, &profile->drop_frames, "drop_frames") &&
           resolve_string(d, &profile->keep_frames, "keep_frames") &&
           resolve_string(d, &profile->period_type.type, "period type") &&
           resolve_string(d, &profile->period_type.unit, "period type") &&
           resolve_string(d, &profile->default_type, "default sample type") &&
           resolve_string(d, &profile->doc_url, "doc_url");
}

static void ids_release(struct ids *ids)
{
    free(ids->table);
    map_release(&ids->rest);
}

/* `first_id` is the id of the first of n rows that are `row_bytes` apart. */
static bool ids_build(struct decoder *d, struct ids *ids, const uint64_t *first_id, size_t n,
                      size_t row_bytes, const char *what)
{
#define ROW_ID(i) (*(const uint64_t *)((const char *)first_id + (i)*row_bytes))
    ids->n = (uint32_t)n;
    size_t n_dense = 0;
    while (n_dense < n && ROW_ID(n_dense) == n_dense + 1)
        n_dense++;
    ids->dense = n_dense == n;
    if (ids->dense)
        return true;
    ids->table = malloc((n + 1) * sizeof *ids->table);
    if (!ids->table)
        return err_nomem(d->err);
    for (size_t i = 0; i <= n; i++)
        ids->table[i] = PROFILE_NONE;
    for (size_t i = 0; i < n; i++) {
        uint64_t id = ROW_ID(i);
        if (id == 0)
            return proto_malformed(&d->in, d->err, NULL, "found %s with reserved id 0", what);
        if (ids_find(ids, id) != PROFILE_NONE)
            return proto_malformed(&d->in, d->err, NULL, "multiple %ss with same id: %" PRIu64,
                                   what, id);
        if (id <= n)
            ids->table[id] = (uint32_t)i;
        else if (!map_put(&ids->rest, id, (uint32_t)i))
            return err_nomem(d->err);
    }
    return true;
#undef ROW_ID
}

#define IDS_BUILD(d, ids, rows, what)                                                              \
    ids_build((d), (ids), (rows)->n ? &(rows)->items[0].id : NULL, (rows)->n,                      \
              sizeof *(rows)->items, (what))

static bool resolve_ids(struct decoder *d)
{
    size_t n_dangling = 0;
    if (!IDS_BUILD(d, &d->mapping_ids, &d->mappings, "mapping") ||
        !IDS_BUILD(d, &d->function_ids, &d->functions, "function") ||
        !IDS_BUILD(d, &d->location_ids, &d->locations, "location"))
        return false;
    const uint64_t *large_mapping = d->large_mappings.items,
                   *large_function = d->large_functions.items;
    for (size_t i = 0; i < d->locations.n; i++) {
        struct profile_location *location = &d->locations.items[i];
        uint64_t id = location->mapping == LARGE_ID ? *large_mapping++ : location->mapping;
        location->mapping = ids_find(&d->mapping_ids, id);
        n_dangling += id != 0 && location->mapping == PROFILE_NONE;
        for (uint32_t k = 0; k < location->n_lines; k++) {
            struct profile_line *line = &d->lines.items[location->first_line + k];
            id = line->function == LARGE_ID ? *large_function++ : line->function;
            line->function = ids_find(&d->function_ids, id);
            if (line->function == PROFILE_NONE)
                return proto_malformed(&d->in, d->err, NULL,
                                       "location id: %" PRIu64
                                       " has a line with unknown function %" PRIu64,
                                       location->id, id);
        }
    }
    if (n_dangling)
        diag_add(d->diag, "%zu location(s) refer to a mapping that is not in the profile",
                 n_dangling);
    return true;
}

#define ADOPT(d, member)                                                                           \
    ((d)->profile->n_##member = (uint32_t)(d)->member.n,                                           \
     ((d)->profile->member = arena_adopt(&(d)->profile->arena, (void **)&(d)->member.items,        \
                                         (d)->member.n, sizeof *(d)->member.items)) != NULL)

/* The tables become the profile's. */
static bool seal(struct decoder *d)
{
    struct profile *profile = d->profile;
    profile->n_strings = d->strings.n;
    profile->strings = arena_adopt(&profile->arena, (void **)&d->strings.strings, d->strings.n,
                                   sizeof *d->strings.strings);
    profile->has_period_type = true;
    return profile->strings && ADOPT(d, types) && ADOPT(d, comments) && ADOPT(d, mappings) &&
           ADOPT(d, functions) && ADOPT(d, lines) && ADOPT(d, locations);
}

static void decoder_release(struct decoder *d)
{
    intern_release(&d->strings);
    vec_release(&d->string_ids);
    vec_release(&d->types);
    vec_release(&d->comments);
    vec_release(&d->mappings);
    vec_release(&d->functions);
    vec_release(&d->lines);
    vec_release(&d->locations);
    vec_release(&d->large_functions);
    vec_release(&d->large_mappings);
    vec_release(&d->chunks);
    vec_release(&d->stack_first);
    vec_release(&d->label_first);
    vec_release(&d->stack_locs);
    vec_release(&d->values);
    vec_release(&d->labels);
    ids_release(&d->mapping_ids);
    ids_release(&d->function_ids);
    ids_release(&d->location_ids);
}

/* The first fields must be fields of a profile.  One that is cut short after a
 * good one is still taken for a profile, for the better message. */
static bool pprof_probe(const uint8_t *data, size_t len)
{
    struct decoder d = {.in = {data, data + len}};
    struct proto_field f = {0};
    const uint8_t *p = data;
    for (int i = 0; i < 8 && p < d.in.end; i++) {
        p = proto_next(&d.in, p, d.in.end, &f, NULL);
        if (!p)
            return i > 0 && (f.type == PROTO_VARINT || f.type == PROTO_BYTES);
        if (f.number == 0 ||
            (f.number <= 15 && f.number != 13 && f.type != (uint32_t)top_level_type(f.number)))
            return false;
    }
    return true;
}

static struct profile *read_profile(struct decoder *d)
{
    d->profile = profile_new();
    if (!d->profile || !intern_init(&d->strings, &d->profile->arena) || !reserve_tables(d))
        err_nomem(d->err);
    else if (read_top_level(d) && resolve_strings(d) && resolve_ids(d) && pprof_read_samples(d)) {
        if (seal(d)) {
            decoder_release(d);
            return d->profile;
        }
        err_nomem(d->err);
    }
    decoder_release(d);
    profile_free(d->profile);
    return NULL;
}

struct profile *pprof_read(const uint8_t *data, size_t len, struct diag *diag, struct err *err)
{
    struct decoder d = {.in = {data, data + len}, .diag = diag, .err = err};
    if (len)
        return read_profile(&d);
    err_set(err, ERR_INPUT, "empty input file");
    return NULL;
}

struct profile *pprof_read_ahead(struct gzip_ahead *ahead, bool without_stacks, struct diag *diag)
{
    const uint8_t *data = NULL;
    size_t n = gzip_ahead_next(ahead, &data, 0);
    struct decoder d = {
        .in = {data, data + n}, .ahead = ahead, .without_stacks = without_stacks, .diag = diag};
    return pprof_probe(data, n) ? read_profile(&d) : NULL;
}

const struct format_ops pprof_format = {
    .name = "pprof",
    .help = "profile.proto, as Go and google/pprof write it",
    .probe = pprof_probe,
    .read = pprof_read,
};
