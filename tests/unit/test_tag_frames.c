#include "made.h"
#include "xform/tag_frames.h"

/* Two samples of a stack "a" above "b": one with labels, one without. */
static struct profile *profile;
static struct view view;

static int init(void **state)
{
    (void)state;
    struct builder *b = builder_new(NULL);
    uint32_t functions[128] = {0}, locs[2];
    int64_t value = 1;
    builder_type(b, builder_string(b, STR("n")), builder_string(b, STR("count")));
    for (uint32_t i = 0; i < 2; i++) {
        struct profile_line line = {made_function(b, functions, (char)('b' - i)), 1, 0};
        locs[i] = builder_location(b, &(struct profile_location){.id = 70 + i}, &line, 1);
    }
    struct profile_label labels[] = {
        {.key = builder_string(b, STR("size")),
         .num = 2048,
         .is_num = true,
         .unit = builder_string(b, STR("bytes"))},
        {.key = builder_string(b, STR("user")), .str = builder_string(b, STR("anna"))},
        {.key = builder_string(b, STR("user")), .str = builder_string(b, STR("b"))},
        {.key = builder_string(b, STR("age")), .num = 2048, .is_num = true},
    };
    builder_sample(b, locs, 2, &value, labels, 4);
    builder_sample(b, locs, 2, &value, NULL, 0);
    profile = builder_seal(b, NULL);
    assert_non_null(profile);
    assert_true(view_init(&view, profile, NULL));
    return 0;
}

static int release(void **state)
{
    (void)state;
    view_release(&view);
    profile_free(profile);
    return 0;
}

/* Add frames, compare the stacks, outermost first, as "name@file". */
static void check(const char *roots, const char *leaves, bool want_roots, bool want_leaves,
                  const char *want)
{
    struct tag_frames_found found;
    AUTO_BUF text = {0};
    assert_true(tag_frames_add(&view, roots, leaves, "kb", &found, NULL));
    assert_int_equal(found.roots, want_roots);
    assert_int_equal(found.leaves, want_leaves);
    const struct profile *p = view.profile;
    for (uint32_t i = 0; i < view.n_samples; i++) {
        for (uint32_t k = view.samples[i].n_locs; k--;) {
            const struct view_location *l = &view.locations[view.samples[i].locs[k]];
            assert_int_equal(l->n, 1);
            const struct profile_function *f = &p->functions[view.lines[l->first].function];
            buf_printf(&text, "%s@%s ", profile_cstr(p, f->name), profile_cstr(p, f->filename));
        }
        buf_puts(&text, "| ");
    }
    assert_string_equal(buf_str(&text), want);
}

static void the_first_root_is_outermost(void **state)
{
    (void)state;
    check("user,age", NULL, true, false,
          "anna,b@user 2048@age a@a.c b@b.c | @user @age a@a.c b@b.c | ");
    assert_int_equal(view.profile->locations[2].id, 72); /* after those that are there */
    assert_int_equal(view.profile->n_samples, 2);
}

static void the_last_leaf_is_innermost(void **state)
{
    (void)state;
    check("", ",size,,a", false, true, "a@a.c b@b.c 2kB@size @a | a@a.c b@b.c @size @a | ");
}

static void texts_of_the_profile_are_not_twice(void **state)
{
    (void)state;
    check("a", "b", false, false, "@a a@a.c b@b.c @b | @a a@a.c b@b.c @b | ");
    for (uint32_t i = 0; i < view.profile->n_strings; i++)
        assert_int_equal(profile_find_string(view.profile, view.profile->strings[i]), i);
}

static void no_keys_change_nothing(void **state)
{
    (void)state;
    check(",", ",,", false, false, "a@a.c b@b.c | a@a.c b@b.c | ");
    assert_ptr_equal(view.profile, profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_root_is_outermost, init, release),
        cmocka_unit_test_setup_teardown(the_last_leaf_is_innermost, init, release),
        cmocka_unit_test_setup_teardown(texts_of_the_profile_are_not_twice, init, release),
        cmocka_unit_test_setup_teardown(no_keys_change_nothing, init, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
