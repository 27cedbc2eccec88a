#include "analysis/analysis_exec.h"
#include "unit.h"

static struct analysis_parts pool;

static int teardown(void **state)
{
    (void)state;
    analysis_parts_release(&pool);
    return 0;
}

static unsigned length(uint32_t chain)
{
    unsigned n = 0;
    for (; chain; chain = pool.parts.items[chain].next)
        n++;
    return n;
}

/* Each of a million times has a key of its own: the chain stays short, and no time is lost. */
static void keys_without_end(void **state)
{
    (void)state;
    uint32_t chain = 0;
    for (uint32_t key = 0; key < 1000000; key++)
        analysis_parts_add(&pool, &chain, key, 3);
    assert_int_equal(length(chain), ANALYSIS_PARTS_MAX);
    assert_int_equal(analysis_parts_sum(&pool, chain), 3000000);
    assert_int_equal(analysis_parts_get(&pool, chain, ANALYSIS_PARTS_MAX - 1), 3);
    assert_int_equal(analysis_parts_get(&pool, chain, 0), 3 * (1000000 - ANALYSIS_PARTS_MAX + 1));
    analysis_parts_drop(&pool, &chain);
}

static void sums(void **state)
{
    (void)state;
    struct analysis_exec a = {.total_ns = 10, .exec_ns = 3}, b = {.total_ns = 4, .exec_ns = 1};
    analysis_parts_add(&pool, &a.blocked, 7, 5);
    analysis_parts_add(&pool, &b.blocked, 7, 2);
    analysis_parts_add(&pool, &b.blocked, 8, 1);
    analysis_exec_add(&pool, &a, &b, 1);
    assert_int_equal(a.total_ns, 14);
    assert_int_equal(analysis_exec_blocked(&pool, &a), 8);
    assert_int_equal(analysis_exec_unknown(&pool, &a), 2);
    analysis_exec_add(&pool, &a, &b, -1);
    assert_int_equal(analysis_parts_get(&pool, a.blocked, 7), 5);
    assert_int_equal(analysis_parts_get(&pool, a.blocked, 8), 0);
    analysis_exec_drop(&pool, &a);
    analysis_exec_drop(&pool, &b);
    assert_false(pool.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(keys_without_end, teardown),
        cmocka_unit_test_teardown(sums, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
