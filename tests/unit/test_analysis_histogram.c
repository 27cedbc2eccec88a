#include "analysis/analysis_histogram.h"

#include "unit.h"

#include <stdlib.h>

static void nothing(void **state)
{
    struct analysis_histogram h = {0};
    assert_int_equal(analysis_histogram_at(&h, 0.5), 0);
    analysis_histogram_release(&h);
}

static void small_ones_are_exact(void **state)
{
    struct analysis_histogram h = {0};
    for (int64_t i = 1; i <= 100; i++)
        assert_true(analysis_histogram_add(&h, i));
    assert_true(analysis_histogram_add(&h, -5)); /* as 0 */
    assert_int_equal(h.count, 101);
    assert_int_equal(h.total_ns, 5050);
    assert_int_equal(h.min_ns, 0);
    assert_int_equal(h.max_ns, 100);
    assert_int_equal(analysis_histogram_at(&h, 0), 0);
    assert_int_equal(analysis_histogram_at(&h, 0.5), 50);
    assert_int_equal(analysis_histogram_at(&h, 1), 100);
    analysis_histogram_release(&h);
}

static int64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)(*seed >> (1 + *seed % 61)); /* of all sizes */
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Beside sorted values: less than 0.4 % off, at any percentile. */
static void large_ones_are_near(void **state)
{
    enum { N = 20000 };
    static int64_t values[N];
    struct analysis_histogram h = {0};
    uint64_t seed = 7;
    for (size_t i = 0; i < N; i++) {
        values[i] = next(&seed) & ((1ll << 45) - 1);
        assert_true(analysis_histogram_add(&h, values[i]));
    }
    qsort(values, N, sizeof *values, by_value);
    for (size_t i = 1; i < N; i += 7) {
        int64_t at = analysis_histogram_at(&h, (double)i / N), is = values[i - 1];
        int64_t off = at > is ? at - is : is - at;
        assert_true(off <= is / 250 + 1 || /* a rank that is rounded up */
                    (at >= is && at <= values[i] + values[i] / 250 + 1));
    }
    assert_int_equal(analysis_histogram_at(&h, 1), values[N - 1]);
    assert_int_equal(h.min_ns, values[0]);
    analysis_histogram_release(&h);
}

static void the_largest_there_is(void **state)
{
    struct analysis_histogram h = {0};
    assert_true(analysis_histogram_add(&h, INT64_MAX));
    assert_true(analysis_histogram_add(&h, 1));
    assert_int_equal(analysis_histogram_at(&h, 1), INT64_MAX);
    assert_int_equal(analysis_histogram_at(&h, 0.5), 1);
    assert_int_equal(h.total_ns, INT64_MAX);
    analysis_histogram_release(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing),
        cmocka_unit_test(small_ones_are_exact),
        cmocka_unit_test(large_ones_are_near),
        cmocka_unit_test(the_largest_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
