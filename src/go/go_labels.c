#include "go/go_labels.h"

#include "base/arena.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/go_quote.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 65536u       /* bytes of a key or value */
#define BATCH_MAX (64u << 20) /* of all of them that are read at a time */
#define SLICES_FROM 24        /* Go 1.24; maps before */
#define MAP_BUCKET_BYTES 272u /* 8 marks, 8 keys, 8 values, the next bucket */
#define MAP_B_MAX 6           /* 64 buckets */
#define MAP_OVERFLOW_MAX 32   /* buckets beyond those */
#define MAP_MARK_MIN 5        /* lower ones: empty, or moved to the new buckets */

#define DAMAGED (MAP_NONE - 1) /* the number of a set that could not be read */

/* Two strings in the program's memory. */
struct raw {
    uint64_t key, key_len, value, value_len;
};

struct set {
    uint64_t address;
    size_t first, n; /* in raws */
    bool damaged;
};

struct go_labels {
    const struct go_program *program;
    struct map by_address; /* set number */
    struct arena arena;
    struct intern texts, sets; /* of sets: pairs of texts' numbers */
    VEC(struct set) batch;
    VEC(struct raw) raws;
    VEC(struct mem_piece) pieces;
    VEC(uint64_t) words;
};

struct go_labels *go_labels_new(const struct go_program *program, struct err *err)
{
    struct go_labels *l = calloc(1, sizeof *l);
    if (!l) {
        err_nomem(err);
        return NULL;
    }
    l->program = program;
    map_init(&l->by_address);
    arena_init(&l->arena);
    if (!intern_init(&l->texts, &l->arena) || !intern_init(&l->sets, &l->arena)) {
        go_labels_free(l);
        err_nomem(err);
        return NULL;
    }
    return l;
}

void go_labels_free(struct go_labels *l)
{
    if (!l)
        return;
    map_release(&l->by_address);
    intern_release(&l->texts);
    intern_release(&l->sets);
    arena_release(&l->arena);
    vec_release(&l->batch);
    vec_release(&l->raws);
    vec_release(&l->pieces);
    vec_release(&l->words);
    free(l);
}

/* --- slices: {first, n, room} of {key, value} --- */

static bool read_slices(struct go_labels *l)
{
    size_t n = l->batch.n, n_raws = 0;
    vec_clear(&l->pieces);
    if (!vec_reserve(&l->words, 3 * n) || !vec_reserve(&l->pieces, n))
        return false;
    for (size_t i = 0; i < n; i++)
        l->pieces.items[i] =
            (struct mem_piece){l->batch.items[i].address, &l->words.items[3 * i], 24, false};
    mem_read_pieces(l->program->mem, l->pieces.items, n);
    for (size_t i = 0; i < n; i++) {
        struct set *set = &l->batch.items[i];
        const uint64_t *slice = &l->words.items[3 * i];
        set->damaged = !l->pieces.items[i].ok || slice[1] > GO_LABELS_MAX || slice[1] > slice[2];
        set->first = n_raws;
        set->n = set->damaged ? 0 : (size_t)slice[1];
        n_raws += set->n;
    }
    if (!vec_reserve(&l->raws, n_raws))
        return false;
    l->raws.n = n_raws;
    for (size_t i = 0; i < n; i++) {
        const struct set *set = &l->batch.items[i];
        struct raw *to = set->n ? l->raws.items + set->first : NULL;
        l->pieces.items[i] = (struct mem_piece){l->words.items[3 * i], to,
                                                (uint32_t)(set->n * sizeof(struct raw)), false};
    }
    mem_read_pieces(l->program->mem, l->pieces.items, n);
    for (size_t i = 0; i < n; i++)
        if (!l->pieces.items[i].ok && l->batch.items[i].n > 0)
            l->batch.items[i].damaged = true;
    return true;
}

/* --- maps of strings, as they were until Go 1.23 --- */

/* The entries of one bucket; *next: the one that goes on.  False when memory runs out. */
static bool add_bucket(struct go_labels *l, const uint8_t bucket[MAP_BUCKET_BYTES], uint64_t *next)
{
    for (size_t i = 0; i < 8; i++) {
        struct raw raw;
        if (bucket[i] < MAP_MARK_MIN)
            continue;
        memcpy(&raw.key, bucket + 8 + 16 * i, 16);
        memcpy(&raw.value, bucket + 8 + 128 + 16 * i, 16);
        if (!vec_push(&l->raws, raw))
            return false;
    }
    memcpy(next, bucket + MAP_BUCKET_BYTES - 8, 8);
    return true;
}

