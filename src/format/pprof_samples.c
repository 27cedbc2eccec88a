#include "format/pprof_decoder.h"

#include "base/pages.h"
#include "base/pool.h"
#include "format/pprof_ids.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FEW_BYTES ((size_t)2 << 20) /* of samples: threads would cost more than they save */

enum label { LABEL_KEY = 1, LABEL_STR, LABEL_NUM, LABEL_UNIT, LABEL_FIELDS };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool label_is_kept(const uint64_t *n)
{
    return n[LABEL_STR] || n[LABEL_NUM] || n[LABEL_UNIT];
}

static bool wrong_values(const struct decoder *d, const struct proto_field *sample, uint64_t n,
                         struct err *err)
{
    return proto_malformed(&d->in, err, sample->at,
                           "mismatch: sample has %" PRIu64 " values vs. %zu types", n, d->types.n);
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
    return n_values == d->types.n || wrong_values(d, sample, n_values, &chunk->err);
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

static bool no_location(const struct decoder *d, const uint8_t *at, uint64_t id, struct err *err)
{
    return proto_malformed(&d->in, err, at,
                           "sample refers to location %" PRIu64 ", which does not exist", id);
}

/* The value of the varint in the bytes of w that `mask` covers, from bit `shift` on. */
static inline __attribute__((always_inline)) uint64_t squeeze(uint64_t w, uint64_t mask, int shift,
                                                              bool pext)
{
#ifdef __x86_64__
    if (pext) {
        uint64_t v;
        __asm__("pext %2, %1, %0" : "=r"(v) : "r"(w), "r"(mask & 0x7f7f7f7f7f7f7f7fu));
        return v;
    }
#endif
    return proto_squeeze((w & mask) >> shift);
}

/* The bulk of a profile.  Two ids are taken out of each 8 bytes, so that the
 * search for where one ends does not hold up the next.  Advances *out. */
static inline __attribute__((always_inline)) bool decode_locs(const struct decoder *d,
                                                              const struct proto_field *f,
                                                              struct place *place, struct err *err,
                                                              bool pext)
{
    const uint8_t *p = f->p, *end = f->end;
    uint64_t id;
    uint32_t *to = place->loc;
    if (pext && d->location_ids.dense)
        p = d->ids->take(p, end, d->in.end, &to, place->loc_end);
    while (p < end) {
        if (d->in.end - p >= 8) {
            uint64_t w;
            memcpy(&w, p, 8);
            uint64_t ends = ~w & 0x8080808080808080u, later = ends & (ends - 1);
            int n_both = later ? (__builtin_ctzll(later) + 1) / 8 : 0;
            if (later && n_both <= end - p) {
                uint64_t first = ends ^ (ends - 1), both = later ^ (later - 1);
                uint64_t id0 = squeeze(w, first, 0, pext);
                uint64_t id1 = squeeze(w, both & ~first, __builtin_ctzll(ends) + 1, pext);
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
        const uint8_t *at = p;
        if (!(p = proto_varint(p, end, &id)))
            return proto_malformed(&d->in, err, at, "bad location id in a sample");
        if ((*to++ = ids_find(&d->location_ids, id)) == PROFILE_NONE)
            return no_location(d, at, id, err);
    }
    place->loc = to;
    return true;
}

/* The id of the string at `index` in the file's table; false when past its end. */
static bool label_string(const struct decoder *d, const struct proto_field *f, uint64_t index,
                         uint32_t *string, struct err *err)
{
    if (d->ahead) {
        *string = (uint32_t)index; /* until resolve_labels */
        return index < UINT32_MAX;
    }
    if (index >= d->string_ids.n)
        return proto_malformed(&d->in, err, f->at, "label refers to string %" PRIu64 " of %zu",
                               index, d->string_ids.n);
    *string = d->string_ids.items[index];
    return true;
}

/* Where there is no room for a label, it is made: only when few samples are read. */
static bool decode_label(const struct decoder *d, const struct proto_field *f, struct place *to,
                         struct err *err)
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
    if (!vec_grow_((void **)&to->labels, &to->labels_cap, to->n_labels + 1, sizeof label))
        return err_nomem(err);
    to->labels[to->n_labels++] = label;
    return true;
}

/* Values that are more than there is room for are left out: the sample has too many. */
static inline __attribute__((always_inline)) bool decode_values(const struct decoder *d,
                                                                const struct proto_field *f,
                                                                struct place *to, struct err *err,
                                                                bool pext)
{
    const uint8_t *p = f->p;
    uint64_t v;
    /* Without a jump that depends on how long they are. */
    while (p < f->end && d->in.end - p >= 8 && to->value < to->value_end) {
        memcpy(&v, p, 8);
        uint64_t ends = ~v & 0x8080808080808080u;
        int n = ends ? (__builtin_ctzll(ends) + 1) / 8 : 9;
        if (n > 8 || n > f->end - p)
            break;
        *to->value++ = (int64_t)squeeze(v, ends ^ (ends - 1), 0, pext);
        p += n;
    }
    while (p < f->end) {
        if (!(p = proto_varint(p, f->end, &v)))
            return proto_malformed(&d->in, err, f->at, "bad value in a sample");
        if (to->value < to->value_end)
            *to->value++ = (int64_t)v;
        else
            to->n_too_many++;
    }
    return true;
}

static inline __attribute__((always_inline)) bool decode_sample(const struct decoder *d,
                                                                const struct proto_field *sample,
                                                                struct place *to, struct err *err,
                                                                bool pext)
{
    struct proto_field f;
    for (const uint8_t *p = sample->p; p < sample->end;) {
        if (!(p = proto_next(&d->in, p, sample->end, &f, err)))
            return false;
        if (f.number == 0 || f.number > 3)
            continue;
        if (f.type != PROTO_BYTES && (f.number == 3 || f.type != PROTO_VARINT))
            return proto_expect(&d->in, &f, f.number == 3 ? PROTO_BYTES : PROTO_VARINT, err);
        if (f.number == 1 && f.type == PROTO_BYTES) {
            if (!decode_locs(d, &f, to, err, pext))
                return false;
        } else if (f.number == 1) {
            if ((*to->loc++ = ids_find(&d->location_ids, f.value)) == PROFILE_NONE)
                return no_location(d, f.at, f.value, err);
        } else if (f.number == 2 && f.type == PROTO_BYTES) {
            if (!decode_values(d, &f, to, err, pext))
                return false;
        } else if (f.number == 2) {
            if (to->value < to->value_end)
                *to->value++ = (int64_t)f.value;
            else
                to->n_too_many++;
        } else if (!decode_label(d, &f, to, err)) {
            return false;
        }
    }
    return true;
}

/* Advances *to, also when it fails. */
static inline __attribute__((always_inline)) bool
decode_samples(const struct decoder *d, struct chunk *chunk, struct place *to, bool pext)
{
    uint32_t sample = chunk->first_sample;
    struct proto_field f;
    for (const uint8_t *p = chunk->begin; p < chunk->end;) {
        p = proto_next(&d->in, p, chunk->end, &f, &chunk->err);
        if (p && f.number != 2)
            continue;
        const int64_t *values = to->value;
        if (!p || !decode_sample(d, &f, to, &chunk->err, pext))
            return false;
        uint64_t n_values = (uint64_t)(to->value - values) + to->n_too_many;
        if (n_values != d->types.n)
            return wrong_values(d, &f, n_values, &chunk->err);
        d->stack_first.items[++sample] = (uint64_t)(to->loc - d->stack_locs.items);
        if (to->awaits_labels && to->n_labels == 0)
            to->n_unlabelled++;
        else if (d->label_first.items)
            d->label_first.items[sample] = chunk->first_label + to->n_labels;
    }
    return true;
}

static bool decode_by_words(const struct decoder *d, struct chunk *chunk, struct place *to)
{
    return decode_samples(d, chunk, to, false);
}

static bool decode_by_pext(const struct decoder *d, struct chunk *chunk, struct place *to)
{
    return decode_samples(d, chunk, to, true);
}

static void choose_decode(struct decoder *d)
{
    d->ids = pprof_ids_ops();
    d->decode = d->ids ? decode_by_pext : decode_by_words;
}

static uint32_t largest(const struct decoder *d, const uint32_t *locs, size_t n)
{
    if (d->ids)
        return d->ids->largest(locs, n);
    uint32_t most = 0;
    for (size_t i = 0; i < n; i++)
        most = locs[i] > most ? locs[i] : most;
    return most;
}

/* Decode a chunk's samples to where they go, and advance that. */
static bool decode(const struct decoder *d, struct chunk *chunk, struct place *to)
{
    const struct place begin = *to;
    bool ok = d->decode(d, chunk, to);
    if (!d->location_ids.dense || (d->decode == decode_by_words && !d->ahead))
        return ok;
    to->loc_max = largest(d, begin.loc, (size_t)(to->loc - begin.loc));
    if (to->loc == begin.loc || to->loc_max < d->location_ids.n)
        return ok;
    /* Which one is not there? */
    to->loc = begin.loc;
    to->value = begin.value;
    to->n_labels = begin.n_labels;
    to->n_unlabelled = 0;
    return decode_by_words(d, chunk, to);
}

static void decode_chunk(void *arg, size_t i)
{
    struct decoder *d = arg;
    struct chunk *chunk = &d->chunks.items[i];
    int64_t *values = d->values.items + chunk->first_sample * d->types.n;
    struct place to = {.loc = d->stack_locs.items + chunk->first_loc,
                       .loc_end = d->stack_locs.items + chunk->first_loc + chunk->n_locs,
                       .value = values,
                       .value_end = values + chunk->n_samples * d->types.n,
                       .labels = d->labels.items ? d->labels.items + chunk->first_label : NULL,
                       .labels_cap = chunk->n_labels};
    chunk->failed = !decode(d, chunk, &to);
}

static bool chunk_failed(struct decoder *d, const struct chunk *chunk)
{
    if (chunk->failed && d->err)
        *d->err = chunk->err;
    return chunk->failed;
}

static bool run_chunks(struct decoder *d, void (*fn)(void *, size_t))
{
    pool_run(d->chunks.n, 0, fn, d);
    for (size_t i = 0; i < d->chunks.n; i++)
        if (chunk_failed(d, &d->chunks.items[i]))
            return false;
    return true;
}

/* Memory for n rows, all of which will be filled. */
static bool make_room(struct decoder *d, void **column, uint64_t n, size_t row_bytes)
{
    size_t n_bytes;
    if (__builtin_mul_overflow(n + 1, row_bytes, &n_bytes) || !(*column = malloc(n_bytes)))
        return err_nomem(d->err);
    pages_prepare(*column, n_bytes);
    return true;
}

#define ROOM(d, column, n)                                                                         \
    make_room((d), (void **)&(d)->column.items, (n), sizeof *(d)->column.items)

static bool read_many(struct decoder *d)
{
    uint64_t n_locs = 0, n_labels = 0;
    if (!run_chunks(d, count_chunk))
        return false;
    for (size_t i = 0; i < d->chunks.n; i++) {
        struct chunk *chunk = &d->chunks.items[i];
        chunk->first_loc = n_locs;
        chunk->first_label = n_labels;
        n_locs += chunk->n_locs;
        n_labels += chunk->n_labels;
    }
    if (!ROOM(d, stack_first, d->n_samples) || !ROOM(d, stack_locs, n_locs) ||
        !ROOM(d, values, d->n_samples * d->types.n) ||
        (n_labels && (!ROOM(d, labels, n_labels) || !ROOM(d, label_first, d->n_samples))))
        return false;
    d->stack_first.items[0] = 0;
    if (n_labels)
        d->label_first.items[0] = 0;
    d->stack_locs.n = n_locs;
    d->labels.n = n_labels;
    return run_chunks(d, decode_chunk);
}

/* Decode one more chunk, into columns that grow.  False: memory, or as the chunk says. */
static bool decode_next(struct decoder *d, struct chunk *chunk)
{
    /* A location or a value is a byte at least. */
    size_t n_bytes = (size_t)(chunk->end - chunk->begin), n_values = d->types.n * chunk->n_samples;
    size_t first_value = d->types.n * chunk->first_sample;
    size_t n_samples = (size_t)chunk->first_sample + chunk->n_samples;
    n_values = least(n_values, n_bytes);
    if (!vec_reserve(&d->stack_locs, d->stack_locs.n + n_bytes) ||
        !vec_reserve(&d->values, first_value + n_values) ||
        !vec_reserve(&d->stack_first, n_samples + 1) ||
        !vec_reserve(&d->label_first, n_samples + 1)) {
        chunk->failed = true;
        return err_nomem(&chunk->err);
    }
    d->stack_first.items[0] = 0;
    struct place to = {.loc = d->stack_locs.items + d->stack_locs.n,
                       .loc_end = d->stack_locs.items + d->stack_locs.cap,
                       .value = d->values.items + first_value,
                       .value_end = d->values.items + first_value + n_values,
                       .labels = d->labels.items,
                       .n_labels = d->labels.n,
                       .labels_cap = d->labels.cap,
                       .awaits_labels = d->labels.n == 0};
    chunk->failed = !decode(d, chunk, &to);
    if (to.awaits_labels && to.n_labels)
        memset(d->label_first.items, 0,
               ((size_t)chunk->first_sample + to.n_unlabelled + 1) * sizeof *d->label_first.items);
    d->loc_max = to.loc_max > d->loc_max ? to.loc_max : d->loc_max;
    size_t n_locs = (size_t)(to.loc - d->stack_locs.items);
    d->has_frames |= n_locs > 0;
    if (d->without_stacks)
        memset(d->stack_first.items + chunk->first_sample, 0,
               ((size_t)chunk->n_samples + 1) * sizeof *d->stack_first.items);
    else
        d->stack_locs.n = n_locs;
    d->labels.items = to.labels;
    d->labels.n = to.n_labels;
    d->labels.cap = to.labels_cap;
    return !chunk->failed;
}

static bool read_few(struct decoder *d, size_t n_bytes)
{
    /* So that they need not be moved; what is not used is not touched. */
    if (!vec_reserve(&d->stack_locs, n_bytes / 2) || /* most locations are two bytes */
        !vec_reserve(&d->values, least(d->n_samples * d->types.n, n_bytes)) ||
        !vec_reserve(&d->stack_first, d->n_samples + 1) ||
        !vec_reserve(&d->label_first, d->n_samples + 1))
        return err_nomem(d->err);
    for (size_t i = 0; i < d->chunks.n; i++)
        if (!decode_next(d, &d->chunks.items[i]))
            return !chunk_failed(d, &d->chunks.items[i]);
    return true;
}

/* Addresses for the columns of a common profile, so that they need not be moved, of huge pages;
 * memory comes as they are filled.  Without them they grow. */
static void reserve_columns(struct decoder *d)
{
    size_t n_bytes = gzip_ahead_most(d->ahead);
#define RESERVE(column, n)                                                                         \
    if (vec_reserve(&d->column, (n)))                                                              \
    pages_prepare(d->column.items, (n) * sizeof *d->column.items)
    if (!d->without_stacks)
        RESERVE(stack_locs, n_bytes);
    RESERVE(values, n_bytes / 8);
    RESERVE(stack_first, n_bytes / 16);
    RESERVE(label_first, n_bytes / 16);
#undef RESERVE
}

bool pprof_read_ahead_samples(struct decoder *d)
{
    if (d->chunks.n && !d->decode) {
        d->n_types_ahead = d->types.n;
        d->location_ids = (struct ids){.n = UINT32_MAX, .dense = true};
        choose_decode(d);
        reserve_columns(d);
    }
    for (size_t i = 0; i < d->chunks.n && !d->ahead_failed; i++)
        d->ahead_failed = !decode_next(d, &d->chunks.items[i]);
    vec_clear(&d->chunks);
    return !d->ahead_failed;
}

/* Locations that were taken to be dense. */
static bool resolve_locations(struct decoder *d)
{
    uint32_t *locs = d->stack_locs.items;
    if (d->location_ids.dense || d->without_stacks)
        return !d->has_frames || (d->location_ids.dense && d->loc_max < d->location_ids.n);
    for (size_t i = 0; i < d->stack_locs.n; i++)
        if ((locs[i] = ids_find(&d->location_ids, (uint64_t)locs[i] + 1)) == PROFILE_NONE)
            return false;
    return true;
}

/* Labels whose strings are indexes. */
static bool resolve_labels(struct decoder *d)
{
    for (size_t i = 0; i < d->labels.n; i++) {
        struct profile_label *label = &d->labels.items[i];
        uint32_t *value = label->is_num ? &label->unit : &label->str;
        if (label->key >= d->string_ids.n || *value >= d->string_ids.n)
            return false;
        label->key = d->string_ids.items[label->key];
        *value = d->string_ids.items[*value];
    }
    return true;
}

static bool complete(struct decoder *d)
{
    return !d->ahead_failed && (d->n_samples == 0 || d->n_types_ahead == d->types.n) &&
           resolve_locations(d) && resolve_labels(d);
}

static bool read_whole(struct decoder *d)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < d->chunks.n; i++)
        n_bytes += (size_t)(d->chunks.items[i].end - d->chunks.items[i].begin);
    choose_decode(d);
    return n_bytes < FEW_BYTES ? read_few(d, n_bytes) : read_many(d);
}

/* The profile gets the first n rows of a column. */
#define KEEP(d, column, n)                                                                         \
    (((d)->profile->column = arena_adopt(&(d)->profile->arena, (void **)&(d)->column.items, (n),   \
                                         sizeof *(d)->column.items))                               \
         ? true                                                                                    \
         : err_nomem((d)->err))

bool pprof_read_samples(struct decoder *d)
{
    if (d->n_samples && d->types.n == 0)
        return proto_malformed(&d->in, d->err, NULL, "missing sample type information");
    if (!(d->ahead ? complete(d) : read_whole(d)))
        return false;
    if (d->n_samples == 0) {
        if (!vec_reserve(&d->stack_first, 1))
            return err_nomem(d->err);
        d->stack_first.items[0] = 0;
    }
    d->profile->n_samples = (uint32_t)d->n_samples;
    return KEEP(d, stack_first, d->n_samples + 1) && KEEP(d, stack_locs, d->stack_locs.n) &&
           KEEP(d, values, d->n_samples * d->types.n) &&
           (d->labels.n == 0 ||
            (KEEP(d, labels, d->labels.n) && KEEP(d, label_first, d->n_samples + 1)));
}
