/* Text is laid out as text/tabwriter does it with tabs: expected texts are Go's own. */
#include "base/go_tabs.h"
#include "unit.h"

static void expect(const char *text, const char *expected)
{
    AUTO_BUF out = {0};
    assert_true(go_tabs(&out, (struct str){text, strlen(text)}));
    assert_string_equal(buf_str(&out), expected);
}

static void test_frames(void **state)
{
    (void)state;
    expect("heap profile: 1\n"
           "1: 2 [3: 4] @ 0x1\n"
           "#\t0x45c1a1\tmain.f+0x1\t/a/b.go:7\n"
           "#\t0x45c1a10\tmain.longer.name+0x21\t/a/b.go:70\n"
           "\n"
           "#\t0x1\tx+0x1\ty:1\n",
           "heap profile: 1\n"
           "1: 2 [3: 4] @ 0x1\n"
           "#\t0x45c1a1\tmain.f+0x1\t\t/a/b.go:7\n"
           "#\t0x45c1a10\tmain.longer.name+0x21\t/a/b.go:70\n"
           "\n"
           "#\t0x1\tx+0x1\ty:1\n");
}

/* A line with fewer cells ends a column, but not those before it. */
static void test_uneven(void **state)
{
    (void)state;
    expect("#\t0x1\n#\t0x123456789\tf+0x1\tg:1\n#\t0x1\tf+0x1234\tg:1\n",
           "#\t0x1\n#\t0x123456789\tf+0x1\t\tg:1\n#\t0x1\t\tf+0x1234\tg:1\n");
    expect("1234567\ta\n12345678\ta\n", "1234567\t\ta\n12345678\ta\n");
    expect("\ta\n", "\ta\n");
    expect("", "");
}

static void test_characters(void **state)
{
    (void)state;
    expect("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\ta\n",
           "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\ta\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_uneven),
        cmocka_unit_test(test_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
