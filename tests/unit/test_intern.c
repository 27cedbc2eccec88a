#include "base/intern.h"
#include "unit.h"

#include <stdio.h>

static void ids_come_in_order(void **state)
{
    AUTO_ARENA arena = {0};
    struct intern in;
    assert_true(intern_init(&in, &arena));
    assert_int_equal(intern_add(&in, STR("")), 0);
    assert_int_equal(intern_add(&in, (struct str){NULL, 0}), 0);
    assert_int_equal(intern_add(&in, STR("b")), 1);
    assert_int_equal(intern_add(&in, STR("a")), 2);
    assert_int_equal(intern_add(&in, STR("b")), 1);
    assert_int_equal(intern_find(&in, STR("a")), 2);
    assert_int_equal(intern_find(&in, STR("c")), INTERN_NONE);
    assert_int_equal(in.n, 3);
    intern_release(&in);
}

static void texts_are_copied_and_bytes_count(void **state)
{
    AUTO_ARENA arena = {0};
    struct intern in;
    assert_true(intern_init(&in, &arena));
    char text[] = "x\0y";
    uint32_t id = intern_add(&in, (struct str){text, 3});
    assert_int_equal(intern_add(&in, (struct str){text, 1}), id + 1);
    text[0] = '?';
    assert_memory_equal(in.strings[id].p, "x\0y", 4);
    assert_int_equal(in.strings[id].len, 3);
    assert_int_equal(in.strings[id + 1].p[1], 0);
    intern_release(&in);
}

static void many_strings(void **state)
{
    AUTO_ARENA arena = {0};
    struct intern in;
    char text[32];
    assert_true(intern_init(&in, &arena));
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 1; i <= 100000; i++) {
            int n = snprintf(text, sizeof text, "function_%u", i);
            assert_int_equal(intern_add(&in, (struct str){text, (size_t)n}), i);
        }
    assert_string_equal(in.strings[99999].p, "function_99999");
    intern_release(&in);
}

static void released_is_empty(void **state)
{
    struct intern in = {0};
    assert_int_equal(intern_find(&in, STR("x")), INTERN_NONE);
    intern_release(&in);
    intern_release(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_come_in_order),
        cmocka_unit_test(texts_are_copied_and_bytes_count),
        cmocka_unit_test(many_strings),
        cmocka_unit_test(released_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
