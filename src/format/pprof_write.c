#include "format/pprof_write.h"

#include "base/gzip.h"
#include "base/vec.h"
#include "model/labels.h"

#include <stdlib.h>
#include <string.h>

/* As small as what Go's gzip makes of a profile when it is told nothing, to 3 %, and by
 * far the quickest. */
#define GZIP_LEVEL 1

enum wire_type { VARINT = 0, BYTES = 2 };

struct encoder {
    const struct profile *profile;
    uint32_t *indexes; /* string -> 1 + index in the table written, 0 = not in it yet */
    VEC(uint32_t) table;
    struct labels labels; /* of the sample at hand */
    struct buf *out;
    struct buf message, inner; /* scratch: a field of the profile, a field of that */
    bool failed;               /* out of memory */
};

#define MOST_VARINT 10 /* bytes */

static char *add_varint(char *p, uint64_t v)
{
    for (; v >= 128; v >>= 7)
        *p++ = (char)(v | 0x80);
    *p++ = (char)v;
    return p;
}

static void put_varint(struct buf *buf, uint64_t v)
{
    char *p = buf_reserve(buf, MOST_VARINT);
    if (p)
        buf->len += (size_t)(add_varint(p, v) - p);
}

static void put_number(struct buf *buf, unsigned field, uint64_t v)
{
    put_varint(buf, field << 3 | VARINT);
    put_varint(buf, v);
}

static void put_nonzero(struct buf *buf, unsigned field, uint64_t v)
{
    if (v)
        put_number(buf, field, v);
}

static void put_bytes(struct buf *buf, unsigned field, const void *data, size_t n)
{
    put_varint(buf, field << 3 | BYTES);
    put_varint(buf, n);
    buf_add(buf, data, n);
}

/* Append a finished scratch message to its parent and empty it. */
static void put_message(struct buf *parent, unsigned field, struct buf *message)
{
    put_bytes(parent, field, message->data, message->len);
    parent->failed |= message->failed;
    buf_clear(message);
}

/* Go writes up to two numbers singly, more of them packed. */
#define PACK_ABOVE 2

static uint32_t add_string(struct encoder *e, uint32_t string)
{
    if (!e->indexes[string]) {
        if (!vec_push(&e->table, string))
            e->failed = true;
        e->indexes[string] = (uint32_t)e->table.n;
    }
    return e->indexes[string] - 1;
}

static uint64_t index_of(const struct encoder *e, uint32_t string)
{
    return e->indexes[string] - 1;
}

static void load_labels(struct encoder *e, uint32_t sample)
{
    if (!labels_load(&e->labels, e->profile, sample))
        e->failed = true;
}

/* Number the strings in the order in which Go comes across them. */
static void collect_strings(struct encoder *e)
{
    const struct profile *profile = e->profile;
    add_string(e, 0);
    for (uint32_t i = 0; i < profile->n_types; i++) {
        add_string(e, profile->types[i].type);
        add_string(e, profile->types[i].unit);
    }
    for (uint32_t i = 0; profile->label_first && i < profile->n_samples; i++) {
        load_labels(e, i);
        for (size_t k = 0; k < e->labels.n; k++) {
            const struct profile_label *label = e->labels.items[k].label;
            add_string(e, label->key);
            add_string(e, label->is_num ? label->unit : label->str);
        }
    }
    for (uint32_t i = 0; i < profile->n_mappings; i++) {
        add_string(e, profile->mappings[i].file);
        add_string(e, profile->mappings[i].build_id);
    }
    for (uint32_t i = 0; i < profile->n_functions; i++) {
        add_string(e, profile->functions[i].name);
        add_string(e, profile->functions[i].system_name);
        add_string(e, profile->functions[i].filename);
    }
    add_string(e, profile->drop_frames);
    add_string(e, profile->keep_frames);
    if (profile->has_period_type) {
        add_string(e, profile->period_type.type);
        add_string(e, profile->period_type.unit);
    }
    for (uint32_t i = 0; i < profile->n_comments; i++)
        add_string(e, profile->comments[i]);
    add_string(e, profile->default_type);
    add_string(e, profile->doc_url);
}

