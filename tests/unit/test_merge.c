#include "alloc_fail.h"
#include "base/buf.h"
#include "model/builder.h"
#include "model/merge.h"
#include "unit.h"

#include <inttypes.h>
#include <stdlib.h>

/* One mapping at `start`, functions "f" and "unused", a location in each at
 * start + 0x10 and start + 0x20, and one sample of the first. */
struct source {
    uint64_t start;
    const char *type, *unit, *comment, *label;
    int64_t value, period, time_nanos;
};

static struct profile *make(const struct source *s)
{
    struct builder *b = builder_new(NULL);
    uint32_t type = builder_string(b, str_of(s->type)), unit = builder_string(b, str_of(s->unit));
    builder_type(b, type, unit);
    struct profile *header = builder_header(b);
    header->period = s->period;
    header->time_nanos = s->time_nanos;
    header->duration_nanos = 100;
    header->has_period_type = true;
    if (s->comment)
        builder_comment(b, builder_string(b, str_of(s->comment)));
    struct profile_mapping mapping = {.id = 9,
                                      .start = s->start,
                                      .limit = s->start + 0x1000,
                                      .file = builder_string(b, STR("/bin/prog"))};
    builder_mapping(b, &mapping);
    struct profile_function unused = {.name = builder_string(b, STR("unused"))};
    struct profile_function f = {.name = builder_string(b, STR("f"))};
    builder_function(b, &unused);
    struct profile_line line = {builder_function(b, &f), 7, 0};
    struct profile_location location = {.id = 500, .address = s->start + 0x20};
    builder_location(b, &location, NULL, 0);
    location.id = 400;
    location.address = s->start + 0x10;
    uint32_t loc = builder_location(b, &location, &line, 1);
    struct profile_label label = {.key = builder_string(b, STR("k")),
                                  .str = builder_string(b, str_of(s->label ? s->label : ""))};
    builder_sample(b, &loc, 1, &s->value, &label, s->label ? 1 : 0);
    return builder_seal(b, NULL);
}

static struct profile *merge(const struct source *a, const struct source *b, struct err *err)
{
    struct profile *in[] = {make(a), make(b)};
    struct profile *p = merge_profiles((const struct profile *const *)in, 2, err);
    profile_free(in[0]);
    profile_free(in[1]);
    return p;
}

static void equal_samples_add_up(void **state)
{
    struct err err = {0};
    /* Loaded elsewhere the second time: addresses move to the first's place. */
    struct source a = {0x10000, "cpu", "ns", "one", NULL, 5, 20, 2000};
    struct source b = {0x50000, "cpu", "ns", "one", NULL, 6, 30, 1000};
    struct profile *p = merge(&a, &b, &err);
    assert_non_null(p);
    assert_int_equal(p->n_samples, 1);
    assert_int_equal(p->values[0], 11);
    assert_int_equal(p->n_mappings, 1);
    assert_int_equal(p->mappings[0].id, 1);
    assert_int_equal(p->mappings[0].start, 0x10000);
    assert_int_equal(p->n_locations, 1);
    assert_int_equal(p->locations[0].id, 1);
    assert_int_equal(p->locations[0].address, 0x10010);
    assert_int_equal(p->n_functions, 1);
    assert_string_equal(profile_cstr(p, p->functions[0].name), "f");
    assert_int_equal(p->period, 30);
    assert_int_equal(p->time_nanos, 1000);
    assert_int_equal(p->duration_nanos, 200);
    assert_int_equal(p->n_comments, 1);
    profile_free(p);
}

static void labels_keep_samples_apart(void **state)
{
    struct err err = {0};
    struct source a = {0x10000, "cpu", "ns", "one", "x", 5, 20, 0};
    struct source b = {0x10000, "cpu", "ns", "two", "y", 6, 20, 0};
    struct profile *p = merge(&a, &b, &err);
    assert_non_null(p);
    assert_int_equal(p->n_samples, 2);
    assert_string_equal(profile_cstr(p, p->labels[1].str), "y");
    assert_int_equal(p->n_comments, 2);
    assert_int_equal(p->n_locations, 1);
    profile_free(p);
}

