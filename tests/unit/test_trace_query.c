#include "ui/trace_query.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static struct arena arena;
static struct trace_query query;
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
    return trace_query_parse(&query, text, &arena, &err);
}

static void nothing_given(void **state)
{
    (void)state;
    assert_true(parse(""));
    assert_int_equal(query.start_ns, 0);
    assert_int_equal(query.end_ns, INT64_MAX);
    assert_false(query.has_range);
    assert_int_equal(query.n_goids, 0);
    assert_int_equal(query.n_rows, TRACE_QUERY_ROWS);
    assert_int_equal(query.offset, 0);
    assert_null(query.name);
    assert_null(query.sort);
    int64_t value = 7;
    assert_true(trace_query_int(&query, "x", 0, 1, &value, &err));
    assert_int_equal(value, 7);
}

static void what_is_common(void **state)
{
    (void)state;
    assert_true(parse("start=-5&end=1000&goid=3,1,2,3&name=main.work&task=4&n=10&offset=20&"
                      "sort=running&dir=asc"));
    assert_int_equal(query.start_ns, -5);
    assert_int_equal(query.end_ns, 1000);
    assert_true(query.has_range);
    assert_int_equal(query.n_goids, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(query.goids[i], i + 1);
    assert_string_equal(query.name, "main.work");
    assert_int_equal(query.task, 4);
    assert_int_equal(query.n_rows, 10);
    assert_int_equal(query.offset, 20);
    assert_string_equal(query.sort, "running");
    assert_true(query.is_ascending && query.has_direction);
    assert_true(parse("n=4000000000&dir=desc"));
    assert_int_equal(query.n_rows, TRACE_QUERY_ROWS_MAX);
    assert_false(query.is_ascending);
}

static void what_is_none(void **state)
{
    static const char *const bad[] = {"start=x",
                                      "start=1.5",
                                      "end=",
                                      "goid=,",
                                      "goid=1,,2",
                                      "goid=1,",
                                      "goid=-1",
                                      "goid=0x1",
                                      "goid=1%20",
                                      "task=-1",
                                      "n=-1",
                                      "n=1e3",
                                      "offset=99999999999999999999",
                                      "dir=up",
                                      "start=5&end=4",
                                      "start=%2b5",
                                      "start=%205",
                                      "start=9223372036854775807",
                                      "end=9223372036854775808"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (!strcmp(bad[i], "end=")) {
            assert_true(parse(bad[i])); /* without a value it is not given */
            continue;
        }
        assert_false(parse(bad[i]));
        assert_int_equal(err.code, ERR_USAGE);
        assert_null(strchr(err.msg, '\n'));
    }
}

static void lengths(void **state)
{
    static const struct {
        const char *text;
        int64_t ns; /* -1: none */
    } cases[] = {
        {"0", 0},
        {"15", 15},
        {"1ns", 1},
        {"1.5us", 1500},
        {"2\xc2\xb5s", 2000},
        {"100ms", 100000000},
        {"1s", 1000000000},
        {"1h2m3.5s", 3723500000000},
        {"1m", 60000000000},
        {".5s", 500000000},
        {"1x", -1},
        {"ms", -1},
        {"1s1", -1},
        {"-1s", -1},
        {"1..5s", -1},
        {"1e3s", -1},
        {"99999999h", -1},
        {"1 s", -1},
        {"-5", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        int64_t ns = 77;
        snprintf(text, sizeof text, "d=%s", cases[i].text);
        assert_true(parse(text));
        bool ok = trace_query_duration(&query, "d", &ns, &err);
        assert_int_equal(ok, cases[i].ns >= 0);
        if (ok)
            assert_int_equal(ns, cases[i].ns);
    }
}

static void counters(void **state)
{
    uint64_t pc = 0;
    (void)state;
    assert_true(parse("pc=0x4bc7f3&b=4BC7F3&c=g&d=-1&e=123456789abcdef01"));
    assert_true(trace_query_pc(&query, "pc", &pc, &err));
    assert_int_equal(pc, 0x4bc7f3);
    pc = 0;
    assert_true(trace_query_pc(&query, "b", &pc, &err));
    assert_int_equal(pc, 0x4bc7f3);
    assert_false(trace_query_pc(&query, "c", &pc, &err));
    assert_false(trace_query_pc(&query, "d", &pc, &err));
    assert_false(trace_query_pc(&query, "e", &pc, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_given, begin, end),
        cmocka_unit_test_setup_teardown(what_is_common, begin, end),
        cmocka_unit_test_setup_teardown(what_is_none, begin, end),
        cmocka_unit_test_setup_teardown(lengths, begin, end),
        cmocka_unit_test_setup_teardown(counters, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
