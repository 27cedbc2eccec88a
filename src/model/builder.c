#include "model/builder.h"

#include "base/intern.h"
#include "base/pages.h"
#include "base/vec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct builder {
    struct profile *profile; /* header fields and the arena that holds the texts */
    struct intern strings;
    VEC(struct profile_value_type) types;
    VEC(uint32_t) comments;
    VEC(struct profile_mapping) mappings;
    VEC(struct profile_function) functions;
    VEC(struct profile_line) lines;
    VEC(struct profile_location) locations;
    VEC(uint64_t) stack_first; /* of each sample; where the last one ends stands after them */
    VEC(uint32_t) stack_locs;
    VEC(int64_t) values;
    VEC(uint64_t) label_first; /* of each sample; seal adds the end; none without labels */
    VEC(struct profile_label) labels;
    enum err_code failure; /* ERR_NONE, ERR_NOMEM, or ERR_INPUT: too many rows */
};

static uint32_t fail(struct builder *b, enum err_code code)
{
    if (!b->failure)
        b->failure = code;
    return 0;
}

/* May a table of n rows grow by `more`?  UINT32_MAX stays free for PROFILE_NONE. */
static bool has_room(struct builder *b, size_t n, size_t more)
{
    if (!b->failure && more >= UINT32_MAX - n)
        fail(b, ERR_INPUT);
    return !b->failure;
}

struct builder *builder_new(struct err *err)
{
    struct builder *b = calloc(1, sizeof *b);
    if (b)
        b->profile = profile_new();
    if (b && b->profile && intern_init(&b->strings, &b->profile->arena))
        return b;
    builder_free(b);
    err_nomem(err);
    return NULL;
}

void builder_free(struct builder *b)
{
    if (!b)
        return;
    intern_release(&b->strings);
    vec_release(&b->types);
    vec_release(&b->comments);
    vec_release(&b->mappings);
    vec_release(&b->functions);
    vec_release(&b->lines);
    vec_release(&b->locations);
    vec_release(&b->stack_first);
    vec_release(&b->stack_locs);
    vec_release(&b->values);
    vec_release(&b->label_first);
    vec_release(&b->labels);
    profile_free(b->profile);
    free(b);
}

/* *items: the n items of a column of the profile, malloc'ed. */
static bool take_column(struct arena *arena, const void *column, size_t n, size_t item_bytes,
                        void **items)
{
    if (arena_disown(arena, column)) {
        *items = (void *)column;
        return true;
    }
    *items = malloc(n * item_bytes + 1);
    if (*items && n)
        memcpy(*items, column, n * item_bytes);
    return *items != NULL;
}

/* b->member takes over a column of n items. */
#define TAKE_N(b, p, member, count)                                                                \
    ((b)->member.n = (b)->member.cap = (count),                                                    \
     take_column(&(p)->arena, (p)->member, (count), sizeof *(p)->member,                           \
                 (void **)&(b)->member.items))
#define TAKE(b, p, member) TAKE_N(b, p, member, (p)->n_##member)

static bool take_columns(struct builder *b, struct profile *p)
{
    bool ok = TAKE(b, p, types) && TAKE(b, p, functions) && TAKE(b, p, lines) &&
              TAKE(b, p, locations) && TAKE_N(b, p, stack_locs, p->stack_first[p->n_samples]) &&
              TAKE_N(b, p, values, (size_t)p->n_samples * p->n_types) &&
              TAKE_N(b, p, stack_first, (size_t)p->n_samples + 1);
    b->stack_first.n = ok ? p->n_samples : 0; /* the end stays after them */
    return ok;
}

void builder_take(struct builder *b, struct profile *profile)
{
    struct str *strings = NULL;
    assert(!b->failure && b->strings.n == 1 && b->types.n == 0);
    intern_release(&b->strings);
    profile_free(b->profile);
    b->profile = profile;
    profile->is_packed_pprof = false;
    if (!take_columns(b, profile) ||
        !take_column(&profile->arena, profile->strings, profile->n_strings, sizeof *strings,
                     (void **)&strings) ||
        !intern_init_with(&b->strings, &profile->arena, &strings, profile->n_strings))
        fail(b, ERR_NOMEM);
    free(strings);
}

struct profile *builder_header(struct builder *b)
{
    return b->profile;
}

uint32_t builder_string(struct builder *b, struct str s)
{
    if (b->failure)
        return 0;
    uint32_t id = intern_add(&b->strings, s);
    return id == INTERN_NONE ? fail(b, ERR_NOMEM) : id;
}

void builder_strings(struct builder *b, const struct str *texts, size_t n, uint32_t *ids)
{
    if (!b->failure && !intern_add_all(&b->strings, texts, n, ids))
        fail(b, ERR_NOMEM);
    if (b->failure)
        memset(ids, 0, n * sizeof *ids);
}

