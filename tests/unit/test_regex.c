#include "base/regex.h"
#include "unit.h"

#include <stdio.h>

static void matches(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool hit;
    } cases[] = {
        {"", "", true},
        {"", "x", true},
        {"b", "abc", true},
        {"^b", "abc", false},
        {"a.c$", "xabc", true},
        {"(?i)ABC", "xabcx", true},
        {"a|b", "xxb", true},
        {"(?P<n>a)(?P<n>b)", "ab", true}, /* Go allows the name twice */
        {"(?<n>a)b", "ab", true},
        {"x(?<n>a)|(?<n>b)", "b", true},
        {"[(?<n>]", "<", true},
        {"[](?<n>]", "]", true},
        {"[^](?<n>]", "]", false},
        {"[[:alpha:](?<]x", "<x", true},
        {"\\(?<n>", "<n>", true}, /* an escaped parenthesis is no group */
        {"\\Q(?<n>\\E", "(?<n>", true},
        {"\\Q(?<n>", "(?<n>", true},
        {"operator\\(\\)", "f::operator()", true},
        {"^main\\.f$", "main.f", true}, /* plain text */
        {"^main\\.f$", "main.fx", false},
        {"^main\\.f$", "xmain.f", false},
        {"^main\\.f$", "mainxf", false},
        {"^main", "main.f", true},
        {"^main", "xmain", false},
        {"^main", "mai", false},
        {"f$", "main.f", true},
        {"f$", "f.x", false},
        {"ff$", "f", false},
        {"^", "x", true},
        {"$", "x", true},
        {"^$", "x", false},
        {"^$", "", true},
        {"aab", "aaab", true},
        {"a\\$", "xa$b", true},
        {"a$b", "a$b", false},
        {"\\d", "d", false},
        {"b",
         "\xff\xc3"
         "b",
         true},
        {"\xc3\xa9", "caf\xc3\xa9", true},
        {"caf.$", "caf\xc3\xa9", true},
        {"^.x..$", "\xffx\xc3\xa9\xc3", true}, /* a broken byte is a character */
        {"\xef\xbf\xbd", "a\xff", true},
        {"\xef\xbf\xbd", "caf\xc3\xa9", false},
        {"(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct regex *re = regex_new(cases[i].pattern, &err);
        if (!re)
            fail_msg("%s: %s", cases[i].pattern, err.msg);
        if (regex_match(re, str_of(cases[i].text)) != cases[i].hit)
            fail_msg("'%s' on '%s'", cases[i].pattern, cases[i].text);
        assert_string_equal(regex_pattern(re), cases[i].pattern);
        regex_free(re);
    }
}

static void find_is_leftmost(void **state)
{
    size_t begin = 99, end = 99;
    struct regex *re = regex_new("o+", NULL);
    assert_true(regex_find(re, STR("fooboooo"), &begin, &end));
    assert_int_equal(begin, 1);
    assert_int_equal(end, 3);
    assert_false(regex_find(re, STR("xyz"), &begin, &end));
    assert_int_equal(begin, 1); /* untouched */
    regex_free(re);
    re = regex_new("$", NULL);
    assert_true(regex_find(re, STR("ab"), &begin, &end));
    assert_int_equal(begin, 2);
    assert_int_equal(end, 2);
    regex_free(re);
    regex_free(NULL);
}

static void text_is_not_read_past_its_length(void **state)
{
    struct regex *re = regex_new("b$", NULL);
    assert_true(regex_match(re, (struct str){"abc", 2}));
    assert_false(regex_match(re, (struct str){NULL, 0}));
    regex_free(re);
    re = regex_new("^$", NULL);
    assert_true(regex_match(re, (struct str){NULL, 0}));
    regex_free(re);
}

/* What Go's regexp.Compile says of each. */
static void errors_are_worded_as_gos(void **state)
{
    static const char *const cases[][2] = {
        {"(abc", "missing closing ): `(abc`"},
        {"(?P<n>a", "missing closing ): `(?P<n>a`"},
        {"abc)", "unexpected ): `abc)`"},
        {"[abc", "missing closing ]: `[abc`"},
        {"a**", "invalid nested repetition operator: `**`"},
        {"*a", "missing argument to repetition operator: `*`"},
        {"a{1001}", "invalid repeat count: `{1001}`"},
        {"a{2,1}", "invalid repeat count: `{2,1}`"},
        {"(?x)a", "invalid or unsupported Perl syntax: `(?x`"},
        {"(?=a)", "invalid or unsupported Perl syntax: `(?=`"},
        {"(?i", "invalid or unsupported Perl syntax: `(?i`"},
        {"a\\", "trailing backslash at end of expression: ``"},
        {"\\8", "invalid escape sequence: `\\8`"},
        {"[z-a]", "invalid character class range: `z-a`"},
        {"[[:foo:]]", "invalid character class range: `[:foo:]`"},
        {"\\pX", "invalid character class range: `\\pX`"},
        {"(?P<n", "invalid named capture: `(?P<n`"},
        {"\\C", "invalid escape sequence: `\\C`"},
        {"[\\C]", "invalid escape sequence: `\\C`"},
        {"(((", "missing closing ): `(((`"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        char want[128];
        snprintf(want, sizeof want, "error parsing regexp: %s", cases[i][1]);
        assert_null(regex_new(cases[i][0], &err));
        assert_string_equal(err.msg, want);
        assert_int_equal(err.code, ERR_USAGE);
    }
    assert_null(regex_new("(", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches),
        cmocka_unit_test(find_is_leftmost),
        cmocka_unit_test(text_is_not_read_past_its_length),
        cmocka_unit_test(errors_are_worded_as_gos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
