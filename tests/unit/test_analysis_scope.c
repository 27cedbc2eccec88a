#include "analysis/analysis_scope.h"
#include "unit.h"

static void add(struct analysis_scope *scope, int64_t g, int64_t start_ns, int64_t end_ns)
{
    assert_true(analysis_scope_add(scope, g, start_ns, end_ns));
}

static void nothing(void **state)
{
    struct analysis_scope scope = {0};
    (void)state;
    analysis_scope_seal(&scope);
    assert_false(analysis_scope_has(&scope, 1));
    assert_int_equal(analysis_scope_clip(&scope, 1, 0, 100), 0);
    analysis_scope_release(&scope);
}

static void parts(void **state)
{
    struct analysis_scope scope = {0};
    (void)state;
    add(&scope, 7, 300, 400);
    add(&scope, 7, 100, 200);
    add(&scope, 7, 120, 150); /* within */
    add(&scope, 7, 200, 210); /* at its end */
    add(&scope, 7, 205, 300); /* overlaps: only the first stays */
    add(&scope, 9, INT64_MIN, INT64_MAX);
    analysis_scope_seal(&scope);
    assert_int_equal(scope.spans.n, 4);
    assert_true(analysis_scope_has(&scope, 7) && analysis_scope_has(&scope, 9));
    assert_false(analysis_scope_has(&scope, 8));
    assert_int_equal(analysis_scope_clip(&scope, 7, 0, 1000), 210);
    assert_int_equal(analysis_scope_clip(&scope, 7, 150, 160), 10);
    assert_int_equal(analysis_scope_clip(&scope, 7, 190, 310), 30);
    assert_int_equal(analysis_scope_clip(&scope, 7, 210, 300), 0);
    assert_int_equal(analysis_scope_clip(&scope, 7, 400, 500), 0);
    assert_int_equal(analysis_scope_clip(&scope, 7, 50, 100), 0);
    assert_int_equal(analysis_scope_clip(&scope, 8, 0, 1000), 0);
    assert_int_equal(analysis_scope_clip(&scope, 9, -5, 5), 10);
    analysis_scope_release(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing), cmocka_unit_test(parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
