#include "ui/percent.h"
#include "ui/settings.h"
#include "ui/web_query.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct web_query query;
static struct err err;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static bool parse(const char *text)
{
    err = (struct err){0};
    return web_query_parse(&query, text, &arena, &err);
}

static void pairs(void **state)
{
    (void)state;
    assert_true(parse(""));
    assert_int_equal(query.n, 0);
    assert_true(parse("&&a=1&b&c=&=d&a=2&a+b%26=%c3%a4+%2B;=&"));
    assert_int_equal(query.n, 6);
    assert_string_equal(web_query_get(&query, "a"), "1");
    assert_null(web_query_get(&query, "b"));
    assert_null(web_query_get(&query, "c"));
    assert_null(web_query_get(&query, "nix"));
    assert_string_equal(web_query_get(&query, ""), "d");
    assert_string_equal(web_query_get(&query, "a b&"), "\xc3\xa4 +;=");
    assert_true(parse("f=&f=x"));
    assert_null(web_query_get(&query, "f")); /* the first counts, as with Go */
}

static void what_is_no_query(void **state)
{
    static const char *const bad[] = {"%",     "a=%",   "a=%1",   "a=%zz",
                                      "%g1=a", "a=%00", "a%00=b", "a=b&c=%"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(parse(bad[i]));
        assert_int_equal(err.code, ERR_USAGE);
    }
    char many[1024];
    memset(many, '&', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    assert_false(parse(many));
    assert_int_equal(err.code, ERR_USAGE);
}

static void words_of_pprof(void **state)
{
    static const char *const cases[][2] = {
        {"n=1.5",
         "error setting config field nodecount: strconv.Atoi: parsing \"1.5\": invalid syntax"},
        {"n=2147483648", "error setting config field nodecount: strconv.Atoi: parsing "
                         "\"2147483648\": value out of range"},
        {"nf=%22", "error setting config field nodefraction: strconv.ParseFloat: parsing \"\\\"\": "
                   "invalid syntax"},
        {"mean=2", "error setting config field mean: illegal value \"2\" for bool variable"},
        {"g=%0a",
         "error setting config field granularity: invalid \"granularity\" value \"\\x0a\""},
    };
    struct report_options options;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        report_options_init(&options);
        assert_true(parse(cases[i][0]));
        assert_false(web_query_options(&query, &options, &err));
        assert_int_equal(err.code, ERR_USAGE);
        assert_string_equal(err.msg, cases[i][1]);
    }
}

/* Values other than the defaults, one for each kind. */
static const char *value_for(const struct option_def *def)
{
    switch (def->kind) {
    case OPTION_BOOL:
        return strcmp(def->name, "trim") == 0 ? "false" : "true";
    case OPTION_INT:
        return "17";
    case OPTION_FLOAT:
        return "1e-05";
    case OPTION_STRING:
        return "a b&c=d;%+\"<\xc3\xa4\xff>";
    case OPTION_CHOICE:
        return def->choices[0];
    }
    return NULL;
}

/* Each option goes into a URL and comes back as it was. */
static void round_trip(void **state)
{
    (void)state;
    for (const struct option_def *def = option_defs; def->name; def++) {
        AUTO_BUF url = {0}, value = {0}, text = {0}, kept = {0};
        struct report_options options, back;
        report_options_init(&options);
        report_options_init(&back);
        assert_true(report_options_set(&options, def, value_for(def), NULL));
        web_query_value(&options, def, &value);
        assert_string_equal(buf_str(&value), value_for(def));

        /* what configurations hold is what is not transient */
        settings_describe(&options, &kept);
        assert_int_equal(kept.len > 0, !def->is_transient);

        assert_true(parse(""));
        bool changed = web_query_with(&query, "", &options, &url);
        assert_int_equal(changed, def->param && !def->is_transient);
        if (!def->param)
            continue;
        if (def->is_transient) {
            buf_printf(&url, "%s=", def->param);
            percent_encode(&url, str_of(value_for(def)));
        }
        assert_true(parse(buf_str(&url)));
        assert_int_equal(query.n, 1);
        assert_true(web_query_options(&query, &back, &err));
        web_query_value(&back, def, &text);
        assert_string_equal(buf_str(&text), buf_str(&value));
        /* nothing more to be changed */
        buf_clear(&text);
        assert_false(web_query_with(&query, buf_str(&url), &options, &text));
        assert_string_equal(buf_str(&text), buf_str(&url));
    }
}

static void no_two_options_share_a_name(void **state)
{
    static const char *const others[] = {"p", "z", "q", "m", "b", "w", "config", "on"};
    (void)state;
    for (const struct option_def *a = option_defs; a->name; a++) {
        for (const struct option_def *b = option_defs; a->param && b != a; b++)
            assert_true(!b->param || strcmp(a->param, b->param) != 0);
        for (size_t i = 0; a->param && i < sizeof others / sizeof *others; i++)
            assert_string_not_equal(a->param, others[i]);
    }
}

/* As pprof's config.makeURL: sorted when something changes, defaults left out, the rest kept. */
static void with_a_configuration(void **state)
{
    static const char *const cases[][2] = {
        {"", "f=foo&n=10"},
        {"z=1&n=3&f=bar&f=baz&q=%3C", "f=foo&n=10&q=%3C&z=1"},
        {"trim=f&si=1&z=1&z=0", "f=foo&n=10&si=1&z=1&z=0"},
        {"x&n=10&f=foo", "x&n=10&f=foo"},
    };
    struct report_options options;
    (void)state;
    report_options_init(&options);
    options.focus = "foo";
    options.nodecount = 10;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUF url = {0};
        assert_true(parse(cases[i][0]));
        bool changed = web_query_with(&query, cases[i][0], &options, &url);
        assert_string_equal(buf_str(&url), cases[i][1]);
        assert_int_equal(changed, strcmp(cases[i][0], cases[i][1]) != 0);
    }
}

static void numbers_as_go_writes_them(void **state)
{
    static const char *const cases[] = {"0.005", "0.1",       "1",    "100",  "1e-05", "0.0001",
                                        "1e+21", "123456789", "-2.5", "+Inf", "-Inf",  "NaN"};
    const struct option_def *def = option_defs;
    struct report_options options;
    (void)state;
    while (strcmp(def->name, "nodefraction") != 0)
        def++;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUF text = {0};
        options.nodefraction = strtod(cases[i], NULL);
        web_query_value(&options, def, &text);
        assert_string_equal(buf_str(&text), cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs),
        cmocka_unit_test(what_is_no_query),
        cmocka_unit_test(words_of_pprof),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(no_two_options_share_a_name),
        cmocka_unit_test(with_a_configuration),
        cmocka_unit_test(numbers_as_go_writes_them),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
