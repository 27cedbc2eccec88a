#include "render/json.h"
#include "unit.h"

static void text(const char *in, size_t len, bool in_html, const char *want)
{
    AUTO_BUF buf = {0};
    struct json j = {.out = &buf, .in_html = in_html};
    json_string(&j, (struct str){in, len});
    assert_string_equal(buf_str(&buf), want);
}

#define BAD "\xef\xbf\xbd"
static void texts_are_escaped(void **state)
{
    text("", 0, false, "\"\"");
    text("a\"b\\c", 5, false, "\"a\\\"b\\\\c\"");
    text("\n\t\r\x01\x7f\0", 6, false, "\"\\n\\t\\r\\u0001\\u007f\\u0000\"");
    text("std::vector<int>", 16, false, "\"std::vector<int>\"");
    text("</script>", 9, true, "\"\\u003c/script>\"");
    text("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, false,
         "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

static void what_is_not_utf8_is_replaced(void **state)
{
    text("\xff", 1, false, "\"" BAD "\"");
    text("a\x80x", 3, false, "\"a" BAD "x\"");
    text("\xc3", 1, false, "\"" BAD "\"");         /* cut short */
    text("\xe2\x82", 2, false, "\"" BAD BAD "\""); /* cut short */
    text("\xc0\xaf", 2, false, "\"" BAD BAD "\""); /* overlong */
    text("\xe0\x80\xaf", 3, false, "\"" BAD BAD BAD "\"");
    text("\xed\xa0\x80", 3, false, "\"" BAD BAD BAD "\""); /* a surrogate */
    text("\xf4\x90\x80\x80", 4, false, "\"" BAD BAD BAD BAD "\"");
    text("\xf5\x80\x80\x80", 4, false, "\"" BAD BAD BAD BAD "\"");
    text("\xc3\"", 2, false, "\"" BAD "\\\"\""); /* the quote is not swallowed */
}

static void numbers(void **state)
{
    AUTO_BUF buf = {0};
    struct json j = {.out = &buf};
    json_open(&j, '[');
    json_int(&j, 0);
    json_int(&j, INT64_MIN);
    json_int(&j, INT64_MAX);
    json_double(&j, 0.1);
    json_double(&j, -2);
    json_double(&j, 1.0 / 3);
    json_double(&j, 1e300);
    json_double(&j, __builtin_nan(""));
    json_double(&j, __builtin_inf());
    json_close(&j, ']');
    assert_string_equal(buf_str(&buf), "[0,-9223372036854775808,9223372036854775807,0.1,-2,"
                                       "0.3333333333333333,1e+300,0,0]");
}

static void decimals(void **state)
{
    AUTO_BUF buf = {0};
    struct json j = {.out = &buf};
    json_open(&j, '[');
    json_decimal(&j, 0, 6);
    json_decimal(&j, 1, 6);
    json_decimal(&j, -1500000, 6);
    json_decimal(&j, 12345678900, 6);
    json_decimal(&j, INT64_MIN, 6);
    json_decimal(&j, 42, 0);
    json_close(&j, ']');
    assert_string_equal(buf_str(&buf), "[0,0.000001,-1.5,12345.6789,-9223372036854.775808,42]");
}

static void commas_go_between(void **state)
{
    AUTO_BUF buf = {0};
    struct json j = {.out = &buf};
    json_open(&j, '{');
    json_member(&j, "a", STR("x"));
    json_key(&j, "b");
    json_open(&j, '[');
    json_open(&j, '[');
    json_close(&j, ']');
    json_null(&j);
    json_break(&j);
    json_open(&j, '{');
    json_member_bool(&j, "t", true);
    json_member_bool(&j, "f", false);
    json_close(&j, '}');
    json_close(&j, ']');
    json_member_int(&j, "c", -1);
    json_member_double(&j, "d", 0.5);
    json_close(&j, '}');
    assert_string_equal(buf_str(&buf), "{\"a\":\"x\",\"b\":[[],null,\n{\"t\":true,\"f\":false}],"
                                       "\"c\":-1,\"d\":0.5}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped), cmocka_unit_test(what_is_not_utf8_is_replaced),
        cmocka_unit_test(numbers),           cmocka_unit_test(decimals),
        cmocka_unit_test(commas_go_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
