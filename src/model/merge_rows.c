#include "model/merge_rows.h"

#include "base/buf.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/pool.h"
#include "model/labels.h"
#include "model/merge_frames.h"
#include "model/zeros.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* So many samples are looked up together; fewer where their stacks have more frames than that. */
#define LOT 16u
#define LOT_FRAMES 8192u

struct merge_rows {
    struct builder *b;
    struct merge_frames frames;
    struct rows samples; /* the builder's */
    /* Label sets are told apart by a key of bytes; the n-th new key is the n-th set. */
    struct arena arena;
    struct intern label_sets;
    VEC(uint32_t)
    sample_set;           /* label set + 1 of each sample up to the last that has labels, 0: none */
    struct buf key;       /* scratch */
    struct labels labels; /* of the sample at hand */
    uint32_t n_types;
    bool failed; /* out of memory */

    /* The source at hand. */
    const struct profile *source;
    const uint32_t *type_map; /* type of the result -> type of the source */
    const double *ratios;
    const char *mark;
    uint32_t next; /* sample of the result: after the one found last */

    /* The lot at hand: samples of the source that have values, and what they become. */
    uint32_t n, rows[LOT], hashes[LOT], sets[LOT];
    size_t first_frame[LOT + 1], first_label[LOT + 1];
    VEC(uint32_t) frames_of, locations; /* of the result; of the source, not mapped yet */
    VEC(struct profile_label) labels_of;
    int64_t *values; /* [LOT * n_types] */
};

