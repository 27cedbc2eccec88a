#include "model/builder.h"
#include "unit.h"

/* cpu in two samples; main calls f, which is inlined with g in one place. */
static struct builder *small(void)
{
    struct err err = {0};
    struct builder *b = builder_new(&err);
    assert_non_null(b);
    uint32_t cpu = builder_string(b, STR("cpu")), ns = builder_string(b, STR("nanoseconds"));
    builder_type(b, cpu, ns);
    struct profile *header = builder_header(b);
    header->period = 10;
    header->has_period_type = true;
    header->period_type = (struct profile_value_type){cpu, ns};
    builder_comment(b, builder_string(b, STR("a comment")));
    struct profile_mapping mapping = {.start = 0x1000, .limit = 0x2000};
    assert_int_equal(builder_mapping(b, &mapping), 0);
    struct profile_function f = {.name = builder_string(b, STR("f"))};
    struct profile_function g = {.id = 77, .name = builder_string(b, STR("g"))};
    assert_int_equal(builder_function(b, &f), 0);
    assert_int_equal(builder_function(b, &g), 1);
    struct profile_line lines[] = {{1, 20, 0}, {0, 10, 3}};
    struct profile_location location = {.address = 0x1010, .first_line = 99, .n_lines = 99};
    assert_int_equal(builder_location(b, &location, lines, 2), 0);
    location.mapping = PROFILE_NONE;
    assert_int_equal(builder_location(b, &location, NULL, 0), 1);
    uint32_t stack[] = {0, 1};
    int64_t values[] = {5};
    struct profile_label label = {.key = builder_string(b, STR("pid")), .num = 7, .is_num = true};
    builder_sample(b, stack, 2, values, NULL, 0);
    builder_sample(b, stack + 1, 1, values, &label, 1);
    builder_values(b, 1)[0] += 4;
    return b;
}

static void strings_are_distinct(void **state)
{
    struct builder *b = builder_new(NULL);
    assert_int_equal(builder_string(b, STR("")), 0);
    uint32_t id = builder_string(b, STR("x"));
    assert_int_equal(builder_string(b, STR("x")), id);
    assert_int_equal(builder_text(b, id).len, 1);
    builder_free(b);
    builder_free(NULL);
}

static void sealed_columns(void **state)
{
    struct err err = {0};
    struct profile *p = builder_seal(small(), &err);
    assert_non_null(p);
    assert_int_equal(p->n_types, 1);
    assert_string_equal(profile_cstr(p, p->types[0].unit), "nanoseconds");
    assert_int_equal(p->period, 10);
    assert_int_equal(p->n_comments, 1);
    assert_string_equal(profile_cstr(p, p->comments[0]), "a comment");
    assert_int_equal(p->mappings[0].id, 1);
    assert_int_equal(p->functions[0].id, 1);
    assert_int_equal(p->functions[1].id, 77);
    assert_int_equal(p->n_locations, 2);
    assert_int_equal(p->locations[0].first_line, 0);
    assert_int_equal(p->locations[0].n_lines, 2);
    assert_int_equal(p->locations[1].first_line, 2);
    assert_int_equal(p->locations[1].n_lines, 0);
    assert_int_equal(p->lines[0].function, 1);
    assert_int_equal(p->lines[1].column, 3);
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->stack_first[0], 0);
    assert_int_equal(p->stack_first[1], 2);
    assert_int_equal(p->stack_first[2], 3);
    assert_int_equal(p->stack_locs[2], 1);
    assert_int_equal(p->values[0], 5);
    assert_int_equal(p->values[1], 9);
    assert_int_equal(p->label_first[1], 0);
    assert_int_equal(p->label_first[2], 1);
    assert_int_equal(p->labels[0].num, 7);
    profile_free(p);
}

static void empty(void **state)
{
    struct profile *p = builder_seal(builder_new(NULL), NULL);
    assert_non_null(p);
    assert_int_equal(p->n_strings, 1);
    assert_int_equal(p->n_samples, 0);
    assert_int_equal(p->stack_first[0], 0);
    assert_null(p->label_first);
    profile_free(p);
    profile_free(NULL);
}

static void over_a_parent(void **state)
{
    struct err err = {0};
    struct profile *parent = builder_seal(small(), &err);
    struct builder *b = builder_new_from(parent, &err);
    uint32_t pid = parent->labels[0].key;
    assert_string_equal(builder_text(b, pid).p, "pid");
    struct profile_function main_function = {.name = builder_string(b, STR("main"))};
    struct profile_line line = {builder_function(b, &main_function), 3, 0};
    for (uint32_t i = 0; i < parent->n_locations; i++)
        builder_location(b, &parent->locations[i], &line, 1);
    const int64_t *values = parent->values;
    struct profile *p = builder_seal_over(b, parent, &err);
    assert_non_null(p);
    assert_ptr_equal(p->parent, parent);
    assert_ptr_equal(p->values, values);
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->period, 10);
    assert_int_equal(p->n_types, 1);
    assert_int_equal(p->n_comments, 1);
    assert_int_equal(p->n_mappings, 0);
    assert_int_equal(p->n_functions, 1);
    assert_string_equal(profile_cstr(p, p->functions[0].name), "main");
    assert_string_equal(profile_cstr(p, p->labels[0].key), "pid");
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_distinct),
        cmocka_unit_test(sealed_columns),
        cmocka_unit_test(empty),
        cmocka_unit_test(over_a_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