static void put_value_type(struct encoder *e, unsigned field, const struct profile_value_type *type)
{
    put_nonzero(&e->message, 1, index_of(e, type->type));
    put_nonzero(&e->message, 2, index_of(e, type->unit));
    put_message(e->out, field, &e->message);
}

static void put_sample(struct encoder *e, uint32_t sample)
{
    const struct profile *profile = e->profile;
    const uint32_t *loc = profile->stack_locs + profile->stack_first[sample];
    const uint32_t *last = profile->stack_locs + profile->stack_first[sample + 1];
    const int64_t *values = profile->values + (size_t)sample * profile->n_types;
    bool pack = last - loc > PACK_ABOVE;
    char *p = pack ? buf_reserve(&e->inner, (size_t)(last - loc) * MOST_VARINT) : NULL;
    char *begin = p;
    for (; p && loc < last; loc++)
        p = add_varint(p, profile->locations[*loc].id);
    if (p)
        e->inner.len += (size_t)(p - begin);
    if (pack)
        put_message(&e->message, 1, &e->inner);
    for (; !pack && loc < last; loc++)
        put_number(&e->message, 1, profile->locations[*loc].id);
    pack = profile->n_types > PACK_ABOVE;
    for (uint32_t i = 0; i < profile->n_types; i++)
        if (pack)
            put_varint(&e->inner, (uint64_t)values[i]);
        else
            put_number(&e->message, 2, (uint64_t)values[i]);
    if (pack)
        put_message(&e->message, 2, &e->inner);
    if (profile->label_first)
        load_labels(e, sample);
    for (size_t i = 0; i < e->labels.n; i++) {
        const struct profile_label *label = e->labels.items[i].label;
        put_nonzero(&e->inner, 1, index_of(e, label->key));
        if (label->is_num) {
            put_nonzero(&e->inner, 3, (uint64_t)label->num);
            put_nonzero(&e->inner, 4, index_of(e, label->unit));
        } else {
            put_nonzero(&e->inner, 2, index_of(e, label->str));
        }
        put_message(&e->message, 3, &e->inner);
    }
    put_message(e->out, 2, &e->message);
}

static void put_mapping(struct encoder *e, const struct profile_mapping *mapping)
{
    put_nonzero(&e->message, 1, mapping->id);
    put_nonzero(&e->message, 2, mapping->start);
    put_nonzero(&e->message, 3, mapping->limit);
    put_nonzero(&e->message, 4, mapping->offset);
    put_nonzero(&e->message, 5, index_of(e, mapping->file));
    put_nonzero(&e->message, 6, index_of(e, mapping->build_id));
    put_nonzero(&e->message, 7, mapping->has_functions);
    put_nonzero(&e->message, 8, mapping->has_filenames);
    put_nonzero(&e->message, 9, mapping->has_line_numbers);
    put_nonzero(&e->message, 10, mapping->has_inline_frames);
    put_message(e->out, 3, &e->message);
}

static void put_location(struct encoder *e, const struct profile_location *location)
{
    const struct profile *profile = e->profile;
    put_nonzero(&e->message, 1, location->id);
    if (location->mapping != PROFILE_NONE)
        put_nonzero(&e->message, 2, profile->mappings[location->mapping].id);
    put_nonzero(&e->message, 3, location->address);
    for (uint32_t i = 0; i < location->n_lines; i++) {
        const struct profile_line *line = &profile->lines[location->first_line + i];
        if (line->function != PROFILE_NONE)
            put_nonzero(&e->inner, 1, profile->functions[line->function].id);
        put_nonzero(&e->inner, 2, (uint64_t)line->line);
        put_nonzero(&e->inner, 3, (uint64_t)line->column);
        put_message(&e->message, 4, &e->inner);
    }
    put_nonzero(&e->message, 5, location->is_folded);
    put_message(e->out, 4, &e->message);
}

