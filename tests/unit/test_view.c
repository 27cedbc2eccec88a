#include "made.h"

static const struct made_stack stacks[] = {{"ab", 5}, {"a", -7}, {"", 0}, {"abC", 100}};

static void a_new_view_shows_everything(void **state)
{
    struct made m;
    (void)state;
    made_init(&m, stacks, 4, NULL, NULL);
    made_check(&m, "ab:5 a:-7 :0 abC:100");
    assert_true(m.view.has_function && m.view.has_filename && m.view.has_line &&
                m.view.has_column && m.view.has_address);
    assert_int_equal(m.view.type, 0);
    made_release(&m);
}

static void the_total_is_of_absolute_values(void **state)
{
    struct made m;
    (void)state;
    made_init(&m, stacks, 4, NULL, NULL);
    assert_int_equal(view_total(&m.view), 112);
    m.view.n_samples = 2;
    assert_int_equal(view_total(&m.view), 12);
    made_release(&m);
}

static struct profile *with_types(const char *const *types, size_t n, const char *default_type)
{
    struct builder *b = builder_new(NULL);
    for (size_t i = 0; i < n; i++)
        builder_type(b, builder_string(b, str_of(types[i])), builder_string(b, STR("count")));
    if (default_type)
        builder_header(b)->default_type = builder_string(b, str_of(default_type));
    struct profile *profile = builder_seal(b, NULL);
    assert_non_null(profile);
    return profile;
}

static void types_are_found_by_number_and_name(void **state)
{
    static const char *const types[] = {"objects", "space", "inuse_objects", "inuse_space", "0"};
    static const struct {
        const char *name;
        uint32_t type;
    } cases[] = {
        {"0", 0},
        {"4", 4},
        {"+1", 1},
        {"03", 3},
        {"objects", 0},
        {"inuse_space", 1}, /* "space" comes first, and is what old profiles call it */
        {"inuse_objects", 0},
        {"space", 1},
    };
    struct profile *p = with_types(types, 5, "space");
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t type = 99;
        assert_true(view_find_type(p, cases[i].name, &type, NULL));
        assert_int_equal(type, cases[i].type);
    }
    profile_free(p);
}

static void the_default_is_the_profiles_or_the_last(void **state)
{
    static const char *const types[] = {"a", "b", "c"};
    static const struct {
        const char *default_type;
        uint32_t type;
    } cases[] = {{NULL, 2}, {"b", 1}, {"nix", 2}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct profile *p = with_types(types, 3, cases[i].default_type);
        uint32_t type = 99;
        assert_true(view_find_type(p, NULL, &type, NULL));
        assert_int_equal(type, cases[i].type);
        assert_true(view_find_type(p, "", &type, NULL));
        assert_int_equal(type, cases[i].type);
        profile_free(p);
    }
}

static void unknown_types_are_told_with_those_there_are(void **state)
{
    static const char *const types[] = {"a", "b"};
    static const char *const cases[][2] = {
        {"nix", "sample_index \"nix\" must be one of: [a b]"},
        {"\"\n", "sample_index \"\\\"\\n\" must be one of: [a b]"},
        {"2", "sample_index 2 is outside the range [0..1]"},
        {"-1", "sample_index -1 is outside the range [0..1]"},
        {"99999999999999999999", "sample_index \"99999999999999999999\" must be one of: [a b]"},
        {"inuse_", "sample_index \"inuse_\" must be one of: [a b]"},
    };
    struct profile *p = with_types(types, 2, NULL);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        uint32_t type;
        assert_false(view_find_type(p, cases[i][0], &type, &err));
        assert_int_equal(err.code, ERR_USAGE);
        assert_string_equal(err.msg, cases[i][1]);
    }
    profile_free(p);
}

static void a_profile_without_types_has_no_view_of_values(void **state)
{
    struct profile *p = with_types(NULL, 0, NULL);
    struct err err = {0};
    uint32_t type;
    (void)state;
    assert_false(view_find_type(p, "", &type, &err));
    assert_int_equal(err.code, ERR_INPUT);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_view_shows_everything),
        cmocka_unit_test(the_total_is_of_absolute_values),
        cmocka_unit_test(types_are_found_by_number_and_name),
        cmocka_unit_test(the_default_is_the_profiles_or_the_last),
        cmocka_unit_test(unknown_types_are_told_with_those_there_are),
        cmocka_unit_test(a_profile_without_types_has_no_view_of_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
