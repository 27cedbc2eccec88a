#include "render/tabs.h"
#include "unit.h"

static void check(const char *text, const char *want)
{
    AUTO_BUF out = {0};
    assert_true(tabs_right(&out, str_of(text)));
    assert_string_equal(buf_str(&out), want);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    (void)state;
    check("a\tbb\t x\nccc\td\t y\n", "   a bb x\n ccc  d y\n");
    check("a\tb", " ab");
    check("", "");
    check("\n\n", "\n\n");
    check("\t\tx", "  x");
}

static void a_line_without_the_column_ends_it(void **state)
{
    (void)state;
    check("long\tx\n\na\ty\n", " longx\n\n ay\n");
    check("k:\t T\n \tv\t V\n \tvvv\t V\nk:\t T\n \tvv\t V",
          " k: T\n      v V\n    vvv V\n k: T\n    vv V");
}

static void characters_count_not_bytes(void **state)
{
    (void)state;
    check("\xc3\xa4\tx\nab\ty\n\xff\tz", "  \xc3\xa4x\n aby\n  \xffz");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(a_line_without_the_column_ends_it),
        cmocka_unit_test(characters_count_not_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