static void put_function(struct encoder *e, const struct profile_function *function)
{
    put_nonzero(&e->message, 1, function->id);
    put_nonzero(&e->message, 2, index_of(e, function->name));
    put_nonzero(&e->message, 3, index_of(e, function->system_name));
    put_nonzero(&e->message, 4, index_of(e, function->filename));
    put_nonzero(&e->message, 5, (uint64_t)function->start_line);
    put_message(e->out, 5, &e->message);
}

static void put_comments(struct encoder *e)
{
    const struct profile *profile = e->profile;
    bool pack = profile->n_comments > PACK_ABOVE;
    for (uint32_t i = 0; i < profile->n_comments; i++)
        if (pack)
            put_varint(&e->message, index_of(e, profile->comments[i]));
        else
            put_number(e->out, 13, index_of(e, profile->comments[i]));
    if (pack)
        put_message(e->out, 13, &e->message);
}

static void put_profile(struct encoder *e)
{
    const struct profile *profile = e->profile;
    for (uint32_t i = 0; i < profile->n_types; i++)
        put_value_type(e, 1, &profile->types[i]);
    for (uint32_t i = 0; i < profile->n_samples; i++)
        put_sample(e, i);
    for (uint32_t i = 0; i < profile->n_mappings; i++)
        put_mapping(e, &profile->mappings[i]);
    for (uint32_t i = 0; i < profile->n_locations; i++)
        put_location(e, &profile->locations[i]);
    for (uint32_t i = 0; i < profile->n_functions; i++)
        put_function(e, &profile->functions[i]);
    for (size_t i = 0; i < e->table.n; i++) {
        struct str text = profile_str(profile, e->table.items[i]);
        put_bytes(e->out, 6, text.p, text.len);
    }
    put_nonzero(e->out, 7, index_of(e, profile->drop_frames));
    put_nonzero(e->out, 8, index_of(e, profile->keep_frames));
    put_nonzero(e->out, 9, (uint64_t)profile->time_nanos);
    put_nonzero(e->out, 10, (uint64_t)profile->duration_nanos);
    if (profile->has_period_type && (profile->period_type.type || profile->period_type.unit))
        put_value_type(e, 11, &profile->period_type);
    put_nonzero(e->out, 12, (uint64_t)profile->period);
    put_comments(e);
    put_number(e->out, 14, index_of(e, profile->default_type)); /* Go writes it even when 0 */
    put_nonzero(e->out, 15, index_of(e, profile->doc_url));
}

bool pprof_write(const struct profile *profile, struct buf *out, struct err *err)
{
    struct encoder e = {.profile = profile, .out = out};
    buf_init(&e.message);
    buf_init(&e.inner);
    e.indexes = calloc(profile->n_strings, sizeof *e.indexes);
    e.failed = !e.indexes;
    if (!e.failed)
        collect_strings(&e);
    if (!e.failed)
        put_profile(&e);
    buf_puts(out, ""); /* ends in a NUL, as every buf */
    bool ok = !e.failed && !out->failed;
    free(e.indexes);
    vec_release(&e.table);
    labels_release(&e.labels);
    buf_release(&e.message);
    buf_release(&e.inner);
    return ok || err_nomem(err);
}

bool pprof_write_packed(const struct profile *profile, struct buf *out, struct err *err)
{
    AUTO_BUF plain = {0};
    uint8_t *packed = NULL;
    size_t n_packed;
    if (!pprof_write(profile, &plain, err) ||
        !gzip_deflate(plain.data, plain.len, GZIP_LEVEL, &packed, &n_packed, err))
        return false;
    buf_add(out, packed, n_packed);
    free(packed);
    return !out->failed || err_nomem(err);
}
