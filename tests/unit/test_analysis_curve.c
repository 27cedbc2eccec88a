#include "analysis/analysis_curve.h"
#include "unit.h"

#include <math.h>
#include <string.h>

static struct analysis_curve curve;

static double mean(int64_t from_ns, int64_t to_ns)
{
    double sum = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < analysis_curve_n(&curve); i++) {
        int64_t at = curve.first_ns + (int64_t)i * curve.step_ns;
        if (at < from_ns || at + curve.step_ns > to_ns)
            continue;
        sum += analysis_curve_at(&curve, i);
        n++;
    }
    return n ? sum / n : -1;
}

static void nothing(void **state)
{
    (void)state;
    memset(&curve, 0, sizeof curve);
    assert_int_equal(analysis_curve_n(&curve), 0);
    analysis_curve_add(&curve, 100, 100, 1);
    assert_int_equal(analysis_curve_n(&curve), 0);
}

/* A third of the time at a half, then nothing, then all; in many small steps. */
static void steps(void **state)
{
    (void)state;
    memset(&curve, 0, sizeof curve);
    const int64_t begin = 777, third = 1000000000;
    for (int64_t at = 0; at < 3 * third; at += 12345)
        analysis_curve_add(&curve, begin + at, begin + at + 12345,
                           at < third       ? 0.5
                           : at < 2 * third ? 0
                                            : 1);
    uint32_t n = analysis_curve_n(&curve);
    assert_true(n > ANALYSIS_CURVE_CELLS / 2 && n <= ANALYSIS_CURVE_CELLS);
    assert_true(fabs(mean(begin, begin + third - 20000000) - 0.5) < 1e-6);
    assert_true(fabs(mean(begin + third + 20000000, begin + 2 * third - 20000000)) < 1e-6);
    assert_true(fabs(mean(begin + 2 * third + 20000000, begin + 3 * third) - 1) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing), cmocka_unit_test(steps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
