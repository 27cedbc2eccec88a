#include "format/pprof_decoder.h"

#include "base/pages.h"
#include "base/pool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__) && __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#define HAS_CPU_FEATURES
#endif

#define FEW_BYTES ((size_t)2 << 20) /* of samples: threads would cost more than they save */

enum label { LABEL_KEY = 1, LABEL_STR, LABEL_NUM, LABEL_UNIT, LABEL_FIELDS };

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

/* Whether the processor takes scattered bits out of a word in a few cycles: AMD's (with
 * SSE4a) take hundreds for it before Zen 3 (with VAES). */
static bool has_fast_pext(void)
{
#ifdef HAS_CPU_FEATURES
    /* As libc has them: asking the processor takes longer in a virtual machine. */
    return CPU_FEATURE_ACTIVE(BMI2) && (!CPU_FEATURE_PRESENT(SSE4A) || CPU_FEATURE_PRESENT(VAES));
#else
    return false;
#endif
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
                                                              uint32_t **out, struct err *err,
                                                              bool pext)
{
    const uint8_t *p = f->p, *end = f->end;
    uint32_t *to = *out;
    uint64_t id;
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
static bool decode_values(const struct decoder *d, const struct proto_field *f, struct place *to,
                          struct err *err)
{
    uint64_t v;
    for (const uint8_t *p = f->p; p < f->end;) {
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
            if (!decode_locs(d, &f, &to->loc, err, pext))
                return false;
        } else if (f.number == 1) {
            if ((*to->loc++ = ids_find(&d->location_ids, f.value)) == PROFILE_NONE)
                return no_location(d, f.at, f.value, err);
        } else if (f.number == 2 && f.type == PROTO_BYTES) {
            if (!decode_values(d, &f, to, err))
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
        d->stack_first[++sample] = (uint64_t)(to->loc - d->stack_locs);
        if (d->label_first)
            d->label_first[sample] = chunk->first_label + to->n_labels;
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

static void decode_chunk(void *arg, size_t i)
{
    struct decoder *d = arg;
    struct chunk *chunk = &d->chunks.items[i];
    int64_t *values = d->values + chunk->first_sample * d->types.n;
    struct place to = {.loc = d->stack_locs + chunk->first_loc,
                       .value = values,
                       .value_end = values + chunk->n_samples * d->types.n,
                       .labels = d->labels ? d->labels + chunk->first_label : NULL,
                       .labels_cap = chunk->n_labels};
    chunk->failed = !d->decode(d, chunk, &to);
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

/* Memory for n rows; `all`: every one of them will be filled. */
static bool make_room(struct decoder *d, void **column, uint64_t n, size_t row_bytes, bool all)
{
    size_t n_bytes;
    if (__builtin_mul_overflow(n + 1, row_bytes, &n_bytes) || !(*column = malloc(n_bytes)))
        return err_nomem(d->err);
    if (all)
        pages_prepare(*column, n_bytes);
    return true;
}

#define ROOM(d, column, n, all)                                                                    \
    make_room((d), (void **)&(d)->column, (n), sizeof *(d)->column, (all))

static bool read_many(struct decoder *d, uint64_t *n_locs, uint64_t *n_labels)
{
    if (!run_chunks(d, count_chunk))
        return false;
    for (size_t i = 0; i < d->chunks.n; i++) {
        struct chunk *chunk = &d->chunks.items[i];
        chunk->first_loc = *n_locs;
        chunk->first_label = *n_labels;
        *n_locs += chunk->n_locs;
        *n_labels += chunk->n_labels;
    }
    if (!ROOM(d, stack_first, d->n_samples, true) || !ROOM(d, stack_locs, *n_locs, true) ||
        !ROOM(d, values, d->n_samples * d->types.n, true) ||
        (*n_labels &&
         (!ROOM(d, labels, *n_labels, true) || !ROOM(d, label_first, d->n_samples, true))))
        return false;
    d->stack_first[0] = 0;
    if (*n_labels)
        d->label_first[0] = 0;
    return run_chunks(d, decode_chunk);
}

static bool read_few(struct decoder *d, uint64_t *n_locs, uint64_t *n_labels)
{
    uint64_t n_values = d->n_samples * d->types.n;
    size_t locs_cap = 0;
    if (!ROOM(d, values, n_values, false) || !ROOM(d, stack_first, d->n_samples, false) ||
        !ROOM(d, label_first, d->n_samples, false))
        return false;
    struct place to = {.value = d->values, .value_end = d->values + n_values};
    bool ok = true;
    d->stack_first[0] = d->label_first[0] = 0;
    for (size_t i = 0; ok && i < d->chunks.n; i++) {
        struct chunk *chunk = &d->chunks.items[i];
        /* a location is a byte at least */
        size_t most = *n_locs + (size_t)(chunk->end - chunk->begin);
        if (!vec_grow_((void **)&d->stack_locs, &locs_cap, most, sizeof *d->stack_locs)) {
            ok = err_nomem(d->err);
            break;
        }
        to.loc = d->stack_locs + *n_locs;
        chunk->failed = !d->decode(d, chunk, &to);
        ok = !chunk_failed(d, chunk);
        *n_locs = (uint64_t)(to.loc - d->stack_locs);
    }
    d->labels = to.labels;
    *n_labels = to.n_labels;
    return ok;
}

/* The profile gets the first n rows of a column. */
#define KEEP(d, column, n)                                                                         \
    (((d)->profile->column =                                                                       \
          arena_adopt(&(d)->profile->arena, (void **)&(d)->column, (n), sizeof *(d)->column))      \
         ? true                                                                                    \
         : err_nomem((d)->err))

bool pprof_read_samples(struct decoder *d)
{
    uint64_t n_locs = 0, n_labels = 0;
    size_t n_bytes = 0;
    if (d->n_samples && d->types.n == 0)
        return proto_malformed(&d->in, d->err, NULL, "missing sample type information");
    for (size_t i = 0; i < d->chunks.n; i++)
        n_bytes += (size_t)(d->chunks.items[i].end - d->chunks.items[i].begin);
    d->decode = has_fast_pext() ? decode_by_pext : decode_by_words;
    if (!(n_bytes < FEW_BYTES ? read_few(d, &n_locs, &n_labels) : read_many(d, &n_locs, &n_labels)))
        return false;
    d->profile->n_samples = (uint32_t)d->n_samples;
    return KEEP(d, stack_first, d->n_samples + 1) && KEEP(d, stack_locs, n_locs) &&
           KEEP(d, values, d->n_samples * d->types.n) &&
           (n_labels == 0 || (KEEP(d, labels, n_labels) && KEEP(d, label_first, d->n_samples + 1)));
}
