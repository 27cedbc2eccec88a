#include "agent/profile_out.h"

#include "agent/modules.h"
#include "agent/raw.h"

#include <limits.h>

#define BLOCK_BYTES 65535u /* of a stored block of deflate, at most */
#define MESSAGE_BYTES (64u * 1024)

/* Fields of profile.proto. */
enum { SAMPLE_TYPE = 1, SAMPLE, MAPPING, LOCATION, STRINGS = 6, DROP_FRAMES, TIME_NS = 9 };
enum { DURATION_NS = 10, PERIOD_TYPE, PERIOD, DEFAULT_TYPE = 14 };

struct message {
    size_t n;
    uint8_t bytes[MESSAGE_BYTES];
};

struct id_map {
    uint64_t *keys; /* [size], power of two; 0 = empty */
    uint64_t *ids;
    uint64_t size, n;
};

struct writer {
    struct out *out;
    char program[PATH_MAX];
    uint32_t crc, n_strings, s_key; /* the string of the label of a key */
    uint64_t n_bytes;               /* before compression */
    size_t n_block;
    uint8_t block[BLOCK_BYTES];
    uint32_t crc_table[256];
    bool has_mapping[MODULES_MAX + 1];
    struct id_map locations; /* of frames */
    struct id_map labels;    /* of rows of labels: the string of the first */
    struct message message, inner;
};

static void flush_block(struct writer *w, bool is_last)
{
    uint16_t n = (uint16_t)w->n_block;
    uint8_t head[5] = {is_last, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8)};
    out_put(w->out, head, sizeof head);
    out_put(w->out, w->block, n);
    w->n_block = 0;
}

static void put(struct writer *w, const void *data, size_t n)
{
    const uint8_t *p = data;
    w->n_bytes += n;
    for (size_t i = 0; i < n; i++) {
        w->crc = w->crc_table[(w->crc ^ p[i]) & 0xff] ^ w->crc >> 8;
        if (w->n_block == BLOCK_BYTES)
            flush_block(w, false);
        w->block[w->n_block++] = p[i];
    }
}

static void varint(struct message *m, uint64_t v)
{
    do {
        m->bytes[m->n++] = (uint8_t)(v | (v > 0x7f ? 0x80 : 0));
        v >>= 7;
    } while (v);
}

static void field(struct message *m, uint32_t number, uint64_t v)
{
    varint(m, number << 3);
    varint(m, v);
}

static void put_varint(struct writer *w, uint64_t v)
{
    do {
        uint8_t byte = (uint8_t)(v | (v > 0x7f ? 0x80 : 0));
        put(w, &byte, 1);
        v >>= 7;
    } while (v);
}

static void put_bytes(struct writer *w, uint32_t number, const void *data, size_t n)
{
    put_varint(w, number << 3 | 2);
    put_varint(w, n);
    put(w, data, n);
}

static void put_message(struct writer *w, uint32_t number, struct message *m)
{
    put_bytes(w, number, m->bytes, m->n);
    m->n = 0;
}

static uint32_t put_string(struct writer *w, const char *text)
{
    put_bytes(w, STRINGS, text, strlen(text));
    return w->n_strings++;
}

static void put_value_type(struct writer *w, uint32_t number, const char *type_text,
                           const char *unit_text)
{
    uint32_t type = put_string(w, type_text), unit = put_string(w, unit_text);
    field(&w->message, 1, type);
    field(&w->message, 2, unit);
    put_message(w, number, &w->message);
}

static void put_number(struct writer *w, uint32_t number, uint64_t v)
{
    put_varint(w, number << 3);
    put_varint(w, v);
}

static void put_mapping(struct writer *w, const struct module *m)
{
    static const char digits[] = "0123456789abcdef";
    char build_id[2 * WIRE_BUILD_ID_MAX + 1] = "";
    if (w->has_mapping[m->number])
        return;
    w->has_mapping[m->number] = true;
    for (uint32_t i = 0; i < m->row.n_build_id; i++) {
        build_id[2 * i] = digits[m->row.build_id[i] >> 4];
        build_id[2 * i + 1] = digits[m->row.build_id[i] & 15];
    }
    uint32_t name = put_string(w, m->path ? m->path : w->program);
    uint32_t id = build_id[0] ? put_string(w, build_id) : 0;
    bool has_text = m->text_limit != 0;
    field(&w->message, 1, m->number);
    field(&w->message, 2, m->row.start + (has_text ? m->text_lo : 0));
    field(&w->message, 3, has_text ? m->row.start + m->text_limit : m->row.limit);
    field(&w->message, 4, has_text ? m->text_file : 0);
    field(&w->message, 5, name);
    field(&w->message, 6, id);
    put_message(w, MAPPING, &w->message);
}

static uint64_t *find_id(struct id_map *l, uint64_t key)
{
    uint64_t i = (key * 0x9e3779b97f4a7c15u >> 20) & (l->size - 1);
    while (l->keys[i] && l->keys[i] != key)
        i = (i + 1) & (l->size - 1);
    l->keys[i] = key;
    return &l->ids[i];
}

static void ids_release(struct id_map *l)
{
    if (l->keys)
        raw_unmap(l->keys, 2 * l->size * sizeof *l->keys);
}

