#include "agent/profile_out.h"

#include "agent/modules.h"
#include "agent/raw.h"

#include <errno.h>
#include <unistd.h>

#define BLOCK_BYTES 65535u /* of a stored block of deflate, at most */
#define MESSAGE_BYTES (16u * 1024)

/* Fields of profile.proto. */
enum { SAMPLE_TYPE = 1, SAMPLE, MAPPING, LOCATION, STRINGS = 6, TIME_NS = 9, DURATION_NS };
enum { PERIOD_TYPE = 11, PERIOD };

/* The strings that come first; a module's name follows when it is met. */
static const char *const strings[] = {"", "samples", "count", "cpu", "nanoseconds"};
enum { S_SAMPLES = 1, S_COUNT, S_CPU, S_NANOSECONDS, N_STRINGS };

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
    int fd, error;
    uint32_t crc, n_strings;
    uint64_t n_bytes; /* before compression */
    size_t n_block;
    uint8_t block[BLOCK_BYTES];
    uint32_t crc_table[256];
    bool has_mapping[MODULES_MAX + 1];
    struct id_map locations; /* of frames */
    struct id_map labels;    /* of rows of labels: the string of the first */
    struct message message, inner;
};

static struct writer writer; /* too large for a stack; one profile at a time */

static void put_raw(struct writer *w, const void *data, size_t n)
{
    const char *p = data;
    while (n && !w->error) {
        ssize_t done = write(w->fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            w->error = done < 0 ? errno : EIO;
            return;
        }
        p += done;
        n -= (size_t)done;
    }
}

static void flush_block(struct writer *w, bool is_last)
{
    uint16_t n = (uint16_t)w->n_block;
    uint8_t head[5] = {is_last, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8)};
    put_raw(w, head, sizeof head);
    put_raw(w, w->block, n);
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

static void put_value_type(struct writer *w, uint32_t number, uint32_t type, uint32_t unit)
{
    field(&w->message, 1, type);
    field(&w->message, 2, unit);
    put_message(w, number, &w->message);
}

static void put_number(struct writer *w, uint32_t number, uint64_t v)
{
    put_varint(w, number << 3);
    put_varint(w, v);
}

static uint32_t put_string(struct writer *w, const char *text)
{
    put_bytes(w, STRINGS, text, strlen(text));
    return w->n_strings++;
}

static void put_mapping(struct writer *w, const struct store *store, const struct module *m)
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
    uint32_t name = put_string(w, m->path ? m->path : store->header->exe);
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
static uint64_t location(struct writer *w, const struct store *store, uint64_t frame)
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
        put_mapping(w, store, m);
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
static uint64_t label_strings(struct writer *w, const struct wire_stack *row)
{
    struct id_map *l = &w->labels;
    if (4 * (l->n + 1) > 3 * l->size && !ids_grow(l))
        return 0;
    uint64_t *id = find_id(l, (uint64_t)row);
    if (*id)
        return *id;
    l->n++;
    *id = w->n_strings;
    const char *text = (const char *)row->frames, *end = text + 8ull * row->n_frames;
    for (; text < end && *text; text += strlen(text) + 1) {
        put_string(w, text);
        text += strlen(text) + 1;
        put_string(w, text);
    }
    return *id;
}

static bool put_labels(struct writer *w, const struct store *store, const struct wire_stack *s)
{
    struct message *label = &w->inner;
    if (!s->labels)
        return true;
    const struct wire_stack *row = (const void *)((const char *)store->header + 8ull * s->labels);
    uint64_t id = label_strings(w, row);
    const char *text = (const char *)row->frames, *end = text + 8ull * row->n_frames;
    for (uint64_t at = id; id && text < end && *text; at += 2) {
        text += strlen(text) + 1;
        text += strlen(text) + 1;
        label->n = 0;
        field(label, 1, at);
        field(label, 2, at + 1);
        varint(&w->message, 3 << 3 | 2);
        varint(&w->message, label->n);
        memcpy(w->message.bytes + w->message.n, label->bytes, label->n);
        w->message.n += label->n;
    }
    return id != 0;
}

static bool put_sample(struct writer *w, const struct store *store, const struct wire_stack *s)
{
    struct message *ids = &w->inner, *values = &w->message;
    ids->n = 0;
    for (uint32_t i = 0; i < s->n_frames; i++) {
        uint64_t id = location(w, store, s->frames[i]);
        if (!id)
            return false;
        varint(ids, id);
    }
    varint(values, 1 << 3 | 2);
    varint(values, ids->n);
    memcpy(values->bytes + values->n, ids->bytes, ids->n);
    values->n += ids->n;
    ids->n = 0;
    varint(ids, s->n[0]);
    varint(ids, s->n[0] * store->header->period_ns);
    varint(values, 2 << 3 | 2);
    varint(values, ids->n);
    memcpy(values->bytes + values->n, ids->bytes, ids->n);
    values->n += ids->n;
    if (!put_labels(w, store, s))
        return false;
    put_message(w, SAMPLE, values);
    return true;
}

static bool put_profile(struct writer *w, const struct store *store)
{
    const struct wire_header *h = store->header;
    for (uint32_t i = 0; i < N_STRINGS; i++)
        put_string(w, strings[i]);
    put_value_type(w, SAMPLE_TYPE, S_SAMPLES, S_COUNT);
    put_value_type(w, SAMPLE_TYPE, S_CPU, S_NANOSECONDS);
    put_value_type(w, PERIOD_TYPE, S_CPU, S_NANOSECONDS);
    put_number(w, PERIOD, h->period_ns);
    put_number(w, TIME_NS, h->start_realtime_ns);
    put_number(w, DURATION_NS, h->end_monotonic_ns - h->start_monotonic_ns);
    /* pprof takes the first mapping for the main program's. */
    for (uint32_t i = 1; modules_get(i); i++)
        if (!modules_get(i)->path)
            put_mapping(w, store, modules_get(i));
    for (uint64_t i = 0; i < h->n_slots; i++) {
        uint64_t granule = (h->slots_offset + 4 * i) / STORE_GRANULE;
        if (!store->all_ready && !store->ready[granule])
            continue;
        const uint32_t *slot = (const void *)((const char *)h + h->slots_offset + 4 * i);
        const struct wire_stack *s = (const void *)((const char *)h + 8ull * *slot);
        if (*slot && s->kind == WIRE_CPU && !put_sample(w, store, s))
            return false;
    }
    return true;
}

bool profile_out(const struct store *store, int fd)
{
    static const uint8_t head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff};
    struct writer *w = &writer;
    memset(w, 0, sizeof *w);
    w->fd = fd;
    w->crc = ~0u;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        w->crc_table[i] = c;
    }
    put_raw(w, head, sizeof head);
    bool ok = put_profile(w, store);
    ids_release(&w->locations);
    ids_release(&w->labels);
    if (!ok) {
        errno = ENOMEM;
        return false;
    }
    flush_block(w, true);
    uint32_t tail[2] = {~w->crc, (uint32_t)w->n_bytes};
    put_raw(w, tail, sizeof tail);
    errno = w->error;
    return w->error == 0;
}
