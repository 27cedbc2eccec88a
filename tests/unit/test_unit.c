#include "unit.h"
#include "xform/unit.h"

#include <math.h>
#include <string.h>

static void check_print(int64_t value, const char *from, const char *to, const char *want)
{
    AUTO_BUF text = {0};
    unit_print(&text, value, from, to);
    if (strcmp(buf_str(&text), want) != 0)
        print_error("%lld %s in %s\n", (long long)value, from, to);
    assert_string_equal(buf_str(&text), want);
}

static void values_in_units(void **state)
{
    static const struct {
        int64_t value;
        const char *from, *to, *want;
    } cases[] = {
        /* bytes */
        {0, "bytes", "auto", "0"},
        {1, "B", "auto", "1B"},
        {1023, "bytes", "auto", "1023B"},
        {1024, "bytes", "auto", "1kB"},
        {1536, "bytes", "minimum", "1.50kB"},
        {1536, "byte", "kb", "1.50kB"},
        {1536, "Bytes", "KB", "1.50kB"},
        {3 << 20, "bytes", "kilobytes", "3072kB"},
        {5LL << 30, "b", "auto", "5GB"},
        {5LL << 40, "bytes", "auto", "5TB"},
        {5LL << 50, "bytes", "auto", "5PB"},
        {2, "kb", "bytes", "2048B"},
        {2048, "megabytes", "gb", "2GB"},
        {7, "bytes", "MB", "0"},
        {100, "bytes", "ms", "100B"}, /* not of this dimension: the default unit */
        /* time */
        {999, "nanoseconds", "auto", "999ns"},
        {1000, "ns", "auto", "1us"},
        {1234567, "nanoseconds", "auto", "1.23ms"},
        {1234567890, "nanoseconds", "auto", "1.23s"},
        {90, "s", "auto", "90s"},
        {3600, "seconds", "auto", "1hrs"},
        {5400, "s", "hours", "1.50hrs"},
        {5, "ms", "us", "5000us"},
        {5, "milliseconds", "bytes", "0.01s"},
        {1, "sec", "ms", "1000ms"},
        /* GCU */
        {5, "gcu", "auto", "5GCU"},
        {5000, "microgcu", "auto", "5m*GCU"},
        {1, "gigagcu", "megagcu", "1000M*GCU"},
        /* what is counted */
        {12, "count", "minimum", "12"},
        {12, "count", "count", "12"},
        {12, "samples", "auto", "12"},
        {12, "objects", "objects", "12objects"},
        {12, "widgets", "ms", "12ms"},
        {12, "", "", "12"},
        /* signs and ends */
        {-1536, "bytes", "auto", "-1.50kB"},
        {-1, "ns", "s", "0"},
        {-1, "count", "auto", "-1"},
        {INT64_MAX, "count", "auto", "9223372036854775808"},
        {INT64_MIN, "count", "auto", "-9223372036854775808"},
        {INT64_MAX, "bytes", "auto", "8192PB"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_print(cases[i].value, cases[i].from, cases[i].to, cases[i].want);
}

static void scaled_numbers(void **state)
{
    const char *unit;
    (void)state;
    assert_true(unit_scale(1500, "ms", "s", &unit) == 1.5);
    assert_string_equal(unit, "s");
    assert_true(unit_scale(7, "count", "count", &unit) == 7);
    assert_string_equal(unit, "");
    assert_true(unit_scale(7, "things", "other", &unit) == 7);
    assert_string_equal(unit, "other");
}

static void dimensions(void **state)
{
    (void)state;
    assert_true(unit_is_convertible("bytes", "MB"));
    assert_true(unit_is_convertible("nanoseconds", "hours"));
    assert_true(unit_is_convertible("gcu", "nanogcu"));
    assert_true(unit_is_convertible("frogs", "frogs"));
    assert_false(unit_is_convertible("bytes", "ms"));
    assert_false(unit_is_convertible("frogs", "toads"));
    assert_false(unit_is_convertible("count", "bytes"));
    assert_false(unit_is_convertible("a name that is longer than any unit", "bytes"));
}

static void check_percent(int64_t value, int64_t total, const char *want, const char *want_short)
{
    AUTO_BUF text = {0};
    unit_print_percent(&text, value, total);
    assert_string_equal(buf_str(&text), want);
    buf_clear(&text);
    unit_print_percent_short(&text, value, total);
    assert_string_equal(buf_str(&text), want_short);
}

static void percents(void **state)
{
    (void)state;
    check_percent(0, 0, "    0%", "0%");
    check_percent(5, 0, "    0%", "0%");
    check_percent(100, 100, "  100%", "100%");
    check_percent(9996, 10000, "  100%", "100%");
    check_percent(9994, 10000, "99.94%", "99.94%");
    check_percent(1, 3, "33.33%", "33.33%");
    check_percent(1, 100, " 1.00%", "1.00%");
    check_percent(1, 200, "  0.5%", "0.5%");
    check_percent(1, 100000, "0.001%", "0.001%");
    check_percent(-1, 4, "25.00%", "25.00%");
    check_percent(300, 100, "300.00%", "300.00%");
}

static void go_conversions(void **state)
{
    (void)state;
    assert_int_equal(unit_to_int64(3.99), 3);
    assert_int_equal(unit_to_int64(-3.99), -3);
    assert_true(unit_to_int64(0x1p63) == INT64_MIN);
    assert_true(unit_to_int64(-0x1p63) == INT64_MIN);
    assert_true(unit_to_int64(NAN) == INT64_MIN);
    assert_true(unit_to_int64(INFINITY) == INT64_MIN);
    assert_int_equal(unit_abs(-7), 7);
    assert_true(unit_abs(INT64_MIN) == INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_in_units), cmocka_unit_test(scaled_numbers),
        cmocka_unit_test(dimensions),      cmocka_unit_test(percents),
        cmocka_unit_test(go_conversions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
