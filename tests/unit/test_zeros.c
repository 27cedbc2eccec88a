#include "model/builder.h"
#include "model/zeros.h"
#include "unit.h"

#include <stdio.h>

/* Locations 0..3 in mappings 0, 1, 2, none; the lines of location i: functions "f<i>" and
 * "shared". */
static struct builder *begin(void)
{
    struct builder *b = builder_new(NULL);
    builder_type(b, builder_string(b, STR("a")), 0);
    builder_type(b, builder_string(b, STR("b")), 0);
    struct profile_function shared = {.name = builder_string(b, STR("shared"))};
    uint32_t shared_row = builder_function(b, &shared);
    for (uint32_t i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "f%u", i);
        struct profile_function function = {.id = 70 + i, .name = builder_string(b, str_of(name))};
        struct profile_mapping mapping = {.id = 50 + i, .start = 0x1000 * (i + 1)};
        struct profile_line lines[] = {{builder_function(b, &function), 10 + i, 1},
                                       {shared_row, 20 + i, 2}};
        struct profile_location location = {.id = 90 + i,
                                            .address = 0x100 + i,
                                            .mapping = i < 3 ? builder_mapping(b, &mapping)
                                                             : PROFILE_NONE};
        builder_location(b, &location, lines, 2);
    }
    return b;
}

static void sample(struct builder *b, uint32_t first, uint32_t n, int64_t x, int64_t y,
                   const char *label)
{
    uint32_t locs[] = {first, first + 1};
    int64_t values[] = {x, y};
    struct profile_label labels[] = {
        {.key = builder_string(b, STR("k")), .str = builder_string(b, str_of(label ? label : ""))}};
    builder_sample(b, locs, n, values, labels, label != NULL);
}

static const char *function_of(const struct profile *p, uint32_t location, uint32_t line)
{
    uint32_t row = p->lines[p->locations[location].first_line + line].function;
    return profile_cstr(p, p->functions[row].name);
}

static void zeros_go_with_what_they_used(void **state)
{
    struct builder *b = begin();
    sample(b, 1, 1, 0, 0, "gone");
    sample(b, 2, 2, 0, 5, "kept"); /* of locations 2 and 3 */
    sample(b, 0, 0, 0, 0, NULL);
    sample(b, 2, 1, 6, 0, NULL);
    sample(b, 0, 1, 0, 0, "gone too");
    struct profile *p = builder_seal(b, NULL);
    assert_true(zeros_drop(p));
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->values[1], 5);
    assert_int_equal(p->values[2], 6);
    assert_int_equal(p->stack_first[0], 0);
    assert_int_equal(p->stack_first[1], 2);
    assert_int_equal(p->stack_first[2], 3);
    assert_int_equal(p->stack_locs[0], 0);
    assert_int_equal(p->stack_locs[1], 1);
    assert_int_equal(p->stack_locs[2], 0);
    assert_int_equal(p->label_first[0], 0);
    assert_int_equal(p->label_first[1], 1);
    assert_int_equal(p->label_first[2], 1);
    assert_string_equal(profile_cstr(p, p->labels[0].str), "kept");
    assert_int_equal(p->n_locations, 2);
    assert_int_equal(p->locations[0].id, 1);
    assert_int_equal(p->locations[0].address, 0x102);
    assert_int_equal(p->locations[0].mapping, 1); /* after the first, which stays */
    assert_int_equal(p->locations[1].id, 2);
    assert_int_equal(p->locations[1].mapping, PROFILE_NONE);
    assert_string_equal(function_of(p, 0, 0), "f2");
    assert_string_equal(function_of(p, 0, 1), "shared");
    assert_string_equal(function_of(p, 1, 0), "f3");
    assert_string_equal(function_of(p, 1, 1), "shared");
    assert_int_equal(p->lines[p->locations[1].first_line].line, 13);
    assert_int_equal(p->n_lines, 4);
    assert_int_equal(p->n_functions, 3);
    assert_int_equal(p->functions[0].id, 1);
    assert_int_equal(p->functions[2].id, 3);
    assert_int_equal(p->n_mappings, 2);
    assert_int_equal(p->mappings[0].id, 1);
    assert_int_equal(p->mappings[0].start, 0x1000);
    assert_int_equal(p->mappings[1].id, 2);
    assert_int_equal(p->mappings[1].start, 0x3000);
    profile_free(p);
}

static void nothing_is_left_of_zeros_alone(void **state)
{
    struct builder *b = begin();
    sample(b, 1, 2, 0, 0, "gone");
    struct profile *p = builder_seal(b, NULL);
    assert_true(zeros_drop(p));
    assert_int_equal(p->n_samples, 0);
    assert_int_equal(p->stack_first[0], 0);
    assert_null(p->label_first);
    assert_int_equal(p->n_locations, 0);
    assert_int_equal(p->n_functions, 0);
    assert_int_equal(p->n_lines, 0);
    assert_int_equal(p->n_mappings, 1);
    profile_free(p);
}

static void without_zeros_all_stays(void **state)
{
    struct builder *b = begin();
    sample(b, 2, 1, -1, 0, "kept");
    struct profile *p = builder_seal(b, NULL);
    assert_true(zeros_drop(p));
    assert_int_equal(p->n_samples, 1);
    assert_int_equal(p->n_locations, 4);
    assert_int_equal(p->locations[3].id, 93);
    assert_int_equal(p->n_functions, 5);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeros_go_with_what_they_used),
        cmocka_unit_test(nothing_is_left_of_zeros_alone),
        cmocka_unit_test(without_zeros_all_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