static void zero_samples_go(void **state)
{
    struct err err = {0};
    struct source a = {0x10000, "cpu", "ns", NULL, NULL, 5, 20, 0};
    struct source b = {0x10000, "cpu", "ns", NULL, NULL, -5, 20, 0};
    struct profile *p = merge(&a, &b, &err);
    assert_non_null(p);
    assert_int_equal(p->n_samples, 0);
    assert_int_equal(p->n_locations, 0);
    assert_int_equal(p->n_functions, 0);
    assert_int_equal(p->n_mappings, 1); /* the program itself stays */
    profile_free(p);
}

static void types_must_fit(void **state)
{
    struct err err = {0};
    struct source a = {0x10000, "cpu", "ns", NULL, NULL, 5, 20, 0};
    struct source b = {0x10000, "wall", "ns", NULL, NULL, 5, 20, 0};
    struct source c = {0x10000, "cpu", "s", NULL, NULL, 5, 20, 0};
    assert_null(merge(&a, &b, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.msg, "profiles have empty common sample type list");
    assert_null(merge(&a, &c, &err));
    assert_string_equal(err.msg, "incompatible sample types [cpu/ns] and [cpu/s]");
    assert_null(merge_profiles(NULL, 0, &err));
}

static struct profile *typed(const char *const *types, size_t n, const char *default_type)
{
    struct builder *b = builder_new(NULL);
    int64_t values[4] = {1, 2, 3, 4};
    for (size_t i = 0; i < n; i++)
        builder_type(b, builder_string(b, str_of(types[i])), 0);
    builder_header(b)->default_type = builder_string(b, str_of(default_type));
    builder_sample(b, NULL, 0, values, NULL, 0);
    return builder_seal(b, NULL);
}

static void common_types_in_the_first_ones_order(void **state)
{
    const char *const x[] = {"a", "b", "c"}, *const y[] = {"c", "d", "b"};
    struct profile *in[] = {typed(x, 3, "a"), typed(y, 3, "")};
    struct profile *p = merge_profiles((const struct profile *const *)in, 2, NULL);
    assert_non_null(p);
    assert_int_equal(p->n_types, 2);
    assert_string_equal(profile_cstr(p, p->types[0].type), "b");
    assert_string_equal(profile_cstr(p, p->types[1].type), "c");
    assert_int_equal(p->n_samples, 1);
    assert_int_equal(p->values[0], 2 + 3);
    assert_int_equal(p->values[1], 3 + 1);
    assert_string_equal(profile_cstr(p, p->default_type), "b"); /* "a" went */
    profile_free(p);
    profile_free(in[0]);
    profile_free(in[1]);
}

static void a_type_twice_is_not_common(void **state)
{
    struct err err = {0};
    const char *const twice[] = {"a", "a"}, *const none[] = {"b"};
    struct profile *in[] = {typed(twice, 2, ""), typed(none, 1, "")};
    assert_null(merge_profiles((const struct profile *const *)in, 2, &err));
    assert_string_equal(err.msg, "\"a\" sample type is not found in profile");
    assert_null(merge_profiles((const struct profile *const *)in, 1, &err));
    assert_string_equal(err.msg, "profiles have empty common sample type list");
    profile_free(in[0]);
    profile_free(in[1]);
}

static struct profile *difference(const struct source *a, const struct source *b, const char *mark,
                                  bool normalize, struct err *err)
{
    struct profile *in[] = {make(a), make(b)};
    struct profile *p = merge_difference(&in[0], in[1], mark, normalize, err);
    profile_free(in[0]);
    profile_free(in[1]);
    return p;
}

static void a_base_is_subtracted(void **state)
{
    struct source a = {0x10000, "cpu", "ns", NULL, "x", 5, 20, 0};
    struct source b = {0x50000, "cpu", "ns", NULL, "x", 7, 20, 0};
    struct profile *p = difference(&a, &b, NULL, false, NULL);
    assert_non_null(p);
    assert_int_equal(p->n_samples, 1);
    assert_int_equal(p->values[0], -2);
    profile_free(p);
    p = difference(&a, &a, NULL, false, NULL);
    assert_int_equal(p->n_samples, 0);
    profile_free(p);
}

static void a_marked_base_stays_apart(void **state)
{
    struct source a = {0x10000, "cpu", "ns", NULL, "x", 5, 20, 0};
    struct profile *p = difference(&a, &a, "a mark", false, NULL);
    assert_non_null(p);
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->values[0], 5);
    assert_int_equal(p->values[1], -5);
    assert_int_equal(p->label_first[1] - p->label_first[0], 1);
    assert_int_equal(p->label_first[2] - p->label_first[1], 2);
    const struct profile_label *labels = p->labels + p->label_first[1];
    assert_string_equal(profile_cstr(p, labels[0].key), "a mark"); /* sorted by key */
    assert_string_equal(profile_cstr(p, labels[0].str), "true");
    assert_string_equal(profile_cstr(p, labels[1].key), "k");
    profile_free(p);
    p = difference(&a, &a, "k", false, NULL); /* in place of the sample's own */
    assert_int_equal(p->label_first[2] - p->label_first[1], 1);
    assert_string_equal(profile_cstr(p, p->labels[1].str), "true");
    profile_free(p);
}

