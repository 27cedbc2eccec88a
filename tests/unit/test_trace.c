#include "trace/trace.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

static void equal_ones_have_one_number(void **state)
{
    struct trace *t = trace_new();
    size_t n;
    assert_int_equal(trace_add_string(t, "", 0), 0);
    assert_int_equal(trace_add_string(t, "a\0b", 3), 1);
    assert_int_equal(trace_add_string(t, "a", 1), 2);
    assert_int_equal(trace_add_string(t, "a\0b", 3), 1);
    assert_memory_equal(trace_string(t, 1, &n), "a\0b", 4);
    assert_int_equal(n, 3);
    assert_int_equal(trace_n_strings(t), 3);

    struct trace_frame f = {.pc = 1, .func = 1, .file = 2, .line = 3}, g = f;
    uint32_t one = trace_add_frame(t, &f);
    g.line = 4;
    uint32_t two = trace_add_frame(t, &g);
    assert_int_not_equal(one, two);
    assert_int_equal(trace_add_frame(t, &f), one);
    assert_int_equal(trace_frame(t, two)->line, 4);

    const uint32_t both[] = {one, two};
    uint32_t long_one = trace_add_stack(t, both, 2), short_one = trace_add_stack(t, both, 1);
    assert_int_equal(long_one, 1);
    assert_int_equal(trace_add_stack(t, both, 2), long_one);
    assert_int_not_equal(short_one, long_one);
    assert_int_equal(trace_stack(t, long_one).n_frames, 2);
    assert_int_equal(trace_stack(t, long_one).frames[1], two);
    trace_free(t);
}

/* None is not a stack that was taken and has no frames. */
static void no_stack_is_not_an_empty_one(void **state)
{
    struct trace *t = trace_new();
    assert_int_equal(trace_n_stacks(t), 1);
    assert_int_equal(trace_stack(t, 0).n_frames, 0);
    uint32_t empty = trace_add_stack(t, NULL, 0);
    assert_int_not_equal(empty, 0);
    assert_int_equal(trace_add_stack(t, NULL, 0), empty);
    assert_int_equal(trace_stack(t, empty).n_frames, 0);
    trace_free(t);
}

static void nothing_moves(void **state)
{
    struct trace *t = trace_new();
    char text[16];
    trace_add_string(t, "first", 5);
    const char *first = trace_string(t, 1, NULL);
    struct trace_frame frame = {.pc = 7};
    const struct trace_frame *of_frame = trace_frame(t, trace_add_frame(t, &frame));
    for (unsigned i = 0; i < 100000; i++) {
        int n = snprintf(text, sizeof text, "%u", i);
        assert_int_equal(trace_add_string(t, text, (size_t)n), 2 + i);
        frame = (struct trace_frame){.pc = 8, .line = i};
        assert_int_equal(trace_add_frame(t, &frame), 1 + i);
    }
    assert_ptr_equal(trace_string(t, 1, NULL), first);
    assert_ptr_equal(trace_frame(t, 0), of_frame);
    for (unsigned i = 0; i < 100000; i += 99) {
        snprintf(text, sizeof text, "%u", i);
        assert_string_equal(trace_string(t, 2 + i, NULL), text);
        assert_int_equal(trace_frame(t, 1 + i)->line, i);
    }
    trace_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_ones_have_one_number),
        cmocka_unit_test(no_stack_is_not_an_empty_one),
        cmocka_unit_test(nothing_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
