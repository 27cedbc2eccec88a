#include "format/pprof_read.h"

#include "base/intern.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/vec.h"
#include "format/proto.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The bytes are walked three times.  First the top level: tables (mappings,
 * locations, functions, strings) are decoded, samples are only cut into chunks.
 * Then, chunk by chunk on all processors, samples are counted, which gives every
 * sample its place in the columns; then they are decoded into those places. */

#define CHUNK_SAMPLES 4096u
#define CHUNKS_FOR_THREADS 8u
#define RESERVED_MAX ((size_t)1 << 16) /* rows */

/* A run of samples; other fields may stand between them. */
struct chunk {
    const uint8_t *begin, *end;
    uint32_t n_samples, first_sample;
    uint64_t n_locs, first_loc;
    uint64_t n_labels, first_label;
    bool failed;
    struct err err;
};

/* Rows by the ids they have in the file: usually 1, 2, 3... */
struct ids {
    uint32_t n;
    bool dense;      /* row = id - 1 */
    uint32_t *table; /* [n + 1], for ids up to n, when not dense */
    struct map rest;
};

struct decoder {
    struct proto_input in;
    struct profile *profile; /* being filled */
    struct diag *diag;
    struct err *err;

    struct intern strings;
    VEC(uint32_t) string_ids; /* index in the file -> id in `strings` */

    /* Rows as the file has them: string members are indexes in the file
     * (UINT32_MAX if larger) until resolve_strings. */
    VEC(struct profile_value_type) types;
    VEC(uint32_t) comments;
    VEC(struct profile_mapping) mappings;
    VEC(struct profile_function) functions;
    VEC(struct profile_line) lines;
    VEC(uint64_t) line_functions; /* ids, beside lines */
    VEC(struct profile_location) locations;
    VEC(uint64_t) location_mappings; /* ids, beside locations */
    VEC(struct chunk) chunks;
    uint64_t n_samples;

    struct ids mapping_ids, function_ids, location_ids;

    /* The profile's columns, written by chunk. */
    uint64_t *stack_first, *label_first;
    uint32_t *stack_locs;
    int64_t *values;
    struct profile_label *labels;
};

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

static bool read_function(struct decoder *d, const struct proto_field *f)
{
    uint64_t n[6];
    return proto_numbers(&d->in, f, n, 6, d->err) &&
           PUSH(d, functions,
                (struct profile_function){.id = n[1],
                                          .name = string_index(n[2]),
                                          .system_name = string_index(n[3]),
                                          .filename = string_index(n[4]),
                                          .start_line = (int64_t)n[5]});
}

static bool read_location(struct decoder *d, const struct proto_field *message)
{
    struct profile_location location = {.mapping = PROFILE_NONE,
                                        .first_line = (uint32_t)d->lines.n};
    uint64_t mapping = 0, n[4];
    struct proto_field f;
    for (const uint8_t *p = message->p; p < message->end;) {
        if (!(p = proto_next(&d->in, p, message->end, &f, d->err)))
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
            if (!proto_numbers(&d->in, &f, n, 4, d->err) || !PUSH(d, line_functions, n[1]) ||
                !PUSH(d, lines, (struct profile_line){PROFILE_NONE, (int64_t)n[2], (int64_t)n[3]}))
                return false;
            location.n_lines++;
            break;
        case 5:
            location.is_folded = f.value != 0;
            break;
        }
    }
    return PUSH(d, locations, location) && PUSH(d, location_mappings, mapping);
}