static void sums_are_made_equal(void **state)
{
    struct err err = {0};
    struct source a = {0x10000, "cpu", "ns", NULL, "x", 5, 20, 0};
    struct source b = {0x10000, "cpu", "ns", NULL, "y", 11, 20, 0};
    struct source c = {0x10000, "cpu", "s", NULL, "y", 11, 20, 0};
    struct source zero = {0x10000, "cpu", "ns", NULL, "z", 0, 20, 0};
    struct profile *p = difference(&a, &b, NULL, true, NULL);
    assert_non_null(p);
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->values[0], 11);
    assert_int_equal(p->values[1], -11);
    profile_free(p);
    p = difference(&zero, &b, NULL, true, NULL);
    assert_int_equal(p->n_samples, 1);
    profile_free(p);
    assert_null(difference(&a, &c, NULL, true, &err));
    assert_string_equal(err.msg, "incompatible sample types [cpu/ns] and [cpu/s]");
}

static void ratios_round_and_drop_what_they_leave_at_zero(void **state)
{
    const char *const names[] = {"a", "b"};
    const double ratios[] = {0.4, 1};
    struct merge_source source = {.profile = typed(names, 2, ""), .ratios = ratios};
    struct profile *p = merge_sources(&source, 1, NULL);
    assert_non_null(p);
    assert_int_equal(p->n_samples, 0); /* 1 * 0.4 is 0, and what is not multiplied does not count */
    profile_free(p);
    source.ratios = (const double[]){0.5, 1};
    p = merge_sources(&source, 1, NULL);
    assert_int_equal(p->n_samples, 1);
    assert_int_equal(p->values[0], 1); /* away from zero */
    assert_int_equal(p->values[1], 2);
    profile_free(p);
    profile_free((struct profile *)source.profile);
}

static void one_after_the_other(void **state)
{
    struct source a = {0x10000, "cpu", "ns", "one", "x", 5, 20, 2000};
    struct source b = {0x50000, "cpu", "ns", "two", "x", 6, 30, 1000};
    struct source c = {0x10000, "cpu", "ns", "one", "y", -11, 20, 0};
    struct source other_type = {0x10000, "wall", "ns", NULL, NULL, 5, 20, 0};
    struct source other_unit = {0x10000, "cpu", "s", NULL, NULL, 5, 20, 0};
    const struct source *const all[] = {&b, &other_type, &other_unit, &c};
    struct profile *first = make(&a);
    struct merge *merge = merge_begin(&(struct merge_source){.profile = first}, 5);
    assert_non_null(merge);
    profile_free(first);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct profile *p = make(all[i]);
        assert_int_equal(merge_add(merge, p), all[i] == &b || all[i] == &c);
        profile_free(p);
    }
    struct profile *p = merge_end(merge, NULL);
    assert_non_null(p);
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->values[0], 11);
    assert_int_equal(p->values[1], -11);
    assert_int_equal(p->n_comments, 2);
    assert_int_equal(p->period, 30);
    assert_int_equal(p->time_nanos, 0);
    assert_int_equal(p->duration_nanos, 300);
    profile_free(p);
    const char *const twice[] = {"a", "a"};
    first = typed(twice, 2, "");
    assert_null(merge_begin(&(struct merge_source){.profile = first}, 2));
    profile_free(first);
}

