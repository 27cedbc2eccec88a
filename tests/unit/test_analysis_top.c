#include "analysis/analysis_top.h"

#include "unit.h"

struct item {
    int64_t key;
    uint32_t id;
};

static void the_largest_stay(void **state)
{
    struct analysis_top top;
    struct item dropped;
    bool has_dropped;
    analysis_top_init(&top, 10, sizeof(struct item));
    uint32_t n_dropped = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        struct item item = {(int64_t)(i * 7919 % 1000), i}; /* each key once */
        assert_true(analysis_top_wants(&top, item.key) || item.key < 990);
        assert_true(analysis_top_add(&top, &item, &dropped, &has_dropped));
        n_dropped += has_dropped;
        assert_true(!has_dropped || dropped.key < 990);
    }
    analysis_top_sort(&top);
    assert_int_equal(top.n, 10);
    assert_int_equal(n_dropped, 990);
    for (size_t i = 0; i < top.n; i++) {
        const struct item *item = analysis_top_at(&top, i);
        assert_int_equal(item->key, 999 - (int64_t)i);
        assert_int_equal(item->id * 7919 % 1000, item->key);
    }
    analysis_top_release(&top);
}

/* What is no larger than all that are kept is the one that goes. */
static void equal_ones_stay(void **state)
{
    struct analysis_top top;
    struct item dropped;
    bool has_dropped;
    analysis_top_init(&top, 2, sizeof(struct item));
    for (uint32_t i = 0; i < 4; i++)
        assert_true(analysis_top_add(&top, &(struct item){5, i}, &dropped, &has_dropped));
    assert_true(has_dropped);
    assert_int_equal(dropped.id, 3);
    assert_false(analysis_top_wants(&top, 5));
    assert_true(analysis_top_wants(&top, 6));
    analysis_top_release(&top);
}

static void all_is_not_without_end(void **state)
{
    struct analysis_top top;
    analysis_top_init(&top, 0, sizeof(struct item));
    for (uint32_t i = 0; i < 3 * ANALYSIS_TOP_MAX; i++)
        assert_true(analysis_top_add(&top, &(struct item){i, i}, NULL, NULL));
    analysis_top_sort(&top);
    assert_int_equal(top.n, ANALYSIS_TOP_MAX);
    assert_int_equal(((const struct item *)analysis_top_at(&top, 0))->key,
                     3 * ANALYSIS_TOP_MAX - 1);
    analysis_top_release(&top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_stay),
        cmocka_unit_test(equal_ones_stay),
        cmocka_unit_test(all_is_not_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
