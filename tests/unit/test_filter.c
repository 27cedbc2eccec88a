#include "made.h"
#include "xform/filter.h"

static const struct made_stack stacks[] = {
    {"abC", 1}, {"abd", 2}, {"xb", 4}, {"xyz", 8}, {"a?", 16},
};

static struct made made;

static int init(void **state)
{
    (void)state;
    made_init(&made, stacks, sizeof stacks / sizeof *stacks, NULL, NULL);
    return 0;
}

static int release(void **state)
{
    (void)state;
    made_release(&made);
    return 0;
}

static struct regex *compile(const char *pattern)
{
    struct regex *re = pattern ? regex_new(pattern, NULL) : NULL;
    assert_true(re || !pattern);
    return re;
}

/* Filter, compare what is left and which expressions matched ("fihs"). */
static void check(const char *focus, const char *ignore, const char *hide, const char *show,
                  const char *want, const char *want_found)
{
    struct regex *f = compile(focus), *i = compile(ignore), *h = compile(hide), *s = compile(show);
    struct filter_found found;
    char text[5], *end = text;
    assert_true(filter_names(&made.view, f, i, h, s, &found, NULL));
    if (found.focus && f)
        *end++ = 'f';
    if (found.ignore)
        *end++ = 'i';
    if (found.hide)
        *end++ = 'h';
    if (found.show)
        *end++ = 's';
    *end = '\0';
    made_check(&made, want);
    assert_string_equal(text, want_found);
    regex_free(f);
    regex_free(i);
    regex_free(h);
    regex_free(s);
}

static void nothing_set_keeps_all(void **state)
{
    (void)state;
    check(NULL, NULL, NULL, NULL, "abC:1 abd:2 xb:4 xyz:8 a?:16", "");
}

static void focus_keeps_samples_with_a_match(void **state)
{
    (void)state;
    check("^[cd]$", NULL, NULL, NULL, "abC:1 abd:2", "f");
}

static void focus_asks_files_too(void **state)
{
    (void)state;
    check("y\\.c", NULL, NULL, NULL, "xyz:8", "f");
}

static void focus_asks_the_mapping_too(void **state)
{
    (void)state;
    check("bin/prog", NULL, NULL, NULL, "abC:1 abd:2 xb:4 xyz:8 a?:16", "f");
}

static void focus_on_nothing(void **state)
{
    (void)state;
    check("nothing", NULL, NULL, NULL, "", "");
}

static void ignore_drops_samples_with_a_match(void **state)
{
    (void)state;
    check(NULL, "^(c|y)$", NULL, NULL, "abd:2 xb:4 a?:16", "i");
}

static void ignore_wins_over_focus(void **state)
{
    (void)state;
    check("^b$", "^[xc]$", NULL, NULL, "abd:2", "fi");
}

static void hide_takes_frames_out(void **state)
{
    (void)state;
    check(NULL, NULL, "^[bc]$", NULL, "a:1 ad:2 x:4 xyz:8 a?:16", "h");
}

static void hide_takes_inlined_frames_out(void **state)
{
    (void)state;
    check(NULL, NULL, "^c$", NULL, "ab:1 abd:2 xb:4 xyz:8 a?:16", "h");
}

static void hide_of_all_drops_the_sample(void **state)
{
    (void)state;
    check(NULL, NULL, "^[xb]$", NULL, "ac:1 ad:2 yz:8 a?:16", "h");
}

static void hide_by_mapping_hides_all(void **state)
{
    (void)state;
    check(NULL, NULL, "prog", NULL, "", "h");
}

static void show_keeps_only_matches(void **state)
{
    /* What has no symbols matches nothing, but has no line to take out either: it goes. */
    (void)state;
    check(NULL, NULL, NULL, "^[abz]$", "ab:1 ab:2 b:4 z:8 a:16", "s");
}

static void show_by_mapping_keeps_all(void **state)
{
    (void)state;
    check(NULL, NULL, NULL, "prog", "abC:1 abd:2 xb:4 xyz:8 a:16", "s");
}

static void hide_and_show_together(void **state)
{
    (void)state;
    check("^b$", NULL, "^a$", "^[abd]$", "b:1 bd:2 b:4", "fhs");
}

static void check_from(const char *pattern, bool want_found, const char *want)
{
    struct regex *re = compile(pattern);
    bool found;
    assert_true(filter_show_from(&made.view, re, &found, NULL));
    assert_int_equal(found, want_found);
    made_check(&made, want);
    regex_free(re);
}

static void show_from_cuts_callers(void **state)
{
    (void)state;
    check_from("^b$", true, "bC:1 bd:2 b:4");
}

static void show_from_takes_the_outermost_match(void **state)
{
    (void)state;
    check_from("^[ad]$", true, "abC:1 abd:2 a?:16");
}

static void show_from_cuts_within_a_location(void **state)
{
    (void)state;
    check_from("^c$", true, "c:1");
}

static void show_from_nothing(void **state)
{
    (void)state;
    check_from("nothing", false, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, init, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_set_keeps_all),
        TEST(focus_keeps_samples_with_a_match),
        TEST(focus_asks_files_too),
        TEST(focus_asks_the_mapping_too),
        TEST(focus_on_nothing),
        TEST(ignore_drops_samples_with_a_match),
        TEST(ignore_wins_over_focus),
        TEST(hide_takes_frames_out),
        TEST(hide_takes_inlined_frames_out),
        TEST(hide_of_all_drops_the_sample),
        TEST(hide_by_mapping_hides_all),
        TEST(show_keeps_only_matches),
        TEST(show_by_mapping_keeps_all),
        TEST(hide_and_show_together),
        TEST(show_from_cuts_callers),
        TEST(show_from_takes_the_outermost_match),
        TEST(show_from_cuts_within_a_location),
        TEST(show_from_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