struct str builder_text(const struct builder *b, uint32_t string)
{
    return b->strings.strings[string];
}

void builder_comment(struct builder *b, uint32_t string)
{
    if (has_room(b, b->comments.n, 1) && !vec_push(&b->comments, string))
        fail(b, ERR_NOMEM);
}

void builder_type(struct builder *b, uint32_t type, uint32_t unit)
{
    assert(b->stack_first.n == 0); /* values are laid out by the number of types */
    if (has_room(b, b->types.n, 1) && !vec_push(&b->types, (struct profile_value_type){type, unit}))
        fail(b, ERR_NOMEM);
}

uint32_t builder_mapping(struct builder *b, const struct profile_mapping *mapping)
{
    if (!has_room(b, b->mappings.n, 1))
        return 0;
    if (!vec_push(&b->mappings, *mapping))
        return fail(b, ERR_NOMEM);
    uint32_t i = (uint32_t)b->mappings.n - 1;
    if (!mapping->id)
        b->mappings.items[i].id = i + 1;
    return i;
}

uint32_t builder_function(struct builder *b, const struct profile_function *function)
{
    if (!has_room(b, b->functions.n, 1))
        return 0;
    if (!vec_push(&b->functions, *function))
        return fail(b, ERR_NOMEM);
    uint32_t i = (uint32_t)b->functions.n - 1;
    if (!function->id)
        b->functions.items[i].id = i + 1;
    return i;
}

uint32_t builder_location(struct builder *b, const struct profile_location *location,
                          const struct profile_line *lines, uint32_t n_lines)
{
    if (!has_room(b, b->locations.n, 1) || !has_room(b, b->lines.n, n_lines))
        return 0;
    if (!vec_reserve(&b->lines, b->lines.n + n_lines) || !vec_push(&b->locations, *location))
        return fail(b, ERR_NOMEM);
    uint32_t i = (uint32_t)b->locations.n - 1;
    struct profile_location *row = &b->locations.items[i];
    if (!row->id)
        row->id = i + 1;
    row->first_line = (uint32_t)b->lines.n;
    row->n_lines = n_lines;
    if (n_lines)
        memcpy(b->lines.items + b->lines.n, lines, n_lines * sizeof *lines);
    b->lines.n += n_lines;
    return i;
}

void builder_reserve(struct builder *b, size_t n_samples, size_t n_frames, size_t n_labels)
{
    /* One more than the samples, for the end. */
    (void)vec_reserve(&b->stack_first, n_samples + 1);
    if (vec_reserve(&b->stack_locs, n_frames))
        pages_prepare_large(b->stack_locs.items, n_frames * sizeof *b->stack_locs.items);
    (void)vec_reserve(&b->values, n_samples * b->types.n);
    if (n_labels && vec_reserve(&b->label_first, n_samples + 1))
        (void)vec_reserve(&b->labels, n_labels);
}

void builder_sample(struct builder *b, const uint32_t *locs, uint32_t n_locs, const int64_t *values,
                    const struct profile_label *labels, uint32_t n_labels)
{
    size_t n_types = b->types.n, n = b->stack_first.n;
    bool has_labels = n_labels || b->labels.n; /* some sample up to this one */
    if (!has_room(b, n, 1))
        return;
    if (!vec_reserve(&b->stack_locs, b->stack_locs.n + n_locs + 1) || /* there is an address */
        !vec_reserve(&b->values, b->values.n + n_types) ||
        !vec_reserve(&b->labels, b->labels.n + n_labels) ||
        !vec_reserve(&b->label_first, has_labels ? n + 1 : 0) ||
        !vec_reserve(&b->stack_first, n + 2)) {
        fail(b, ERR_NOMEM);
        return;
    }
    while (has_labels && b->label_first.n <= n)
        b->label_first.items[b->label_first.n++] = b->labels.n;
    uint32_t *stack = b->stack_locs.items + b->stack_locs.n;
    if (n_locs)
        memcpy(stack, locs, n_locs * sizeof *locs);
    if (n_types)
        memcpy(b->values.items + b->values.n, values, n_types * sizeof *values);
    if (n_labels)
        memcpy(b->labels.items + b->labels.n, labels, n_labels * sizeof *labels);
    b->stack_first.items[b->stack_first.n++] = b->stack_locs.n;
    b->stack_locs.n += n_locs;
    b->stack_first.items[n + 1] = b->stack_locs.n;
    b->values.n += n_types;
    b->labels.n += n_labels;
}

int64_t *builder_values(struct builder *b, uint32_t sample)
{
    return b->failure ? NULL : b->values.items + (size_t)sample * b->types.n;
}

const struct profile_value_type *builder_type_at(const struct builder *b, uint32_t i)
{
    return &b->types.items[i];
}

