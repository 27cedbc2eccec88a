#include "base/pool.h"
#include "unit.h"

#include <stdatomic.h>

#define N 20000

static atomic_uint counts[N];
static atomic_uint total;

static void count(void *arg, size_t i)
{
    assert_ptr_equal(arg, &total);
    atomic_fetch_add(&counts[i], 1);
    atomic_fetch_add(&total, 1);
}

static void each_runs_once(void **state)
{
    static const unsigned threads[] = {0, 1, 2, 5, 16, 1000};
    static const size_t sizes[] = {0, 1, 2, 17, N};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            total = 0;
            for (size_t i = 0; i < N; i++)
                counts[i] = 0;
            pool_run(sizes[s], threads[t], count, &total);
            assert_int_equal(total, sizes[s]);
            for (size_t i = 0; i < sizes[s]; i++)
                assert_int_equal(counts[i], 1);
        }
}

static void inner(void *arg, size_t i)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static void outer(void *arg, size_t i)
{
    pool_run(50, 4, inner, arg);
}

static void pools_nest(void **state)
{
    atomic_uint n = 0;
    pool_run(20, 4, outer, &n);
    assert_int_equal(n, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_runs_once),
                                       cmocka_unit_test(pools_nest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
