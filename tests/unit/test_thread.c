#include "base/thread.h"
#include "unit.h"

#include <sched.h>

struct seen {
    cpu_set_t allowed;
    pthread_t maker;
    int is_other;
};

static void *look(void *p)
{
    struct seen *seen = p;
    seen->is_other = !pthread_equal(seen->maker, pthread_self());
    assert_int_equal(sched_getaffinity(0, sizeof seen->allowed, &seen->allowed), 0);
    return p;
}

/* A thread that may run where this one may, which its maker's place does not change. */
static void expect_thread(void)
{
    cpu_set_t own;
    struct seen seen = {.maker = pthread_self()};
    struct thread thread;
    void *result;
    assert_int_equal(sched_getaffinity(0, sizeof own, &own), 0);
    assert_true(thread_start(&thread, look, &seen));
    assert_int_equal(pthread_join(thread.id, &result), 0);
    assert_ptr_equal(result, &seen);
    assert_true(seen.is_other);
    assert_true(CPU_EQUAL(&own, &seen.allowed));
}

static void it_may_run_where_its_maker_may(void **state)
{
    for (int i = 0; i < 20; i++)
        expect_thread();
}

static void its_maker_may_have_one_processor(void **state)
{
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    expect_thread();
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_may_run_where_its_maker_may),
        cmocka_unit_test(its_maker_may_have_one_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
