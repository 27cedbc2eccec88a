/* Who let whom go on, from words in any order. */
#include "wire/gotrace_heap.h"
#include "wire/trace_wakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct trace_wakes wakes;
static char pairs[4096]; /* "END<WAKER@NS " */


static void found(void *arg, const struct trace_word *end, const struct trace_word *wake)
{
    size_t n = strlen(pairs);
    assert_ptr_equal(arg, pairs);
    snprintf(pairs + n, sizeof pairs - n, "%u<%u@%d ", end->thread, wake->thread, (int)wake->ns);
}

static void lets_go(uint32_t thread, uint64_t ns, uint64_t on, uint32_t n)
{
    assert_true(trace_wakes_add(
        &wakes, &gotrace_heap, &(struct trace_word){.ns = ns, .on = on, .thread = thread, .n = n}));
}

static void has_waited(uint32_t thread, uint64_t since_ns, uint64_t ns, uint64_t on)
{
    assert_true(trace_wakes_add(
        &wakes, &gotrace_heap,
        &(struct trace_word){
            .ns = ns, .on = on, .since_ns = since_ns, .thread = thread, .is_end = true}));
}

static const char *settle(uint64_t until_ns)
{
    pairs[0] = '\0';
    assert_true(trace_wakes_settle(&wakes, &gotrace_heap, until_ns, found, pairs));
    return pairs;
}

static int reset(void **arg)
{
    (void)arg;
    trace_wakes_release(&wakes, &gotrace_heap);
    return 0;
}

static void lock_names_the_last_who_unlocked_it(void **arg)
{
    (void)arg;
    has_waited(1, 100, 250, 8);
    has_waited(2, 100, 350, 8);
    lets_go(1, 340, 8, TRACE_WAKES_LAST);
    lets_go(4, 130, 8, TRACE_WAKES_LAST);
    lets_go(3, 240, 8, TRACE_WAKES_LAST);
    lets_go(5, 245, 16, TRACE_WAKES_LAST); /* another lock */
    assert_string_equal(settle(1000), "1<3@240 2<1@340 ");
}

static void own_unlocks_and_those_before_the_wait_count_for_nothing(void **arg)
{
    (void)arg;
    lets_go(3, 90, 8, TRACE_WAKES_LAST);
    lets_go(1, 120, 8, TRACE_WAKES_LAST);
    has_waited(1, 100, 200, 8);
    assert_string_equal(settle(1000), "");
}

static void condition_lets_go_as_many_as_it_says(void **arg)
{
    (void)arg;
    lets_go(7, 200, 8, 1);
    lets_go(8, 210, 8, 1);
    lets_go(9, 400, 8, TRACE_WAKES_LAST);
    has_waited(1, 100, 220, 8);
    has_waited(2, 100, 230, 8);
    has_waited(3, 100, 240, 8); /* nobody is left for it */
    has_waited(4, 100, 410, 8);
    has_waited(5, 100, 420, 8);
    assert_string_equal(settle(1000), "1<7@200 2<8@210 4<9@400 5<9@400 ");
}

static void words_settle_when_their_time_has_come(void **arg)
{
    (void)arg;
    has_waited(1, 100, 300, 8);
    lets_go(2, 290, 8, TRACE_WAKES_LAST);
    assert_string_equal(settle(280), "");
    assert_string_equal(settle(295), "");
    has_waited(3, 100, 299, 8);
    assert_string_equal(settle(300), "3<2@290 1<2@290 ");
    assert_int_equal(wakes.n, 0);
}

static void very_many_addresses_take_no_more_than_so_much_memory(void **arg)
{
    (void)arg;
    uint64_t ns = 1;
    for (uint64_t round = 0; round < 20; round++) {
        for (uint64_t i = 0; i < 5000; i++)
            lets_go(1, ns++, 8 + 8 * (round * 5000 + i), TRACE_WAKES_LAST);
        has_waited(2, 0, ns++, 8 * (round * 5000 + 5000));
        char expected[32];
        snprintf(expected, sizeof expected, "2<1@%d ", (int)ns - 2);
        assert_string_equal(settle(ns), expected);
    }
    assert_true(wakes.n_slots <= 1u << 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(lock_names_the_last_who_unlocked_it, reset),
        cmocka_unit_test_teardown(own_unlocks_and_those_before_the_wait_count_for_nothing, reset),
        cmocka_unit_test_teardown(condition_lets_go_as_many_as_it_says, reset),
        cmocka_unit_test_teardown(words_settle_when_their_time_has_come, reset),
        cmocka_unit_test_teardown(very_many_addresses_take_no_more_than_so_much_memory, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