static bool add_buckets(struct go_labels *l, struct set *set, uint64_t address, size_t n)
{
    uint8_t bucket[MAP_BUCKET_BYTES];
    size_t n_more = 0;
    for (size_t i = 0; i < n && !set->damaged; i++) {
        uint64_t at = address + i * MAP_BUCKET_BYTES;
        while (at) {
            if (++n_more > n + MAP_OVERFLOW_MAX ||
                !mem_read(l->program->mem, at, bucket, sizeof bucket, NULL)) {
                set->damaged = true;
                break;
            }
            if (!add_bucket(l, bucket, &at))
                return false;
        }
    }
    return true;
}

static bool read_map(struct go_labels *l, struct set *set)
{
    uint64_t map = 0, old = 0, buckets = 0, n_entries = 0;
    uint8_t header[48];
    const struct mem *mem = l->program->mem;
    set->first = l->raws.n;
    if (!mem_read(mem, set->address, &map, sizeof map, NULL)) {
        set->damaged = true;
        return true;
    }
    if (map == 0)
        return true;
    if (!mem_read(mem, map, header, sizeof header, NULL) || header[9] > MAP_B_MAX) {
        set->damaged = true;
        return true;
    }
    memcpy(&n_entries, header, 8);
    memcpy(&buckets, header + 16, 8);
    memcpy(&old, header + 24, 8);
    size_t n = (size_t)1 << header[9];
    if (n_entries == 0 || buckets == 0)
        return true;
    if (!add_buckets(l, set, buckets, n))
        return false;
    /* While it grows (twice as large, or as large as before), some are in the old ones. */
    bool same_size = header[8] & 8;
    if (old && !add_buckets(l, set, old, same_size || n == 1 ? n : n / 2))
        return false;
    set->n = l->raws.n - set->first;
    if (set->n > GO_LABELS_MAX || set->n != n_entries)
        set->damaged = true;
    return true;
}

/* --- the texts --- */

static bool fits(const struct raw *raw)
{
    return raw->key_len <= TEXT_MAX && raw->value_len <= TEXT_MAX;
}

static size_t bytes_of(const struct go_labels *l, const struct set *set)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        const struct raw *raw = &l->raws.items[set->first + i];
        n += (size_t)(raw->key_len + raw->value_len);
    }
    return n;
}

struct pair {
    uint32_t key, value;
};

static int compare_labels(const void *a, const void *b)
{
    const struct go_label *x = a, *y = b;
    return str_cmp(x->key, y->key);
}

/* Give the set a number; its texts begin at `at`. */
static bool name_set(struct go_labels *l, const struct set *set, const char *at)
{
    struct go_label labels[GO_LABELS_MAX];
    struct pair pairs[GO_LABELS_MAX];
    uint32_t number = 0;
    size_t n = set->damaged ? 0 : set->n;
    for (size_t i = 0; i < n; i++) {
        const struct raw *raw = &l->raws.items[set->first + i];
        labels[i].key = (struct str){at, (size_t)raw->key_len};
        labels[i].value = (struct str){at + raw->key_len, (size_t)raw->value_len};
        at += raw->key_len + raw->value_len;
    }
    qsort(labels, n, sizeof *labels, compare_labels);
    for (size_t i = 0; i < n; i++) {
        pairs[i].key = intern_add(&l->texts, labels[i].key);
        pairs[i].value = intern_add(&l->texts, labels[i].value);
        if (pairs[i].key == INTERN_NONE || pairs[i].value == INTERN_NONE)
            return false;
    }
    if (n > 0)
        number = intern_add(&l->sets, (struct str){(const char *)pairs, n * sizeof *pairs});
    if (set->damaged)
        number = DAMAGED;
    return number != INTERN_NONE && map_put(&l->by_address, set->address, number);
}

