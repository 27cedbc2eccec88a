#include "report/report.h"
#include "unit.h"

#include <string.h>

static const struct option_def *find(const char *name)
{
    for (const struct option_def *def = option_defs; def->name; def++)
        if (!strcmp(def->name, name))
            return def;
    fail_msg("no option %s", name);
    return NULL;
}

static struct report_options options;
static struct err err;

static bool set(const char *name, const char *value)
{
    err = (struct err){0};
    return report_options_set(&options, find(name), value, &err);
}

static int init(void **state)
{
    (void)state;
    report_options_init(&options);
    return 0;
}

static void defaults_are_those_of_pprof(void **state)
{
    (void)state;
    assert_true(options.trim);
    assert_false(options.noinlines || options.compact_labels || options.relative_percentages);
    assert_int_equal(options.nodecount, -1);
    assert_true(options.nodefraction == 0.005 && options.edgefraction == 0.001);
    assert_int_equal(options.granularity, GRANULARITY_DEFAULT);
    assert_int_equal(options.sort, SORT_DEFAULT);
    assert_string_equal(options.unit, "minimum");
    assert_null(options.focus);
}

static void booleans(void **state)
{
    static const char *const yes[] = {"true", "T", "yes", "Y", "1", ""};
    static const char *const no[] = {"false", "F", "no", "N", "0"};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        options.noinlines = false;
        assert_true(set("noinlines", yes[i]));
        assert_true(options.noinlines);
    }
    for (size_t i = 0; i < 5; i++) {
        options.trim = true;
        assert_true(set("trim", no[i]));
        assert_false(options.trim);
    }
    assert_false(set("trim", "2"));
    assert_int_equal(err.code, ERR_USAGE);
    assert_string_equal(err.msg, "trim: '2' is neither true nor false");
}

static void whole_numbers(void **state)
{
    (void)state;
    assert_true(set("nodecount", "+17"));
    assert_int_equal(options.nodecount, 17);
    assert_true(set("nodecount", "-2"));
    assert_int_equal(options.nodecount, -2);
    static const char *const bad[] = {"", "x", "1x", " 1", "1 ", "1.5", "--1", "0x10", "+", "1e3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(set("nodecount", bad[i]));
    assert_false(set("nodecount", "99999999999999999999"));
    assert_string_equal(err.msg, "nodecount: '99999999999999999999' is too large");
    assert_int_equal(options.nodecount, -2);
}

static void numbers(void **state)
{
    (void)state;
    assert_true(set("nodefraction", "0.25"));
    assert_true(options.nodefraction == 0.25);
    assert_true(set("edgefraction", "1e-3"));
    assert_true(options.edgefraction == 1e-3);
    assert_true(set("edgefraction", "-.5"));
    static const char *const bad[] = {"", "x", " 1", "1 ", "0.5x", "."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(set("nodefraction", bad[i]));
    assert_string_equal(err.msg, "nodefraction: '.' is not a number");
    assert_true(options.nodefraction == 0.25);
}

static void choices(void **state)
{
    (void)state;
    assert_true(set("granularity", "functions"));
    assert_int_equal(options.granularity, GRANULARITY_FUNCTIONS);
    assert_true(set("granularity", "filefunctions"));
    assert_int_equal(options.granularity, GRANULARITY_FILEFUNCTIONS);
    assert_true(set("granularity", "files"));
    assert_int_equal(options.granularity, GRANULARITY_FILES);
    assert_true(set("granularity", "lines"));
    assert_int_equal(options.granularity, GRANULARITY_LINES);
    assert_true(set("granularity", "addresses"));
    assert_int_equal(options.granularity, GRANULARITY_ADDRESSES);
    assert_true(set("sort", "cum"));
    assert_int_equal(options.sort, SORT_CUM);
    assert_true(set("sort", "flat"));
    assert_int_equal(options.sort, SORT_FLAT);
    assert_false(set("sort", "Cum"));
    assert_string_equal(err.msg, "sort: 'Cum' is none of cum, flat");
}

static void texts(void **state)
{
    (void)state;
    const char *value = "a|b";
    assert_true(set("focus", value) && set("unit", ""));
    assert_ptr_equal(options.focus, value);
    assert_string_equal(options.unit, "");
}

static void every_option_is_described(void **state)
{
    (void)state;
    for (const struct option_def *def = option_defs; def->name; def++) {
        assert_true(def->help && *def->help && !strchr(def->help, '\n'));
        for (size_t i = 0; def->kind == OPTION_CHOICE && def->choices[i]; i++)
            assert_non_null(def->choices_help[i]);
        if (def[1].name)
            assert_true(strcmp(def->name, def[1].name) < 0); /* help is sorted */
    }
}

static void every_report_is_described(void **state)
{
    (void)state;
    for (size_t i = 0; report_registry[i]; i++) {
        const struct report_ops *ops = report_registry[i];
        assert_ptr_equal(report_find(ops->name), ops);
        assert_true(ops->help && *ops->help && ops->write);
        assert_int_equal(ops->ext != NULL, (ops->flags & REPORT_BINARY) != 0 || ops->viewer);
    }
    assert_null(report_find("nix"));
    assert_null(report_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_are_those_of_pprof, init),
        cmocka_unit_test_setup(booleans, init),
        cmocka_unit_test_setup(whole_numbers, init),
        cmocka_unit_test_setup(numbers, init),
        cmocka_unit_test_setup(choices, init),
        cmocka_unit_test_setup(texts, init),
        cmocka_unit_test(every_option_is_described),
        cmocka_unit_test(every_report_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
