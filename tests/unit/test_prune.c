#include "made.h"
#include "xform/aggregate.h"
#include "xform/match.h"
#include "xform/prune.h"

static void check_drop(const char *drop, const char *keep, const struct made_stack *stacks,
                       size_t n, const char *want)
{
    struct made m;
    made_init(&m, stacks, n, drop, keep);
    assert_true(prune_uninteresting(&m.view, NULL));
    made_check(&m, want);
    made_release(&m);
}

static void drop_frames_cut_with_what_they_call(void **state)
{
    static const struct made_stack stacks[] = {{"abc", 1}, {"ab", 2}, {"axby", 4}, {"xy", 8}};
    (void)state;
    check_drop("b", NULL, stacks, 4, "a:1 a:2 ax:4 xy:8");
}

static void drop_frames_match_whole_names(void **state)
{
    static const struct made_stack stacks[] = {{"abc", 1}};
    (void)state;
    check_drop("x|b", NULL, stacks, 1, "a:1");
    check_drop("", NULL, stacks, 1, "abc:1");
    check_drop("b.", NULL, stacks, 1, "abc:1");
}

static void a_stack_of_dropped_frames_stays(void **state)
{
    static const struct made_stack stacks[] = {{"bb", 1}, {"bab", 2}};
    (void)state;
    check_drop("b", NULL, stacks, 2, "bb:1 ba:2");
}

static void inlined_frames_are_cut_too(void **state)
{
    /* What b is inlined into stays, what was inlined into b goes with it. */
    static const struct made_stack stacks[] = {{"xaBC", 1}, {"xaBCz", 2}};
    (void)state;
    check_drop("b", NULL, stacks, 2, "xa:1 xa:2");
}

static void keep_frames_are_excepted(void **state)
{
    static const struct made_stack stacks[] = {{"abc", 1}, {"adc", 2}};
    (void)state;
    check_drop("[bd]", "b", stacks, 2, "abc:1 a:2");
}

static void bad_expressions_are_passed_over(void **state)
{
    static const struct made_stack stacks[] = {{"abc", 1}};
    (void)state;
    check_drop("(", NULL, stacks, 1, "abc:1");
    check_drop("b", "(", stacks, 1, "abc:1");
}

static void check_from(const char *pattern, const struct made_stack *stacks, size_t n,
                       const char *want)
{
    struct made m;
    struct regex *re = regex_new(pattern, NULL);
    made_init(&m, stacks, n, NULL, NULL);
    assert_true(prune_from(&m.view, re, NULL));
    made_check(&m, want);
    regex_free(re);
    made_release(&m);
}

static void prune_from_keeps_the_innermost_match(void **state)
{
    static const struct made_stack stacks[] = {{"abc", 1}, {"abcbd", 2}, {"xyz", 4}, {"abCD", 8}};
    (void)state;
    check_from("^b$", stacks, 4, "ab:1 abcb:2 xyz:4 ab:8");
    check_from("^[bc]$", stacks, 4, "abc:1 abcb:2 xyz:4 abC:8");
    check_from("nothing", stacks, 4, "abc:1 abcbd:2 xyz:4 abCD:8");
}

static void names_are_simplified(void **state)
{
    static const char *const cases[][2] = {
        {"f", "f"},
        {".f", "f"},
        {"f(int)", "f"},
        {"(anonymous namespace)::f(int)", "(anonymous namespace)::f"},
        {"a::operator()(int) const", "a::operator()"},
        {"main.(*T).run", "main."},
        {"", ""},
        {"(", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUF text = {0};
        struct str got = match_simplify(str_of(cases[i][0]));
        buf_add(&text, got.p, got.len);
        assert_string_equal(buf_str(&text), cases[i][1]);
    }
}

static void noinlines_keeps_what_is_physically_there(void **state)
{
    static const struct made_stack stacks[] = {{"aBCd", 1}, {"?x", 2}};
    struct made m;
    (void)state;
    made_init(&m, stacks, 2, NULL, NULL);
    aggregate(&m.view, GRANULARITY_FUNCTIONS, true);
    made_check(&m, "ad:1 ?x:2");
    made_release(&m);
}

static void granularity_says_what_nodes_keep(void **state)
{
    static const struct made_stack stacks[] = {{"a", 1}};
    static const struct {
        enum granularity granularity;
        bool noinlines, function, filename, line, column, address;
    } cases[] = {
        {GRANULARITY_DEFAULT, false, true, false, false, false, false},
        {GRANULARITY_FUNCTIONS, true, true, false, false, false, false},
        {GRANULARITY_FILEFUNCTIONS, false, true, true, false, false, false},
        {GRANULARITY_FILES, false, false, true, false, false, false},
        {GRANULARITY_LINES, false, true, true, true, false, false},
        {GRANULARITY_ADDRESSES, false, true, true, true, true, true},
        {GRANULARITY_ADDRESSES, true, true, true, true, false, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct made m;
        made_init(&m, stacks, 1, NULL, NULL);
        aggregate(&m.view, cases[i].granularity, cases[i].noinlines);
        assert_int_equal(m.view.has_function, cases[i].function);
        assert_int_equal(m.view.has_filename, cases[i].filename);
        assert_int_equal(m.view.has_line, cases[i].line);
        assert_int_equal(m.view.has_column, cases[i].column);
        assert_int_equal(m.view.has_address, cases[i].address);
        made_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drop_frames_cut_with_what_they_call),
        cmocka_unit_test(drop_frames_match_whole_names),
        cmocka_unit_test(a_stack_of_dropped_frames_stays),
        cmocka_unit_test(inlined_frames_are_cut_too),
        cmocka_unit_test(keep_frames_are_excepted),
        cmocka_unit_test(bad_expressions_are_passed_over),
        cmocka_unit_test(prune_from_keeps_the_innermost_match),
        cmocka_unit_test(names_are_simplified),
        cmocka_unit_test(noinlines_keeps_what_is_physically_there),
        cmocka_unit_test(granularity_says_what_nodes_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