static bool read_texts(struct go_labels *l)
{
    size_t n_bytes = 0;
    vec_clear(&l->pieces);
    for (size_t i = 0; i < l->batch.n; i++) {
        struct set *set = &l->batch.items[i];
        for (size_t k = 0; k < set->n && !set->damaged; k++)
            set->damaged = !fits(&l->raws.items[set->first + k]);
        if (!set->damaged && bytes_of(l, set) > BATCH_MAX - n_bytes)
            set->damaged = true;
        if (!set->damaged)
            n_bytes += bytes_of(l, set);
    }
    char *bytes = malloc(n_bytes + 1), *at = bytes;
    bool ok = bytes != NULL;
    for (size_t i = 0; ok && i < l->batch.n; i++) {
        const struct set *set = &l->batch.items[i];
        for (size_t k = 0; ok && k < set->n && !set->damaged; k++) {
            const struct raw *raw = &l->raws.items[set->first + k];
            uint32_t n_key = (uint32_t)raw->key_len, n_value = (uint32_t)raw->value_len;
            ok = vec_push(&l->pieces, (struct mem_piece){raw->key, at, n_key, false}) &&
                 vec_push(&l->pieces, (struct mem_piece){raw->value, at + n_key, n_value, false});
            at += n_key + n_value;
        }
    }
    if (ok)
        mem_read_pieces(l->program->mem, l->pieces.items, l->pieces.n);
    at = bytes;
    for (size_t i = 0, piece = 0; ok && i < l->batch.n; i++) {
        struct set *set = &l->batch.items[i];
        size_t n = set->damaged ? 0 : bytes_of(l, set);
        size_t n_pieces = set->damaged ? 0 : 2 * set->n;
        for (size_t k = 0; k < n_pieces; k++, piece++)
            if (!l->pieces.items[piece].ok && l->pieces.items[piece].n > 0)
                set->damaged = true;
        ok = name_set(l, set, at);
        at += n;
    }
    free(bytes);
    return ok;
}

bool go_labels_read(struct go_labels *l, const uint64_t *addresses, size_t n, struct err *err)
{
    bool ok = true;
    vec_clear(&l->batch);
    vec_clear(&l->raws);
    for (size_t i = 0; ok && i < n; i++) {
        uint32_t there = addresses[i] ? map_get(&l->by_address, addresses[i]) : 0;
        if (there != MAP_NONE && there != DAMAGED)
            continue;
        ok = map_put(&l->by_address, addresses[i], 0) &&
             vec_push(&l->batch, (struct set){.address = addresses[i]});
    }
    if (ok && l->batch.n > 0) {
        if (l->program->minor >= SLICES_FROM)
            ok = read_slices(l);
        else
            for (size_t i = 0; ok && i < l->batch.n; i++)
                ok = read_map(l, &l->batch.items[i]);
        ok = ok && read_texts(l);
    }
    return ok || err_nomem(err);
}

void go_labels_forget(struct go_labels *l)
{
    map_release(&l->by_address);
    map_init(&l->by_address);
}

uint32_t go_labels_at(const struct go_labels *l, uint64_t address)
{
    uint32_t set = address ? map_get(&l->by_address, address) : 0;
    return set == MAP_NONE || set == DAMAGED ? 0 : set;
}

bool go_labels_damaged(const struct go_labels *l, uint64_t address)
{
    return address && map_get(&l->by_address, address) == DAMAGED;
}

size_t go_labels_get(const struct go_labels *l, uint32_t set, struct go_label *labels, size_t max)
{
    struct str text = l->sets.strings[set];
    size_t n = text.len / sizeof(struct pair);
    if (n > max)
        n = max;
    for (size_t i = 0; i < n; i++) {
        struct pair pair;
        memcpy(&pair, text.p + i * sizeof pair, sizeof pair);
        labels[i] = (struct go_label){l->texts.strings[pair.key], l->texts.strings[pair.value]};
    }
    return n;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void go_labels_text(const struct go_labels *l, uint32_t set, struct buf *out)
{
    struct go_label labels[GO_LABELS_MAX];
    char *texts[GO_LABELS_MAX];
    AUTO_BUF text = {0};
    size_t n = go_labels_get(l, set, labels, GO_LABELS_MAX), at[GO_LABELS_MAX];
    for (size_t i = 0; i < n; i++) {
        at[i] = text.len;
        go_quote(&text, labels[i].key, false);
        buf_putc(&text, ':');
        go_quote(&text, labels[i].value, false);
        buf_putc(&text, '\0');
    }
    if (text.failed) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        texts[i] = text.data + at[i];
    qsort(texts, n, sizeof *texts, compare_texts);
    buf_putc(out, '{');
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, i ? ", " : "");
        buf_puts(out, texts[i]);
    }
    buf_putc(out, '}');
}