const struct profile_function *builder_function_at(const struct builder *b, uint32_t i)
{
    return &b->functions.items[i];
}

const struct profile_location *builder_location_at(const struct builder *b, uint32_t i,
                                                   const struct profile_line **lines)
{
    const struct profile_location *location = &b->locations.items[i];
    *lines = location->n_lines ? b->lines.items + location->first_line : NULL;
    return location;
}

const uint32_t *builder_stack_at(const struct builder *b, uint32_t sample, size_t *n_locs)
{
    const uint64_t *first = b->stack_first.items + sample;
    *n_locs = first[1] - first[0];
    return b->stack_locs.items + first[0];
}

const uint32_t *builder_stacks(const struct builder *b, const uint64_t **first)
{
    *first = b->stack_first.items;
    return b->stack_locs.items;
}

void builder_prefetch_location(const struct builder *b, uint32_t i)
{
    __builtin_prefetch(&b->locations.items[i]);
    if (i < b->lines.n) /* most locations have one line */
        __builtin_prefetch(&b->lines.items[i]);
}

void builder_prefetch_sample(const struct builder *b, uint32_t sample)
{
    size_t n_types = b->types.n;
    __builtin_prefetch(&b->stack_locs.items[b->stack_first.items[sample]]);
    __builtin_prefetch(&b->values.items[sample * n_types]);
}

bool builder_has_failed(const struct builder *b)
{
    return b->failure != ERR_NONE;
}

/* profile->member takes over b->member. */
#define SEAL(b, member)                                                                            \
    (((b)->profile->member = arena_adopt(&(b)->profile->arena, (void **)&(b)->member.items,        \
                                         (b)->member.n, sizeof *(b)->member.items)) != NULL)
#define SEAL_N(b, member) ((b)->profile->n_##member = (uint32_t)(b)->member.n, SEAL(b, member))

static bool seal_tables(struct builder *b)
{
    b->profile->n_strings = b->strings.n;
    b->profile->strings = arena_adopt(&b->profile->arena, (void **)&b->strings.strings,
                                      b->strings.n, sizeof *b->strings.strings);
    return b->profile->strings && SEAL_N(b, types) && SEAL_N(b, comments) && SEAL_N(b, mappings) &&
           SEAL_N(b, functions) && SEAL_N(b, lines) && SEAL_N(b, locations);
}

static bool seal_samples(struct builder *b)
{
    b->profile->n_samples = (uint32_t)b->stack_first.n;
    if (!vec_push(&b->stack_first, b->stack_locs.n) ||
        (b->labels.n && !vec_push(&b->label_first, b->labels.n)))
        return false;
    b->profile->label_first = NULL;
    b->profile->labels = NULL;
    return SEAL(b, stack_first) && SEAL(b, stack_locs) && SEAL(b, values) &&
           (b->labels.n == 0 || (SEAL(b, label_first) && SEAL(b, labels)));
}

/* Report what went wrong, or give the profile out; the builder goes. */
static struct profile *finish(struct builder *b, struct err *err)
{
    struct profile *profile = NULL;
    if (b->failure == ERR_NOMEM)
        err_nomem(err);
    else if (b->failure)
        err_set(err, ERR_INPUT, "a profile can hold at most %u rows of a kind", UINT32_MAX - 1);
    else {
        profile = b->profile;
        b->profile = NULL;
    }
    builder_free(b);
    return profile;
}

struct profile *builder_seal(struct builder *b, struct err *err)
{
    if (!b->failure && (!seal_tables(b) || !seal_samples(b)))
        fail(b, ERR_NOMEM);
    return finish(b, err);
}

struct builder *builder_new_from(const struct profile *parent, struct err *err)
{
    struct builder *b = builder_new(err);
    if (!b)
        return NULL;
    struct arena arena = b->profile->arena;
    *b->profile = *parent;
    b->profile->arena = arena;
    b->profile->parent = NULL;
    for (uint32_t i = 0; i < parent->n_strings; i++)
        builder_string(b, parent->strings[i]);
    for (uint32_t i = 0; i < parent->n_types; i++)
        builder_type(b, parent->types[i].type, parent->types[i].unit);
    for (uint32_t i = 0; i < parent->n_comments; i++)
        builder_comment(b, parent->comments[i]);
    assert(b->failure || b->strings.n == parent->n_strings);
    return b;
}

struct profile *builder_seal_over(struct builder *b, struct profile *parent, struct err *err)
{
    assert(b->failure || b->locations.n == parent->n_locations);
    if (!b->failure && !seal_tables(b))
        fail(b, ERR_NOMEM);
    struct profile *profile = finish(b, err);
    if (profile)
        profile->parent = parent;
    else
        profile_free(parent);
    return profile;
}
