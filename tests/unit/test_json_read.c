#include "base/json_read.h"
#include "unit.h"

#include <string.h>

static void bad(const char *text, size_t len, const char *why)
{
    struct err err = {0};
    struct json_reader r = json_reader_of(text, len);
    json_skip(&r);
    if (json_finish(&r, &err))
        fail_msg("taken: %s", text);
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.msg, why);
}

static void good(const char *text)
{
    struct err err = {0};
    struct json_reader r = json_reader_of(text, strlen(text));
    json_skip(&r);
    if (!json_finish(&r, &err))
        fail_msg("%s: %s", text, err.msg);
}

static void values(void **state)
{
    static const char *const right[] = {"null",
                                        " true ",
                                        "false",
                                        "0",
                                        "-0",
                                        "12",
                                        "-1.5",
                                        "1e9",
                                        "1.25E-3",
                                        "0e+1",
                                        "\"\"",
                                        "\"a b\"",
                                        "[]",
                                        "[ ]",
                                        "[1]",
                                        "[1,2 , [3]]",
                                        "{}",
                                        "{\"a\":1}",
                                        "{\"a\":{\"b\":[]},\"c\":2}",
                                        "\t\r\n[\n]\n",
                                        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\""};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        good(right[i]);
}

static void wrong(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "line 1: it ends too early"},
        {"\n\n ", "line 3: it ends too early"},
        {"[1", "line 1: it ends too early"},
        {"[1,", "line 1: it ends too early"},
        {"[1,]", "line 1: a value was expected"},
        {"[,1]", "line 1: a value was expected"},
        {"[1 2]", "line 1: ',' or ']' was expected"},
        {"{\"a\":1,}", "line 1: a value was expected"},
        {"{\"a\"\n1}", "line 2: ':' was expected"},
        {"{\"a\":1 \"b\":2}", "line 1: ',' or '}' was expected"},
        {"{a:1}", "line 1: a value was expected"},
        {"{1:1}", "line 1: a text was expected"},
        {"[1}", "line 1: ',' or ']' was expected"},
        {"nul", "line 1: a value was expected"},
        {"nullx", "line 1: something follows the end"},
        {"tru", "line 1: a value was expected"},
        {"1 2", "line 1: something follows the end"},
        {"01", "line 1: something follows the end"},
        {"-", "line 1: a digit was expected"},
        {"1.", "line 1: a digit was expected"},
        {".5", "line 1: a value was expected"},
        {"+1", "line 1: a value was expected"},
        {"1e", "line 1: a digit was expected"},
        {"NaN", "line 1: a value was expected"},
        {"\"a", "line 1: it ends in a text"},
        {"\"a\\", "line 1: unknown escape in a text"},
        {"\"\\x\"", "line 1: unknown escape in a text"},
        {"\"\\u12g4\"", "line 1: four hexadecimal digits were expected"},
        {"\"\\u12", "line 1: four hexadecimal digits were expected"},
        {"\"a\nb\"", "line 1: control character in a text (a line break?)"},
        {"'a'", "line 1: a value was expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        bad(cases[i].text, strlen(cases[i].text), cases[i].why);
    bad("[\0]", 3, "line 1: a value was expected");
}

static void depth(void **state)
{
    char text[4001];
    memset(text, '[', 2000);
    memset(text + 2000, ']', 2000);
    bad(text, 4000, "line 1: it is nested too deeply");
    text[2999] = '\0';
    good(text + 1001); /* 999 of each */
}

static void texts(void **state)
{
    static const struct {
        const char *json, *want;
    } cases[] = {
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\b\f\n\r\tz"},
        {"\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", "A\u00e9\u20ac\U0001f600"},
        {"\"\\ud83dx\\ude00\"", "\ufffdx\ufffd"},
        {"\"\\ud83d\\u0041\"", "\ufffdA"},
        {"\"\xff\xc3\"", "\ufffd\ufffd"},
        {"\"\xf0\x9f\x98\x80\"", "\U0001f600"},
    };
    AUTO_BUF text = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json_reader r = json_reader_of(cases[i].json, strlen(cases[i].json));
        json_read_string(&r, &text);
        assert_true(json_finish(&r, NULL));
        assert_string_equal(buf_str(&text), cases[i].want);
    }
    struct json_reader r = json_reader_of("\"a\\u0000b\"", 10);
    json_read_string(&r, &text);
    assert_int_equal(text.len, 3);
    assert_memory_equal(text.data, "a\0b", 3);
}

static void members(void **state)
{
    static const char json[] =
        "{\"n\": -1.5e3, \"yes\": true, \"list\": [1, \"two\", null, [], {}],"
        " \"more\": {\"n\": 1}, \"s\": \"t\"}";
    struct json_reader r = json_reader_of(json, sizeof json - 1);
    AUTO_BUF key = {0}, text = {0};
    static const enum json_kind kinds[] = {JSON_NUMBER, JSON_STRING, JSON_NULL, JSON_ARRAY,
                                           JSON_OBJECT};
    struct str number = {"", 0};
    bool yes = false;
    size_t n_keys = 0, n_items = 0;
    assert_true(json_enter(&r, JSON_OBJECT));
    while (json_next_key(&r, &key)) {
        n_keys++;
        if (!strcmp(buf_str(&key), "n"))
            json_read_number(&r, &number);
        else if (!strcmp(buf_str(&key), "yes"))
            json_read_bool(&r, &yes);
        else if (!strcmp(buf_str(&key), "s"))
            json_read_string(&r, &text);
        else if (!strcmp(buf_str(&key), "list")) {
            assert_true(json_enter(&r, JSON_ARRAY));
            for (; json_next_item(&r); n_items++) {
                assert_int_equal(json_peek(&r), kinds[n_items]);
                json_skip(&r);
            }
        } else
            json_skip(&r);
    }
    assert_true(json_finish(&r, NULL));
    assert_int_equal(n_keys, 5);
    assert_int_equal(n_items, 5);
    assert_true(yes);
    assert_true(str_eq(number, STR("-1.5e3")));
    assert_string_equal(buf_str(&text), "t");
}

static void other_kinds(void **state)
{
    struct err err = {0};
    AUTO_BUF text = {0};
    bool yes = false;
    struct str number = {"", 0};
    struct json_reader r = json_reader_of("[1]", 3);
    assert_false(json_enter(&r, JSON_OBJECT));
    json_read_bool(&r, &yes); /* nothing any more */
    assert_false(json_finish(&r, &err));
    assert_string_equal(err.msg, "line 1: an object was expected");
    r = json_reader_of("1", 1);
    json_read_string(&r, &text);
    assert_false(json_finish(&r, &err));
    assert_string_equal(err.msg, "line 1: a text was expected");
    r = json_reader_of("\"1\"", 3);
    json_read_number(&r, &number);
    assert_false(json_finish(&r, &err));
    assert_string_equal(err.msg, "line 1: a number was expected");
    r = json_reader_of("true", 4);
    json_wrong(&r, "this is not wanted");
    json_wrong(&r, "the first counts");
    assert_false(json_finish(&r, &err));
    assert_string_equal(err.msg, "line 1: this is not wanted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values), cmocka_unit_test(wrong),   cmocka_unit_test(depth),
        cmocka_unit_test(texts),  cmocka_unit_test(members), cmocka_unit_test(other_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
