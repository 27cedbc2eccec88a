#include "base/pool.h"
#include "unit.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

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

struct order {
    atomic_size_t made, taken, most_ahead;
    atomic_bool is_taking;
    atomic_bool is_made[N];
};

static void make(void *arg, size_t i)
{
    struct order *o = arg;
    size_t ahead = atomic_fetch_add(&o->made, 1) + 1 - o->taken, most = o->most_ahead;
    while (ahead > most && !atomic_compare_exchange_weak(&o->most_ahead, &most, ahead))
        ;
    assert_false(atomic_exchange(&o->is_made[i], true));
}

static void take(void *arg, size_t i)
{
    struct order *o = arg;
    assert_false(atomic_exchange(&o->is_taking, true));
    assert_int_equal(o->taken, i);
    assert_true(o->is_made[i]);
    o->taken++;
    o->is_taking = false;
}

static void what_is_made_is_taken_in_order(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 3, 17, N};
    static struct order o;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        memset(&o, 0, sizeof o);
        pool_run_in_order(sizes[s], make, take, &o);
        assert_int_equal(o.made, sizes[s]);
        assert_int_equal(o.taken, sizes[s]);
        assert_true(o.most_ahead <= pool_threads() + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_runs_once),
                                       cmocka_unit_test(pools_nest),
                                       cmocka_unit_test(what_is_made_is_taken_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
