#include "made.h"
#include "unit.h"
#include "xform/aggregate.h"
#include "xform/stacks.h"

/* "abC:5 x:1": a stack's functions, inlined ones as capitals, and its value. */
static void check(const struct made_stack *made_stacks, size_t n, enum granularity granularity,
                  const char *want)
{
    struct made m;
    struct graph g;
    struct stacks stacks;
    struct stacks_frames frames = {0};
    AUTO_BUF text = {0};
    made_init(&m, made_stacks, n, NULL, NULL);
    aggregate(&m.view, granularity, false);
    assert_true(graph_init(&g, &m.view, &(struct graph_options){0}, NULL));
    assert_true(stacks_init(&stacks, &g, NULL));
    for (uint32_t i = 0; i < stacks.n; i++) {
        assert_true(stacks_load(&frames, &g, stacks.items[i].sample));
        buf_puts(&text, i ? " " : "");
        for (size_t k = 0; k < frames.n; k++) {
            uint32_t node = frames.items[k] & ~GRAPH_FRAME_INLINED;
            struct str name = graph_name(&g, node);
            char c = name.len ? name.p[0] : '?';
            buf_putc(&text, frames.items[k] & GRAPH_FRAME_INLINED ? (char)(c & ~0x20) : c);
        }
        buf_printf(&text, ":%lld", (long long)stacks.items[i].value);
    }
    assert_string_equal(buf_str(&text), want);
    vec_release(&frames);
    stacks_release(&stacks);
    graph_release(&g);
    made_release(&m);
}
#define CHECK(granularity, want, ...)                                                              \
    check((struct made_stack[]){__VA_ARGS__},                                                      \
          sizeof((struct made_stack[]){__VA_ARGS__}) / sizeof(struct made_stack), granularity,     \
          want)

static void equal_stacks_are_added_up_in_the_order_of_the_file(void **state)
{
    CHECK(GRANULARITY_FUNCTIONS, "ba:4 ab:9 abc:2", {"ba", 4}, {"ab", 8}, {"abc", 2}, {"ab", 1});
}

static void nothing_that_is_zero(void **state)
{
    CHECK(GRANULARITY_FUNCTIONS, "a:1 c:-2", {"a", 1}, {"b", 5}, {"d", 0}, {"b", -5}, {"c", -2});
    CHECK(GRANULARITY_FUNCTIONS, "", {"a", 0});
}

static void inlined_frames_are_their_functions(void **state)
{
    CHECK(GRANULARITY_FUNCTIONS, "aBc:3", {"aBc", 1}, {"abc", 2});
}

static void frames_without_names_are_one_by_file_and_many_by_address(void **state)
{
    CHECK(GRANULARITY_FUNCTIONS, "a?:3 a:1", {"a?", 1}, {"a?", 2}, {"a", 1});
}

static void sums_stop_at_the_ends(void **state)
{
    CHECK(GRANULARITY_FUNCTIONS, "a:9223372036854775807 b:-9223372036854775808", {"a", INT64_MAX},
          {"a", 1}, {"b", INT64_MIN}, {"b", -1});
}

static void granularity_says_what_is_equal(void **state)
{
    CHECK(GRANULARITY_FILES, "??:3", {"ab", 1}, {"ab", 2});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_stacks_are_added_up_in_the_order_of_the_file),
        cmocka_unit_test(nothing_that_is_zero),
        cmocka_unit_test(inlined_frames_are_their_functions),
        cmocka_unit_test(frames_without_names_are_one_by_file_and_many_by_address),
        cmocka_unit_test(sums_stop_at_the_ends),
        cmocka_unit_test(granularity_says_what_is_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