static bool read_string(struct decoder *d, const struct proto_field *f)
{
    struct str s = {(const char *)f->p, (size_t)(f->end - f->p)};
    if (d->string_ids.n == 0 && s.len)
        return proto_malformed(&d->in, d->err, f->at, "string_table[0] is not ''");
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

static bool note_sample(struct decoder *d, const struct proto_field *f)
{
    struct chunk *last = d->chunks.n ? &d->chunks.items[d->chunks.n - 1] : NULL;
    if (++d->n_samples >= UINT32_MAX)
        return proto_malformed(&d->in, d->err, f->at, "too many samples");
    if (!last || last->n_samples == CHUNK_SAMPLES) {
        struct chunk fresh = {.begin = f->at, .first_sample = (uint32_t)d->n_samples - 1};
        if (!PUSH(d, chunks, fresh))
            return false;
        last = &d->chunks.items[d->chunks.n - 1];
    }
    last->n_samples++;
    last->end = f->end;
    return true;
}

/* The wire type of the profile's fields; field 13 (comments) may also be packed. */
static enum proto_type top_level_type(uint32_t number)
{
    return number <= 6 || number == 11 ? PROTO_BYTES : PROTO_VARINT;
}

/* Room for the tables of a profile of a few megabytes, so that they need not be
 * moved again and again; what is not used is not touched. */
static bool reserve_tables(struct decoder *d)
{
    size_t n = (size_t)(d->in.end - d->in.data) / 64;
    n = n < RESERVED_MAX ? n : RESERVED_MAX;
    return vec_reserve(&d->locations, n) && vec_reserve(&d->location_mappings, n) &&
           vec_reserve(&d->lines, n + n / 2) && vec_reserve(&d->line_functions, n + n / 2);
}

static bool read_top_level(struct decoder *d)
{
    struct profile *profile = d->profile;
    struct profile_value_type type;
    struct proto_field f;
    for (const uint8_t *p = d->in.data; p < d->in.end;) {
        bool ok = true;
        if (!(p = proto_next(&d->in, p, d->in.end, &f, d->err)))
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
            ok = note_sample(d, &f);
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

/* The row of an id, PROFILE_NONE if there is none. */
static inline uint32_t ids_find(const struct ids *ids, uint64_t id)
{
    if (ids->dense)
        return id - 1 < ids->n ? (uint32_t)(id - 1) : PROFILE_NONE;
    return id <= ids->n ? ids->table[id] : map_get(&ids->rest, id);
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
    for (size_t i = 0; i < d->locations.n; i++) {
        struct profile_location *location = &d->locations.items[i];
        uint64_t id = d->location_mappings.items[i];
        location->mapping = ids_find(&d->mapping_ids, id);
        n_dangling += id != 0 && location->mapping == PROFILE_NONE;
        for (uint32_t k = 0; k < location->n_lines; k++) {
            size_t line = (size_t)location->first_line + k;
            uint32_t function = ids_find(&d->function_ids, d->line_functions.items[line]);
            if (function == PROFILE_NONE)
                return proto_malformed(&d->in, d->err, NULL,
                                       "location id: %" PRIu64
                                       " has a line with unknown function %" PRIu64,
                                       location->id, d->line_functions.items[line]);
            d->lines.items[line].function = function;
        }
    }
    if (n_dangling)
        diag_add(d->diag, "%zu location(s) refer to a mapping that is not in the profile",
                 n_dangling);
    return true;
}

enum label { LABEL_KEY = 1, LABEL_STR, LABEL_NUM, LABEL_UNIT, LABEL_FIELDS };

static bool label_is_kept(const uint64_t *n)
{
    return n[LABEL_STR] || n[LABEL_NUM] || n[LABEL_UNIT];
}

static bool count_sample(const struct decoder *d, const struct proto_field *sample,
                         struct chunk *chunk)
{
    uint64_t n_values = 0, n[LABEL_FIELDS];
    struct proto_field f;
    for (const uint8_t *p = sample->p; p < sample->end;) {
        if (!(p = proto_next(&d->in, p, sample->end, &f, &chunk->err)))
            return false;
        if (f.number == 1 || f.number == 2) {
            if (f.type != PROTO_BYTES && !proto_expect(&d->in, &f, PROTO_VARINT, &chunk->err))
                return false;
            uint64_t count = f.type == PROTO_BYTES ? proto_count_varints(f.p, f.end) : 1;
            if (f.number == 1)
                chunk->n_locs += count;
            else
                n_values += count;
        } else if (f.number == 3) {
            if (!proto_expect(&d->in, &f, PROTO_BYTES, &chunk->err) ||
                !proto_numbers(&d->in, &f, n, LABEL_FIELDS, &chunk->err))
                return false;
            chunk->n_labels += label_is_kept(n);
        }
    }
    if (n_values != d->types.n)
        return proto_malformed(&d->in, &chunk->err, sample->at,
                               "mismatch: sample has %" PRIu64 " values vs. %zu types", n_values,
                               d->types.n);
    return true;
}

static void count_chunk(void *arg, size_t i)
{
    struct decoder *d = arg;
    struct chunk *chunk = &d->chunks.items[i];
    struct proto_field f;
    for (const uint8_t *p = chunk->begin; p < chunk->end;) {
        p = proto_next(&d->in, p, chunk->end, &f, &chunk->err);
        if (!p || (f.number == 2 && !count_sample(d, &f, chunk))) {
            chunk->failed = true;
            return;
        }
    }
}

/* The value of a varint whose bytes, and no others, are in w: 7 bits of each. */
static inline uint64_t squeeze(uint64_t w)
{
    w = (w & 0x007f007f007f007fu) | (w & 0x7f007f007f007f00u) >> 1;
    w = (w & 0x00003fff00003fffu) | (w & 0x3fff00003fff0000u) >> 2;
    return (w & 0x000000000fffffffu) | (w & 0x0fffffff00000000u) >> 4;
}

static bool no_location(const struct decoder *d, const uint8_t *at, uint64_t id, struct err *err)
{
    return proto_malformed(&d->in, err, at,
                           "sample refers to location %" PRIu64 ", which does not exist", id);
}

/* The bulk of a profile.  Two ids are taken out of each 8 bytes, so that the
 * search for where one ends does not hold up the next.  Advances *out. */
static bool decode_locs(const struct decoder *d, const struct proto_field *f, uint32_t **out,
                        struct err *err)
{
    const uint8_t *p = f->p, *end = f->end;
    uint32_t *to = *out;
    uint64_t id;
    while (p < end) {
        if (d->in.end - p >= 8) {
            uint64_t w;
            memcpy(&w, p, 8);
            uint64_t ends = ~w & 0x8080808080808080u, later = ends & (ends - 1);
            if (later) {
                int n_bits = __builtin_ctzll(ends) + 1; /* the first id's */
                int n_both = (__builtin_ctzll(later) + 1) / 8;
                if (p + n_both <= end) {
                    uint64_t id0 = squeeze(w & (ends ^ (ends - 1)));
                    uint64_t id1 = squeeze((w & (later ^ (later - 1))) >> n_bits);
                    uint32_t loc0 = ids_find(&d->location_ids, id0);
                    uint32_t loc1 = ids_find(&d->location_ids, id1);
                    if (loc0 == PROFILE_NONE || loc1 == PROFILE_NONE)
                        return no_location(d, p, loc0 == PROFILE_NONE ? id0 : id1, err);
                    to[0] = loc0;
                    to[1] = loc1;
                    to += 2;
                    p += n_both;
                    continue;
                }
            }
        }
        const uint8_t *at = p;
        if (!(p = proto_varint(p, end, &id)))
            return proto_malformed(&d->in, err, at, "bad location id in a sample");
        if ((*to++ = ids_find(&d->location_ids, id)) == PROFILE_NONE)
            return no_location(d, at, id, err);
    }
    *out = to;
    return true;
}

/* The id of the string at `index` in the file's table; false when past its end. */
static bool label_string(const struct decoder *d, const struct proto_field *f, uint64_t index,
                         uint32_t *string, struct err *err)
{
    if (index >= d->string_ids.n)
        return proto_malformed(&d->in, err, f->at, "label refers to string %" PRIu64 " of %zu",
                               index, d->string_ids.n);
    *string = d->string_ids.items[index];
    return true;
}

/* Advances *out if the label is kept. */
static bool decode_label(const struct decoder *d, const struct proto_field *f,
                         struct profile_label **out, struct err *err)
{
    uint64_t n[LABEL_FIELDS];
    struct profile_label label = {0};
    if (!proto_numbers(&d->in, f, n, LABEL_FIELDS, err) ||
        !label_string(d, f, n[LABEL_KEY], &label.key, err))
        return false;
    if (!label_is_kept(n))
        return true;
    label.is_num = n[LABEL_STR] == 0;
    if (label.is_num)
        label.num = (int64_t)n[LABEL_NUM];
    if (!label_string(d, f, n[label.is_num ? LABEL_UNIT : LABEL_STR],
                      label.is_num ? &label.unit : &label.str, err))
        return false;
    *(*out)++ = label;
    return true;
}

static bool decode_values(const struct decoder *d, const struct proto_field *f, int64_t **out,
                          struct err *err)
{
    uint64_t v;
    for (const uint8_t *p = f->p; p < f->end;) {
        if (!(p = proto_varint(p, f->end, &v)))
            return proto_malformed(&d->in, err, f->at, "bad value in a sample");
        *(*out)++ = (int64_t)v;
    }
    return true;
}

/* Where the next sample of a chunk goes. */
struct place {
    uint32_t *loc;
    int64_t *value;
    struct profile_label *label;
};

static bool decode_sample(const struct decoder *d, const struct proto_field *sample,
                          struct place *to, struct err *err)
{
    struct proto_field f;
    for (const uint8_t *p = sample->p; p < sample->end;) {
        if (!(p = proto_next(&d->in, p, sample->end, &f, err)))
            return false;
        if (f.number == 1 && f.type == PROTO_BYTES) {
            if (!decode_locs(d, &f, &to->loc, err))
                return false;
        } else if (f.number == 1) {
            if ((*to->loc++ = ids_find(&d->location_ids, f.value)) == PROFILE_NONE)
                return no_location(d, f.at, f.value, err);
        } else if (f.number == 2 && f.type == PROTO_BYTES) {
            if (!decode_values(d, &f, &to->value, err))
                return false;
        } else if (f.number == 2) {
            *to->value++ = (int64_t)f.value;
        } else if (f.number == 3) {
            if (!decode_label(d, &f, &to->label, err))
                return false;
        }
    }
    return true;
}

static void decode_chunk(void *arg, size_t i)
{
    struct decoder *d = arg;
    struct chunk *chunk = &d->chunks.items[i];
    struct place to = {d->stack_locs + chunk->first_loc,
                       d->values + chunk->first_sample * d->types.n,
                       d->label_first ? d->labels + chunk->first_label : NULL};
    uint32_t sample = chunk->first_sample;
    struct proto_field f;
    for (const uint8_t *p = chunk->begin; p < chunk->end;) {
        p = proto_next(&d->in, p, chunk->end, &f, &chunk->err);
        if (p && f.number != 2)
            continue;
        if (!p || !decode_sample(d, &f, &to, &chunk->err)) {
            chunk->failed = true;
            return;
        }
        d->stack_first[++sample] = (uint64_t)(to.loc - d->stack_locs);
        if (d->label_first)
            d->label_first[sample] = (uint64_t)(to.label - d->labels);
    }
}

static bool run_chunks(struct decoder *d, void (*fn)(void *, size_t))
{
    /* For little, starting a thread costs more than it saves. */
    pool_run(d->chunks.n, d->chunks.n < CHUNKS_FOR_THREADS ? 1 : 0, fn, d);
    for (size_t i = 0; i < d->chunks.n; i++)
        if (d->chunks.items[i].failed) {
            if (d->err)
                *d->err = d->chunks.items[i].err;
            return false;
        }
    return true;
}

static bool read_samples(struct decoder *d)
{
    struct profile *profile = d->profile;
    struct arena *arena = &profile->arena;
    uint64_t n_locs = 0, n_labels = 0, n_values, n_samples = d->n_samples;
    if (n_samples && d->types.n == 0)
        return proto_malformed(&d->in, d->err, NULL, "missing sample type information");
    if (!run_chunks(d, count_chunk))
        return false;
    for (size_t i = 0; i < d->chunks.n; i++) {
        struct chunk *chunk = &d->chunks.items[i];
        chunk->first_loc = n_locs;
        chunk->first_label = n_labels;
        n_locs += chunk->n_locs;
        n_labels += chunk->n_labels;
    }
    n_values = n_samples * d->types.n; /* each is a byte of the input at least */
    d->stack_first = arena_alloc(arena, (n_samples + 1) * sizeof *d->stack_first);
    d->stack_locs = arena_alloc(arena, n_locs * sizeof *d->stack_locs);
    d->values = arena_alloc(arena, n_values * sizeof *d->values);
    if (!d->stack_first || !d->stack_locs || !d->values)
        return err_nomem(d->err);
    d->stack_first[0] = 0;
    if (n_labels) {
        d->labels = arena_alloc(arena, n_labels * sizeof *d->labels);
        d->label_first = arena_alloc(arena, (n_samples + 1) * sizeof *d->label_first);
        if (!d->labels || !d->label_first)
            return err_nomem(d->err);
        d->label_first[0] = 0;
    }
    if (!run_chunks(d, decode_chunk))
        return false;
    profile->n_samples = (uint32_t)n_samples;
    profile->stack_first = d->stack_first;
    profile->stack_locs = d->stack_locs;
    profile->values = d->values;
    profile->label_first = d->label_first;
    profile->labels = d->labels;
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
    vec_release(&d->line_functions);
    vec_release(&d->locations);
    vec_release(&d->location_mappings);
    vec_release(&d->chunks);
    ids_release(&d->mapping_ids);
    ids_release(&d->function_ids);
    ids_release(&d->location_ids);
}

struct profile *pprof_read(const uint8_t *data, size_t len, struct diag *diag, struct err *err)
{
    struct decoder d = {.in = {data, data + len}, .diag = diag, .err = err};
    if (len == 0) {
        err_set(err, ERR_INPUT, "empty input file");
        return NULL;
    }
    d.profile = profile_new();
    if (!d.profile || !intern_init(&d.strings, &d.profile->arena) || !reserve_tables(&d))
        err_nomem(err);
    else if (read_top_level(&d) && resolve_strings(&d) && resolve_ids(&d) && read_samples(&d)) {
        if (seal(&d)) {
            decoder_release(&d);
            return d.profile;
        }
        err_nomem(err);
    }
    decoder_release(&d);
    profile_free(d.profile);
    return NULL;
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

const struct format_ops pprof_format = {
    .name = "pprof",
    .help = "profile.proto, as Go and google/pprof write it",
    .probe = pprof_probe,
    .read = pprof_read,
};