/* The label set of the key in m->key, which is emptied. */
static uint32_t take_set(struct merge_rows *m)
{
    uint32_t id = INTERN_NONE;
    if (!m->key.failed)
        id = intern_add(&m->label_sets, (struct str){m->key.data, m->key.len});
    m->failed |= id == INTERN_NONE;
    buf_clear(&m->key);
    return m->failed ? 0 : id; /* id 0 is the empty key, which is never asked for */
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
        m->failed |= !vec_push(&m->labels_of, label);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct profile_label label = *items[i].label;
        if (label.is_num)
            key_number(m, (uint64_t)label.num);
        else
            key_text(m, profile_str(m->source, label.str));
        has_units |= label.is_num && label.unit;
        label.key = merge_frames_string(&m->frames, label.key);
        label.str = merge_frames_string(&m->frames, label.str);
        label.unit = merge_frames_string(&m->frames, label.unit);
        if (!vec_push(&m->labels_of, label))
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
    if (m->ratios[type] == 1)
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

static uint32_t hash_stack(const uint32_t *stack, size_t n, uint32_t set)
{
    return (uint32_t)(hash_bytes(stack, n * sizeof *stack) + set * 0x9e3779b1u);
}

static const uint32_t *stack_of(const struct profile *p, uint32_t sample, size_t *n)
{
    *n = p->stack_first[sample + 1] - p->stack_first[sample];
    return p->stack_locs + p->stack_first[sample];
}

/* The next values of the lot are those of a sample.  False if nothing is left of it. */
static bool take_values(struct merge_rows *m, uint32_t sample)
{
    const int64_t *values = m->source->values + (size_t)sample * m->source->n_types;
    int64_t *to = m->values + (size_t)m->n * m->n_types;
    bool any = false;
    if (m->ratios && !has_multiplied(m, values))
        return false;
    for (uint32_t i = 0; i < m->n_types; i++) {
        uint32_t type = m->type_map[i];
        to[i] = m->ratios ? multiplied(m, values, type) : values[type];
        any |= to[i] != 0;
    }
    return any;
}

/* Add a sample's labels to those of the lot; its set, 0 if it has none. */
static uint32_t take_labels(struct merge_rows *m, uint32_t sample)
{
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
    return m->labels.n && !m->failed ? take_set(m) : 0;
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

/* Is one of these 8 locations n or a later one? */
static bool reaches(const uint32_t *locs, uint32_t n)
{
    uint32_t over = 0;
    for (size_t i = 0; i < 8; i++)
        over |= locs[i] >= n;
    return over;
}

/* Do all samples have values, and locations all a use, first in the order of their rows? */
static bool has_samples_in_order(const struct profile *p)
{
    const uint32_t *locs = p->stack_locs, *end = locs + p->stack_first[p->n_samples];
    uint32_t n = 0;
    while (locs < end) {
        const uint32_t *next = end - locs < 8 ? end : locs + 8;
        if (next - locs == 8 && !reaches(locs, n))
            locs = next;
        for (; locs < next; locs++) {
            if (*locs > n)
                return false;
            n += *locs == n;
        }
    }
    for (uint32_t i = 0; i < p->n_samples; i++)
        if (zeros_is(p, i))
            return false;
    return n == p->n_locations;
}

/* List the locations of a stack that are not mapped yet. */
static void list_locations(struct merge_rows *m, const uint32_t *stack, size_t n)
{
    uint32_t *map = m->frames.location_map;
    size_t n_listed = m->locations.n;
    if (!vec_reserve(&m->locations, n_listed + n + 1)) {
        m->failed = true;
        return;
    }
    /* Which are new cannot be foretold: without a jump. */
    for (size_t k = 0; k < n; k++) {
        uint32_t to = map[stack[k]];
        m->locations.items[n_listed] = stack[k];
        n_listed += to == PROFILE_NONE;
        map[stack[k]] = to == PROFILE_NONE ? MERGE_FRAMES_LISTED : to;
    }
    m->locations.n = n_listed;
}

/* Take the samples from `from` on that have values into a lot, and list the locations of theirs
 * that are not mapped yet.  The one after the last that was looked at. */
static uint32_t choose_samples(struct merge_rows *m, uint32_t from)
{
    const struct profile *source = m->source;
    size_t n_frames = 0;
    vec_clear(&m->locations);
    for (m->n = 0; from < source->n_samples && m->n < LOT && n_frames < LOT_FRAMES; from++) {
        if (!take_values(m, from))
            continue;
        m->rows[m->n++] = from;
        size_t n;
        const uint32_t *stack = stack_of(source, from, &n);
        list_locations(m, stack, n);
        n_frames += n;
    }
    return from;
}

/* The stacks and labels of the lot as they are in the result, and their hashes. */
static void take_stacks(struct merge_rows *m)
{
    const struct profile *source = m->source;
    const uint32_t *map = m->frames.location_map;
    vec_clear(&m->frames_of);
    vec_clear(&m->labels_of);
    for (uint32_t i = 0; i < m->n && !m->failed; i++) {
        size_t n;
        const uint32_t *from = stack_of(source, m->rows[i], &n);
        m->first_frame[i] = m->frames_of.n;
        m->first_label[i] = m->labels_of.n;
        if (!vec_reserve(&m->frames_of, m->frames_of.n + n + 1)) { /* there is an address */
            m->failed = true;
            return;
        }
        uint32_t *to = m->frames_of.items + m->frames_of.n;
        for (size_t k = 0; k < n; k++)
            to[k] = map[from[k]];
        m->frames_of.n += n;
        m->sets[i] = take_labels(m, m->rows[i]);
        m->hashes[i] = hash_stack(to, n, m->sets[i]);
        rows_prefetch(&m->samples, m->hashes[i]);
    }
    m->first_frame[m->n] = m->frames_of.n;
    m->first_label[m->n] = m->labels_of.n;
}

/* Is this row of the result equal to the i-th sample of the lot? */
static bool equal_sample(const struct merge_rows *m, uint32_t row, uint32_t i)
{
    size_t n, n_own = m->first_frame[i + 1] - m->first_frame[i];
    const uint32_t *stack = builder_stack_at(m->b, row, &n);
    return n == n_own && sample_set(m, row) == m->sets[i] &&
           !memcmp(stack, m->frames_of.items + m->first_frame[i], n * sizeof *stack);
}

/* Add the values of the i-th sample of the lot to those of a row of the result. */
static void add_values(struct merge_rows *m, uint32_t i, uint32_t row)
{
    const int64_t *values = m->values + (size_t)i * m->n_types;
    int64_t *sum = builder_values(m->b, row);
    for (uint32_t k = 0; sum && k < m->n_types; k++)
        sum[k] = (int64_t)((uint64_t)sum[k] + (uint64_t)values[k]);
}

static void add_sample(struct merge_rows *m, uint32_t i)
{
    uint32_t hash = m->hashes[i];
    struct rows_slot *slot = rows_first(&m->samples, hash);
    while (slot->row != ROWS_NONE && !(slot->hash == hash && equal_sample(m, slot->row, i)))
        slot = rows_next(&m->samples, slot);
    if (slot->row == ROWS_NONE) {
        uint32_t row = (uint32_t)m->samples.n;
        size_t n_labels = m->first_label[i + 1] - m->first_label[i];
        builder_sample(m->b, m->frames_of.items + m->first_frame[i],
                       (uint32_t)(m->first_frame[i + 1] - m->first_frame[i]),
                       m->values + (size_t)i * m->n_types,
                       n_labels ? m->labels_of.items + m->first_label[i] : NULL,
                       (uint32_t)n_labels);
        note_set(m, row, m->sets[i]);
        rows_put(&m->samples, slot, row, hash);
        m->failed |= builder_has_failed(m->b);
        return;
    }
    add_values(m, i, slot->row);
    m->next = slot->row + 1;
}

static void add_lot(struct merge_rows *m)
{
    merge_frames_map(&m->frames, m->locations.items, m->locations.n);
    m->failed |= m->frames.failed || !rows_reserve(&m->samples, m->samples.n + m->n);
    if (m->failed)
        return;
    take_stacks(m);
    for (uint32_t i = 0; i < m->n && !m->failed; i++) {
        uint32_t row = rows_first(&m->samples, m->hashes[i])->row;
        if (row != ROWS_NONE)
            builder_prefetch_sample(m->b, row);
    }
    for (uint32_t i = 0; i < m->n && !m->failed; i++)
        add_sample(m, i);
}

/* Are these n locations of the source those of the result? */
static bool are_locations(struct merge_frames *frames, const uint32_t *from, const uint32_t *to,
                          size_t n)
{
    const uint32_t *map = frames->location_map;
    for (size_t k = 0; k < n; k++)
        if (map[from[k]] != to[k] && !merge_frames_is(frames, from[k], to[k]))
            return false;
    return true;
}

/* Add samples from `from` on as long as they are the rows of the result after the one found last,
 * as they are where profiles list the same stacks one after the other: nothing is looked up then.
 * The first that is not. */
static uint32_t add_in_line(struct merge_rows *m, uint32_t from)
{
    const struct profile *source = m->source;
    const uint64_t *first = source->stack_first, *to_first;
    const uint32_t *to_locs = builder_stacks(m->b, &to_first);
    bool has_labels = source->label_first || m->mark || m->sample_set.n;
    uint32_t to = m->next;
    m->n = 0;
    for (; from < source->n_samples && to < m->samples.n; from++) {
        if (!take_values(m, from))
            continue;
        uint64_t n = first[from + 1] - first[from];
        if (n != to_first[to + 1] - to_first[to] ||
            !are_locations(&m->frames, source->stack_locs + first[from], to_locs + to_first[to], n))
            break;
        vec_clear(&m->labels_of);
        if (has_labels && take_labels(m, from) != sample_set(m, to))
            break;
        add_values(m, 0, to++);
    }
    m->next = to;
    return from;
}

/* False: two are equal, or memory runs out. */
static bool index_samples(struct rows *rows, const struct profile *p)
{
    if (!rows_reserve(rows, p->n_samples))
        return false;
    for (uint32_t i = 0; i < p->n_samples; i++) {
        size_t n, n_other;
        const uint32_t *stack = stack_of(p, i, &n);
        uint32_t hash = hash_stack(stack, n, 0);
        struct rows_slot *slot = rows_first(rows, hash);
        for (; slot->row != ROWS_NONE; slot = rows_next(rows, slot)) {
            const uint32_t *other = stack_of(p, slot->row, &n_other);
            if (slot->hash == hash && n == n_other && !memcmp(stack, other, n * sizeof *stack))
                return false;
        }
        rows_put(rows, slot, i, hash);
    }
    return true;
}

struct index {
    struct merge_rows *m;
    const struct profile *first;
    bool is_fit[2]; /* its frames, its samples */
};

static void index_half(void *arg, size_t half)
{
    struct index *index = arg;
    index->is_fit[half] =
        half ? has_samples_in_order(index->first) && index_samples(&index->m->samples, index->first)
             : merge_frames_index(&index->m->frames, index->first);
}

bool merge_rows_take(struct merge_rows *m, struct profile *first)
{
    struct index index = {.m = m, .first = first};
    if (m->failed || first->parent || first->label_first)
        return false;
    pool_run(2, 2, index_half, &index);
    if (index.is_fit[0] && index.is_fit[1]) {
        merge_frames_take(&m->frames, first);
        m->failed |= m->frames.failed;
        return true;
    }
    merge_frames_release(&m->frames);
    merge_frames_init(&m->frames, m->b);
    rows_release(&m->samples);
    return false;
}

bool merge_rows_add(struct merge_rows *m, const struct merge_source *from, const uint32_t *type_map)
{
    const struct profile *source = from->profile;
    if (m->failed)
        return false;
    m->source = source;
    m->ratios = from->ratios;
    m->mark = from->mark;
    m->type_map = type_map;
    merge_frames_source(&m->frames, source);
    m->failed |= m->frames.failed || !rows_reserve(&m->samples, source->n_samples);
    /* The first mapping of a profile is the program itself, used or not. */
    if (!m->failed && m->frames.mappings.n == 0 && source->n_mappings)
        merge_frames_mapping(&m->frames, 0);
    m->next = 0;
    for (uint32_t i = 0; i < source->n_samples && !m->failed;) {
        i = choose_samples(m, add_in_line(m, i));
        if (!m->failed)
            add_lot(m);
    }
    return !m->failed;
}

struct merge_rows *merge_rows_new(struct builder *b, uint32_t n_types)
{
    struct merge_rows *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->b = b;
    m->n_types = n_types;
    merge_frames_init(&m->frames, b);
    arena_init(&m->arena);
    m->values = malloc(((size_t)n_types * LOT + 1) * sizeof *m->values);
    if (m->values && intern_init(&m->label_sets, &m->arena))
        return m;
    merge_rows_free(m);
    return NULL;
}

void merge_rows_free(struct merge_rows *m)
{
    if (!m)
        return;
    merge_frames_release(&m->frames);
    intern_release(&m->label_sets);
    arena_release(&m->arena);
    rows_release(&m->samples);
    vec_release(&m->sample_set);
    buf_release(&m->key);
    labels_release(&m->labels);
    vec_release(&m->frames_of);
    vec_release(&m->locations);
    vec_release(&m->labels_of);
    free(m->values);
    free(m);
}
