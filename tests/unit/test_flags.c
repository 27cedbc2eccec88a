#include "ui/flags.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define ARGS(...) ((char *[]){"pprof", __VA_ARGS__})
#define COUNT(args) ((int)(sizeof(args) / sizeof *(args)))

struct parsed {
    struct flag flags[3];
    int n_used;
    bool help, ok;
    struct err err;
};

static struct parsed parse(int argc, char **argv)
{
    struct parsed p = {.flags = {{"cum", true, NULL}, {"focus", false, NULL}, {"n", false, NULL}}};
    p.ok = flags_parse(p.flags, 3, argc, argv, &p.n_used, &p.help, &p.err);
    return p;
}
#define PARSE(...) parse(COUNT(ARGS(__VA_ARGS__)), ARGS(__VA_ARGS__))

static void values_come_after_equals_or_next(void **state)
{
    (void)state;
    struct parsed p = PARSE("-focus=a=b", "-n", "7", "file");
    assert_true(p.ok);
    assert_string_equal(p.flags[1].value, "a=b");
    assert_string_equal(p.flags[2].value, "7");
    assert_null(p.flags[0].value);
    assert_int_equal(p.n_used, 4);

    p = PARSE("--focus", "-n", "--n=");
    assert_true(p.ok);
    assert_string_equal(p.flags[1].value, "-n"); /* a value, whatever it looks like */
    assert_string_equal(p.flags[2].value, "");
    assert_int_equal(p.n_used, 4);
}

static void booleans_take_only_equals(void **state)
{
    (void)state;
    struct parsed p = PARSE("-cum", "false");
    assert_true(p.ok);
    assert_string_equal(p.flags[0].value, "true");
    assert_int_equal(p.n_used, 2);
    p = PARSE("-cum=T");
    assert_string_equal(p.flags[0].value, "true");
    p = PARSE("-cum", "-cum=0");
    assert_string_equal(p.flags[0].value, "false");
    p = PARSE("-cum=yes");
    assert_false(p.ok);
    assert_int_equal(p.err.code, ERR_USAGE);
    assert_string_equal(p.err.msg, "invalid boolean value 'yes' for -cum");
}

static void the_last_value_counts(void **state)
{
    (void)state;
    struct parsed p = PARSE("-n=1", "--n", "2", "-n=3");
    assert_string_equal(p.flags[2].value, "3");
}

static void lists_keep_all_values(void **state)
{
    (void)state;
    struct flag_list list = {0};
    struct flag flags[] = {{"base", false, NULL, &list}};
    char *argv[] = {"pprof", "-base=a", "-base", "b", "--base=", "-base=a", "file"};
    int n_used;
    bool help;
    assert_true(flags_parse(flags, 1, 7, argv, &n_used, &help, NULL));
    assert_int_equal(n_used, 6);
    assert_string_equal(flags[0].value, "a");
    assert_int_equal(list.n, 3);
    assert_string_equal(list.items[0], "a");
    assert_string_equal(list.items[1], "b");
    assert_string_equal(list.items[2], "a");
    free(list.items);
}

static void flags_end(void **state)
{
    (void)state;
    struct parsed p = PARSE("file", "-cum");
    assert_true(p.ok);
    assert_int_equal(p.n_used, 1);
    assert_null(p.flags[0].value);
    p = PARSE("--", "-cum");
    assert_int_equal(p.n_used, 2);
    assert_null(p.flags[0].value);
    p = PARSE("-", "-cum"); /* "-" is no flag */
    assert_int_equal(p.n_used, 1);
    char *only[] = {"pprof"};
    p = parse(1, only);
    assert_true(p.ok);
    assert_int_equal(p.n_used, 1);
}

static void errors_name_the_flag(void **state)
{
    (void)state;
    assert_string_equal(PARSE("-nix").err.msg, "unknown flag -nix; see 'sonde pprof -help'");
    assert_string_equal(PARSE("--nix=3").err.msg, "unknown flag -nix; see 'sonde pprof -help'");
    assert_string_equal(PARSE("-cumulative").err.msg,
                        "unknown flag -cumulative; see 'sonde pprof -help'");
    assert_string_equal(PARSE("---cum").err.msg, "bad flag syntax: ---cum");
    assert_string_equal(PARSE("-=x").err.msg, "bad flag syntax: -=x");
    assert_string_equal(PARSE("-focus").err.msg, "flag needs a value: -focus");
    assert_false(PARSE("-focus").ok);
}

static void help_is_asked_for(void **state)
{
    (void)state;
    assert_true(PARSE("-cum", "-h").help);
    assert_true(PARSE("--help").help);
    assert_true(PARSE("-help", "-nix").ok);
    assert_false(PARSE("-cum").help);
    assert_false(PARSE("file", "-help").help);
}

static void booleans_as_go_reads_them(void **state)
{
    static const char *const good[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const bad[] = {"", "2", "tRUE", "yes", "on", " true"};
    bool value;
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        value = false;
        assert_true(flags_bool(good[i], &value));
        assert_true(value);
        assert_false(flags_bool(bad[i], &value));
    }
    assert_true(flags_bool("False", &value));
    assert_false(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_after_equals_or_next),
        cmocka_unit_test(booleans_take_only_equals),
        cmocka_unit_test(the_last_value_counts),
        cmocka_unit_test(lists_keep_all_values),
        cmocka_unit_test(flags_end),
        cmocka_unit_test(errors_name_the_flag),
        cmocka_unit_test(help_is_asked_for),
        cmocka_unit_test(booleans_as_go_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