/* Stacks of up to 3 of 7 locations, with one of 3 label sets: many are equal. */
static struct profile *many(uint32_t seed, uint32_t n)
{
    static const char *const values[] = {"", "x", "y"};
    struct builder *b = builder_new(NULL);
    builder_type(b, builder_string(b, STR("a")), 0);
    for (uint32_t i = 0; i < 7; i++) {
        struct profile_location location = {.address = i, .mapping = PROFILE_NONE};
        builder_location(b, &location, NULL, 0);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t random = (i + seed) * 2654435761u >> 8;
        uint32_t locs[] = {random % 7, random / 7 % 7, random / 49 % 7};
        int64_t value = 1;
        struct profile_label label = {.key = builder_string(b, STR("k")),
                                      .str = builder_string(b, str_of(values[random / 343 % 3]))};
        builder_sample(b, locs, random / 1029 % 4, &value, &label, label.str != 0);
    }
    return builder_seal(b, NULL);
}

static void many_samples_are_told_apart(void **state)
{
    static int64_t want[1 << 12], got[1 << 12];
    struct profile *in[] = {many(0, 20000), many(5000, 20000)};
    struct profile *p = merge_profiles((const struct profile *const *)in, 2, NULL);
    struct profile *const all[] = {in[0], in[1], p};
    assert_non_null(p);
    for (size_t k = 0; k < 3; k++)
        for (uint32_t i = 0; i < all[k]->n_samples; i++) {
            const struct profile *q = all[k];
            uint32_t key = 1;
            for (uint64_t at = q->stack_first[i]; at < q->stack_first[i + 1]; at++)
                key = key * 7 + (uint32_t)q->locations[q->stack_locs[at]].address;
            key *= 3;
            if (q->label_first[i] < q->label_first[i + 1])
                key += profile_cstr(q, q->labels[q->label_first[i]].str)[0] == 'x' ? 1 : 2;
            if (q != p) {
                want[key] += q->values[i];
                continue;
            }
            assert_int_equal(got[key], 0); /* once */
            got[key] = q->values[i];
        }
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(p->n_locations, 7);
    profile_free(p);
    profile_free(in[0]);
    profile_free(in[1]);
}

/* As programs write them: what samples refer to comes in the order of its first use, but for a
 * mapping that has none.  `odd`: one thing that merging would change. */
enum {
    NOTHING,
    A_LABEL,
    A_ZERO,
    AN_UNUSED_LOCATION,
    AN_UNUSED_FUNCTION,
    AN_EQUAL_SAMPLE,
    AN_EQUAL_LOCATION,
    AN_EQUAL_FUNCTION,
    AN_EQUAL_MAPPING,
    OUT_OF_ORDER,
    LABELS,
    OTHER_LABELS, /* one of them is */
    N_ODD
};