static bool ids_grow(struct id_map *l)
{
    struct id_map more = {.size = l->size ? 2 * l->size : 8192, .n = l->n};
    more.keys = raw_alloc(2 * more.size * sizeof *more.keys);
    if (!more.keys)
        return false;
    more.ids = more.keys + more.size;
    for (uint64_t i = 0; i < l->size; i++)
        if (l->keys[i])
            *find_id(&more, l->keys[i]) = l->ids[i];
    ids_release(l);
    *l = more;
    return true;
}

/* The number of the frame's location, which is written when it is new; 0: no memory. */
static uint64_t location(struct writer *w, uint64_t frame)
{
    struct id_map *l = &w->locations;
    if (4 * (l->n + 1) > 3 * l->size && !ids_grow(l))
        return 0;
    uint64_t key = frame ? frame : UINT64_MAX, *id = find_id(l, key);
    if (*id)
        return *id;
    *id = ++l->n;
    uint64_t address = WIRE_FRAME_OFFSET(frame);
    const struct module *m = modules_get(WIRE_FRAME_MODULE(frame));
    if (m) {
        put_mapping(w, m);
        address += m->row.start;
    }
    field(&w->message, 1, *id);
    if (m)
        field(&w->message, 2, m->number);
    field(&w->message, 3, address);
    put_message(w, LOCATION, &w->message);
    return *id;
}

/* The string ids of a row's labels follow each other from this one on; 0: no memory. */
static uint64_t label_strings(struct writer *w, const struct taken_row *row)
{
    struct id_map *l = &w->labels;
    if (4 * (l->n + 1) > 3 * l->size && !ids_grow(l))
        return 0;
    uint64_t *id = find_id(l, (uint64_t)row->labels);
    if (*id)
        return *id;
    l->n++;
    *id = w->n_strings;
    for (const char *key = NULL; (key = taken_key(row, key));) {
        put_string(w, key);
        put_string(w, taken_value(key));
    }
    return *id;
}

/* A packed field of what is in `inner`. */
static void put_packed(struct writer *w, uint32_t number)
{
    struct message *m = &w->message;
    varint(m, number << 3 | 2);
    varint(m, w->inner.n);
    memcpy(m->bytes + m->n, w->inner.bytes, w->inner.n);
    m->n += w->inner.n;
    w->inner.n = 0;
}

static bool put_sample(struct writer *w, const struct sonde_profile *profile,
                       const struct taken_row *row)
{
    for (uint32_t i = 0; i < row->n_frames; i++) {
        if (!taken_shows(row, i))
            continue;
        uint64_t id = location(w, row->frames[i]);
        if (!id)
            return false;
        varint(&w->inner, id);
    }
    put_packed(w, 1);
    for (uint32_t i = 0; i < profile->n_types; i++)
        varint(&w->inner, (uint64_t)row->values[i]);
    put_packed(w, 2);
    if (profile->key_label) {
        field(&w->inner, 1, w->s_key);
        field(&w->inner, 3, row->key);
        put_packed(w, 3);
    }
    uint64_t label = row->labels ? label_strings(w, row) : 0;
    for (const char *key = NULL; label && (key = taken_key(row, key)); label += 2) {
        field(&w->inner, 1, label);
        field(&w->inner, 2, label + 1);
        put_packed(w, 3);
    }
    put_message(w, SAMPLE, &w->message);
    return label || !row->labels;
}

static bool put_profile(struct writer *w, const struct sonde_profile *profile,
                        const struct taken *taken)
{
    put_string(w, "");
    for (uint32_t i = 0; i < profile->n_types; i++)
        put_value_type(w, SAMPLE_TYPE, profile->types[i].type, profile->types[i].unit);
    put_value_type(w, PERIOD_TYPE, profile->period_type.type, profile->period_type.unit);
    put_number(w, PERIOD, taken->period);
    put_number(w, TIME_NS, taken->time_ns);
    if (taken->duration_ns)
        put_number(w, DURATION_NS, taken->duration_ns);
    if (profile->drop_frames)
        put_number(w, DROP_FRAMES, put_string(w, profile->drop_frames));
    if (profile->default_type)
        put_number(w, DEFAULT_TYPE, put_string(w, profile->default_type));
    if (profile->key_label)
        w->s_key = put_string(w, profile->key_label);
    /* pprof takes the first mapping for the main program's. */
    for (uint32_t i = 1; modules_get(i); i++)
        if (!modules_get(i)->path)
            put_mapping(w, modules_get(i));
    for (size_t i = 0; i < taken->n; i++)
        if (!put_sample(w, profile, &taken->rows[i]))
            return false;
    return true;
}

static void find_program(char path[PATH_MAX])
{
    long n = raw4(SYS_readlink, (long)"/proc/self/exe", (long)path, PATH_MAX - 1, 0);
    path[n < 0 ? 0 : n] = '\0';
}

bool profile_out(const struct sonde_profile *profile, const struct taken *taken, struct out *out)
{
    static const uint8_t head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff};
    struct writer *w = raw_alloc(sizeof *w); /* too large for a stack */
    if (!w)
        return false;
    w->out = out;
    find_program(w->program);
    w->crc = ~0u;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        w->crc_table[i] = c;
    }
    out_put(out, head, sizeof head);
    bool ok = put_profile(w, profile, taken);
    ids_release(&w->locations);
    ids_release(&w->labels);
    if (ok) {
        flush_block(w, true);
        uint32_t tail[2] = {~w->crc, (uint32_t)w->n_bytes};
        out_put(out, tail, sizeof tail);
    }
    raw_unmap(w, sizeof *w);
    return ok;
}
