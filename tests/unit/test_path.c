#include "unit.h"
#include "xform/path.h"

static void check(struct str got, const char *want)
{
    AUTO_BUF text = {0};
    buf_add(&text, got.p, got.len);
    assert_string_equal(buf_str(&text), want);
}

static void base_is_the_last_element(void **state)
{
    static const char *const cases[][2] = {
        {"", "."}, {"/", "/"}, {"///", "/"}, {"a", "a"}, {"a/", "a"}, {"/a/b//", "b"}, {"a/.", "."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(path_base(str_of(cases[i][0])), cases[i][1]);
}

static void clean_is_the_shortest_equal(void **state)
{
    static const char *const cases[][2] = {
        {"", "."},
        {".", "."},
        {"./", "."},
        {"/", "/"},
        {"//", "/"},
        {"a/b", "a/b"},
        {"a//b", "a/b"},
        {"a/./b", "a/b"},
        {"a/b/", "a/b"},
        {"a/b/..", "a"},
        {"a/..", "."},
        {"../a", "../a"},
        {"../../a", "../../a"},
        {"a/../../b", "../b"},
        {"/..", "/"},
        {"/../a", "/a"},
        {"/a/../../b", "/b"},
        {"./a", "a"},
        {"...", "..."},
        {"a/.b/..c", "a/.b/..c"},
        {"../a/../../b", "../../b"},
        {"/a/b/../../..", "/"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUF scratch = {0};
        check(path_clean(str_of(cases[i][0]), &scratch), cases[i][1]);
    }
}

static void trim_takes_known_folders_off(void **state)
{
    (void)state;
    check(path_trim(STR("/x/y/z.c"), NULL, NULL), "/x/y/z.c");
    check(path_trim(STR("/x/y/z.c"), "", ""), "/x/y/z.c");
    check(path_trim(STR("/x/y/z.c"), "/x", NULL), "y/z.c");
    check(path_trim(STR("/x/y/z.c"), "/x/", NULL), "y/z.c");
    check(path_trim(STR("/xy/z.c"), "/x", NULL), "/xy/z.c");
    check(path_trim(STR("/x/y/z.c"), "/q:/x/y:/x", NULL), "z.c");
    check(path_trim(STR("/proc/self/cwd/a.c"), NULL, NULL), "a.c");
    check(path_trim(STR("/proc/self/cwd/./a.c"), "/q", NULL), "a.c");
    /* A source folder stands for folders of its name elsewhere, unless told what to trim. */
    check(path_trim(STR("/build/proj/src/a.c"), NULL, "/home/me/proj"), "src/a.c");
    check(path_trim(STR("/build/proj/src/a.c"), NULL, "/no:/home/me/proj/"), "src/a.c");
    check(path_trim(STR("/build/proj/src/a.c"), "/build", "/home/me/proj"), "proj/src/a.c");
    check(path_trim(STR("/build/projects/a.c"), NULL, "/home/me/proj"), "/build/projects/a.c");
    check(path_trim(STR(""), "/x", "/y"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_is_the_last_element),
        cmocka_unit_test(clean_is_the_shortest_equal),
        cmocka_unit_test(trim_takes_known_folders_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