static struct profile *ordered(int odd, uint32_t seed)
{
    struct builder *b = builder_new(NULL);
    builder_type(b, builder_string(b, STR("a")), 0);
    builder_header(b)->default_type = builder_string(b, STR("a"));
    builder_comment(b, builder_string(b, STR("note")));
    builder_comment(b, builder_string(b, STR("note")));
    for (uint32_t i = 0; i < 4; i++) {
        struct profile_mapping mapping = {.id = 70 + i, .start = 0x1000 * (i + 1 + seed)};
        mapping.limit = mapping.start + 0x1000;
        mapping.offset = 0x1000 * (odd == AN_EQUAL_MAPPING && i == 3 ? 2 : i);
        mapping.file = builder_string(b, STR("prog"));
        builder_mapping(b, &mapping);
    }
    for (uint32_t i = 0; i < 50; i++) {
        char name[] = {'f', (char)('A' + i % 26), (char)('a' + i / 26), 0};
        struct profile_function f = {.id = 900 - i};
        f.name = builder_string(b, str_of(name));
        f.start_line = i + seed % 3;
        if (odd == AN_EQUAL_FUNCTION && i == 49)
            f = *builder_function_at(b, 20);
        builder_function(b, &f);
    }
    for (uint32_t i = 0; i < 100; i++) {
        struct profile_line lines[] = {{i / 2, 10 + i % 2, 0}, {PROFILE_NONE, 0, 0}};
        struct profile_location at = {.id = 5 + i,
                                      .mapping = i % 7 == 3   ? 3
                                                 : i % 5 == 4 ? PROFILE_NONE
                                                              : 2};
        at.n_lines = 1 + i % 3 / 2;
        at.address = at.mapping == PROFILE_NONE ? i : 0x1000 * (at.mapping + 1 + seed) + i;
        if (odd == AN_UNUSED_FUNCTION && i >= 98)
            lines[0].function = 3;
        if (odd == AN_EQUAL_LOCATION && i == 99) {
            at = *builder_location_at(b, 98, &(const struct profile_line *){NULL});
            lines[0].line = 10;
        }
        builder_location(b, &at, lines, at.n_lines);
    }
    for (uint32_t i = 0; i < 100; i++) {
        uint32_t locs[] = {i, i / 2, seed * i / 9 % (i + 1)};
        if (odd == AN_UNUSED_LOCATION && i == 99)
            locs[0] = 98;
        if (odd == OUT_OF_ORDER && i >= 98)
            locs[0] = 98 + 99 - i;
        int64_t value = odd == A_ZERO && i == 40 ? 0 : i + 1;
        struct profile_label label = {.key = builder_string(b, STR("k")),
                                      .str = builder_string(b, STR("v"))};
        if (odd == OTHER_LABELS && i == 40)
            label.str = builder_string(b, STR("other"));
        bool has_label = (odd == A_LABEL && i == 30) || (odd >= LABELS && i % 3 == 1);
        builder_sample(b, locs, 3, &value, &label, has_label);
        if (odd == AN_EQUAL_SAMPLE && i == 60)
            builder_sample(b, locs, 3, &value, NULL, 0);
    }
    return builder_seal(b, NULL);
}

/* The rows as text. */
static void describe(struct buf *out, const struct profile *p)
{
    buf_printf(out, "%s %u %u\n", profile_cstr(p, p->default_type), p->n_comments, p->n_types);
    for (uint32_t i = 0; i < p->n_mappings; i++)
        buf_printf(out, "%" PRIu64 " %" PRIx64 " %" PRIx64 " %s\n", p->mappings[i].id,
                   p->mappings[i].start, p->mappings[i].offset,
                   profile_cstr(p, p->mappings[i].file));
    for (uint32_t i = 0; i < p->n_functions; i++)
        buf_printf(out, "%" PRIu64 " %s %" PRId64 "\n", p->functions[i].id,
                   profile_cstr(p, p->functions[i].name), p->functions[i].start_line);
    for (uint32_t i = 0; i < p->n_locations; i++) {
        const struct profile_location *at = &p->locations[i];
        buf_printf(out, "%" PRIu64 " %" PRIx64 " %d", at->id, at->address, (int)at->mapping);
        for (uint32_t k = 0; k < at->n_lines; k++)
            buf_printf(out, " %d:%" PRId64, (int)p->lines[at->first_line + k].function,
                       p->lines[at->first_line + k].line);
        buf_puts(out, "\n");
    }
    for (uint32_t i = 0; i < p->n_samples; i++) {
        buf_printf(out, "%" PRId64 ":", p->values[i]);
        for (uint64_t k = p->stack_first[i]; k < p->stack_first[i + 1]; k++)
            buf_printf(out, " %u", p->stack_locs[k]);
        bool has_label = p->label_first && p->label_first[i] < p->label_first[i + 1];
        buf_printf(out, " %s\n",
                   has_label ? profile_cstr(p, p->labels[p->label_first[i]].str) : "");
    }
}

/* Whether the first source is taken over or not, the result is the same. */
static void the_first_is_taken_over(void **state)
{
    for (int odd = NOTHING; odd < N_ODD; odd++) {
        AUTO_BUF want = {0}, got = {0};
        struct profile *first = ordered(odd, 3), *second = ordered(NOTHING, 4);
        assert_non_null(first);
        const struct profile *const both[] = {first, second};
        struct profile *p = merge_profiles(both, 2, NULL);
        describe(&want, p);
        profile_free(p);
        struct merge_source source = {.profile = first, .taken = &first};
        struct merge *merge = merge_begin(&source, 2);
        assert_int_equal(first == NULL, odd == NOTHING);
        assert_true(merge_add(merge, second));
        p = merge_end(merge, NULL);
        describe(&got, p);
        assert_string_equal(buf_str(&got), buf_str(&want));
        profile_free(p);
        profile_free(first);
        profile_free(second);
    }
}

/* The same profile with its samples from the last to the first. */
static struct profile *backwards(const struct profile *p)
{
    struct builder *b = builder_new_from(p, NULL);
    for (uint32_t i = 0; i < p->n_mappings; i++)
        builder_mapping(b, &p->mappings[i]);
    for (uint32_t i = 0; i < p->n_functions; i++)
        builder_function(b, &p->functions[i]);
    for (uint32_t i = 0; i < p->n_locations; i++)
        builder_location(b, &p->locations[i], p->lines + p->locations[i].first_line,
                         p->locations[i].n_lines);
    for (uint32_t i = p->n_samples; i-- > 0;) {
        uint64_t first = p->stack_first[i], label = p->label_first ? p->label_first[i] : 0;
        builder_sample(b, p->stack_locs + first, (uint32_t)(p->stack_first[i + 1] - first),
                       p->values + i, p->label_first ? p->labels + label : NULL,
                       p->label_first ? (uint32_t)(p->label_first[i + 1] - label) : 0);
    }
    return builder_seal(b, NULL);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The samples as sorted texts that name no rows. */
static void describe_samples(struct buf *out, const struct profile *p)
{
    char *texts[512];
    assert_in_range(p->n_samples, 1, 512);
    for (uint32_t i = 0; i < p->n_samples; i++) {
        struct buf text = {0};
        for (uint64_t k = p->stack_first[i]; k < p->stack_first[i + 1]; k++) {
            const struct profile_location *at = &p->locations[p->stack_locs[k]];
            buf_printf(&text, " %" PRIx64 "/%" PRIx64, at->address,
                       at->mapping == PROFILE_NONE ? 0 : p->mappings[at->mapping].offset);
            for (uint32_t l = at->first_line; l < at->first_line + at->n_lines; l++) {
                const struct profile_line *line = &p->lines[l];
                uint32_t f = line->function;
                buf_printf(&text, ",%s.%" PRId64 ":%" PRId64,
                           f == PROFILE_NONE ? "-" : profile_cstr(p, p->functions[f].name),
                           f == PROFILE_NONE ? 0 : p->functions[f].start_line, line->line);
            }
        }
        if (p->label_first && p->label_first[i] < p->label_first[i + 1])
            buf_printf(&text, " label %s", profile_cstr(p, p->labels[p->label_first[i]].str));
        buf_printf(&text, " = %" PRId64 "\n", p->values[i]);
        texts[i] = text.data;
    }
    qsort(texts, p->n_samples, sizeof *texts, compare_texts);
    for (uint32_t i = 0; i < p->n_samples; i++) {
        buf_puts(out, texts[i]);
        free(texts[i]);
    }
}

/* What is found in line is what would be found by looking it up: the same sums, whether the samples
 * of a source come in the order of those before or not, one thing in it being another or not. */
static void the_order_of_samples_changes_no_sum(void **state)
{
    for (int odd = NOTHING; odd < N_ODD; odd++) {
        for (uint32_t seed = 3; seed < 7; seed++) {
            AUTO_BUF want = {0}, got = {0};
            int labelled = odd == OTHER_LABELS ? LABELS : A_LABEL;
            struct profile *first = ordered(labelled, 3), *second = ordered(odd, seed),
                           *turned = backwards(second);
            const struct profile *const in_line[] = {first, second, first, second},
                                        *const looked_up[] = {first, turned, first, turned};
            struct profile *p = merge_profiles(in_line, 4, NULL),
                           *q = merge_profiles(looked_up, 4, NULL);
            describe_samples(&got, p);
            describe_samples(&want, q);
            assert_string_equal(buf_str(&got), buf_str(&want));
            assert_int_equal(p->n_locations, q->n_locations);
            assert_int_equal(p->n_functions, q->n_functions);
            profile_free(p);
            profile_free(q);
            profile_free(first);
            profile_free(second);
            profile_free(turned);
        }
    }
}

/* One thing of a location that makes it another. */
enum {
    AS_IT_IS,
    ELSEWHERE, /* its mapping, and it with it: the same one */
    ADDRESS,
    MAPPING,
    NO_MAPPING,
    FOLDED,
    FEWER_LINES,
    LINE,
    LAST_COLUMN,
    FIRST_COLUMN, /* the same one */
    NO_FUNCTION,
    NAME,
    SYSTEM_NAME,
    FILENAME,
    START_LINE,
    N_THINGS
};

/* Forty stacks of one location each, one of which differs in a thing. */
static struct profile *forty(int thing)
{
    struct builder *b = builder_new(NULL);
    uint64_t begin = thing == ELSEWHERE ? 0x700000 : 0x400000;
    builder_type(b, builder_string(b, STR("a")), 0);
    for (uint32_t i = 0; i < 2; i++) {
        struct profile_mapping mapping = {.start = begin + i * 0x10000, .offset = i * 0x1000};
        mapping.limit = mapping.start + 0x10000;
        mapping.file = builder_string(b, STR("prog"));
        builder_mapping(b, &mapping);
    }
    for (uint32_t i = 0; i < 40; i++) {
        char name[] = {'f', (char)('A' + i), 0};
        int odd = i == 30 ? thing : AS_IT_IS;
        struct profile_function f = {.start_line = 7 + (odd == START_LINE),
                                     .name = builder_string(b, str_of(name)),
                                     .system_name = builder_string(b, STR("system")),
                                     .filename = builder_string(b, STR("file"))};
        uint32_t *text = odd == NAME          ? &f.name
                         : odd == SYSTEM_NAME ? &f.system_name
                         : odd == FILENAME    ? &f.filename
                                              : NULL;
        if (text)
            *text = builder_string(b, STR("other"));
        uint32_t function = builder_function(b, &f);
        struct profile_line lines[] = {{function, 1, odd == FIRST_COLUMN},
                                       {odd == NO_FUNCTION ? PROFILE_NONE : function,
                                        2 + (odd == LINE), 3 + (odd == LAST_COLUMN)}};
        struct profile_location at = {.address = begin + i + (odd == ADDRESS ? 0x100 : 0),
                                      .mapping = odd == NO_MAPPING ? PROFILE_NONE
                                                 : odd == MAPPING  ? 1
                                                                   : i % 20 == 5,
                                      .is_folded = odd == FOLDED};
        uint32_t row = builder_location(b, &at, lines, odd == FEWER_LINES ? 1 : 2);
        int64_t value = 1;
        builder_sample(b, &row, 1, &value, NULL, 0);
    }
    return builder_seal(b, NULL);
}

static void locations_in_line_are_told_apart(void **state)
{
    for (int thing = AS_IT_IS; thing < N_THINGS; thing++) {
        struct profile *in[] = {forty(AS_IT_IS), forty(thing)};
        struct profile *p = merge_profiles((const struct profile *const *)in, 2, NULL);
        bool same = thing == AS_IT_IS || thing == ELSEWHERE || thing == FIRST_COLUMN;
        assert_int_equal(p->n_samples, same ? 40 : 41);
        assert_int_equal(p->n_locations, p->n_samples);
        assert_int_equal(p->values[30], same ? 2 : 1);
        assert_int_equal(p->values[39], 2);
        profile_free(p);
        profile_free(in[0]);
        profile_free(in[1]);
    }
}

static void every_allocation_fails_where_the_first_is_taken(void **state)
{
    for (long k = 0;; k++) {
        struct err err = {0};
        struct profile *first = ordered(NOTHING, 3), *second = ordered(NOTHING, 4);
        alloc_countdown = k;
        struct profile *p = merge_difference(&first, second, NULL, false, &err);
        bool failed = alloc_countdown < 0;
        alloc_countdown = -1;
        assert_true(p || (failed && err.code == ERR_NOMEM));
        profile_free(p);
        profile_free(first);
        profile_free(second);
        if (!failed)
            break;
        assert_true(k < 1000);
    }
}

/* As Go's key has it: lines count, columns only of the last one. */
static void locations_are_told_apart_by_their_lines(void **state)
{
    static const struct profile_line lines[][2] = {{{0, 1, 1}, {0, 2, 2}},
                                                   {{0, 1, 9}, {0, 2, 2}},
                                                   {{0, 1, 1}, {0, 2, 9}},
                                                   {{0, 9, 1}, {0, 2, 2}}};
    struct builder *b = builder_new(NULL);
    struct profile_function function = {.name = builder_string(b, STR("f"))};
    builder_type(b, builder_string(b, STR("a")), 0);
    builder_function(b, &function);
    for (uint32_t i = 0; i < 5; i++) {
        int64_t value = 1;
        struct profile_location location = {.address = 1, .mapping = PROFILE_NONE};
        uint32_t row = builder_location(b, &location, lines[i % 4], i < 4 ? 2 : 1);
        builder_sample(b, &row, 1, &value, NULL, 0);
    }
    struct profile *in[] = {builder_seal(b, NULL)};
    struct profile *p = merge_profiles((const struct profile *const *)in, 1, NULL);
    assert_non_null(p);
    assert_int_equal(p->n_locations, 4);
    assert_int_equal(p->n_samples, 4);
    assert_int_equal(p->values[0], 2);
    profile_free(p);
    profile_free(in[0]);
}

static void every_allocation_fails(void **state)
{
    struct source a = {0x10000, "cpu", "ns", "one", "x", 5, 20, 0};
    struct source b = {0x50000, "cpu", "ns", "two", "y", 6, 20, 0};
    struct profile *in[] = {make(&a), make(&b)};
    for (long k = 0;; k++) {
        struct err err = {0};
        alloc_countdown = k;
        struct profile *p = merge_difference(&in[0], in[1], "mark", true, &err);
        bool failed = alloc_countdown < 0;
        alloc_countdown = -1;
        assert_true(p || (failed && err.code == ERR_NOMEM));
        profile_free(p);
        if (!failed)
            break;
        assert_true(k < 1000);
    }
    profile_free(in[0]);
    profile_free(in[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_samples_add_up),
        cmocka_unit_test(labels_keep_samples_apart),
        cmocka_unit_test(zero_samples_go),
        cmocka_unit_test(types_must_fit),
        cmocka_unit_test(common_types_in_the_first_ones_order),
        cmocka_unit_test(a_type_twice_is_not_common),
        cmocka_unit_test(a_base_is_subtracted),
        cmocka_unit_test(a_marked_base_stays_apart),
        cmocka_unit_test(sums_are_made_equal),
        cmocka_unit_test(ratios_round_and_drop_what_they_leave_at_zero),
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(many_samples_are_told_apart),
        cmocka_unit_test(locations_are_told_apart_by_their_lines),
        cmocka_unit_test(the_first_is_taken_over),
        cmocka_unit_test(the_order_of_samples_changes_no_sum),
        cmocka_unit_test(locations_in_line_are_told_apart),
        cmocka_unit_test(every_allocation_fails_where_the_first_is_taken),
        cmocka_unit_test(every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
