/* Folded stacks. */
#include "alloc_fail.h"
#include "format/folded_read.h"
#include "unit.h"

#include <string.h>

static bool probe(const char *text)
{
    return folded_format.probe((const uint8_t *)text, strlen(text));
}

static struct profile *read_text(const char *text, struct diag *diag, struct err *err)
{
    return folded_format.read((const uint8_t *)text, strlen(text), diag, err);
}

static void check_frame(const struct profile *p, uint64_t frame, const char *want)
{
    const struct profile_location *location = &p->locations[p->stack_locs[frame]];
    assert_int_equal(location->n_lines, 1);
    assert_string_equal(profile_cstr(p, p->functions[p->lines[location->first_line].function].name),
                        want);
}

static void stacks(void **state)
{
    struct diag diag;
    struct err err = {0};
    diag_init(&diag);
    struct profile *p = read_text("# austin: 1\n\nmain;f(int, char);g 12\r\nmain;main \t 7.5\n"
                                  "no count\nmain;; -2.5\nx;y 3z\nstart 1\n",
                                  &diag, &err);
    assert_non_null(p);
    assert_int_equal(p->n_samples, 4);
    assert_int_equal(p->n_locations, 4);
    check_frame(p, 0, "g");
    check_frame(p, 1, "f(int, char)");
    check_frame(p, 2, "main");
    check_frame(p, 3, "main");
    check_frame(p, 4, "main");
    assert_int_equal(p->stack_first[2], 5);
    check_frame(p, 5, "main");
    check_frame(p, 6, "start");
    const int64_t want[] = {12, 8, -3, 1};
    assert_memory_equal(p->values, want, sizeof want);
    assert_true(p->mappings[0].has_functions);
    assert_int_equal(diag.n, 1);
    assert_string_equal(diag.texts[0], "2 line(s) are no stacks, the first is line 5");
    profile_free(p);
    diag_release(&diag);
}

static void what_it_takes(void **state)
{
    assert_true(probe("a;b 1\n"));
    assert_true(probe("a 1\n\n# c\na;b 1"));
    assert_false(probe("a 1\n"));
    assert_false(probe("a;b 1\nhello\n"));
    assert_false(probe("a;b 99999999999999999999\n"));
    assert_false(probe("a;b\x01 1\n"));
    assert_false(probe(""));
    assert_false(probe("goroutine profile: total 7\n"));
    assert_false(probe(" 1\n"));
}

static void every_allocation_fails(void **state)
{
    for (long k = 0;; k++) {
        struct err err = {0};
        alloc_countdown = k;
        struct profile *p = read_text("a;b;c 1\nb;c 4\n", NULL, &err);
        bool failed = alloc_countdown < 0;
        alloc_countdown = -1;
        assert_true(p || (failed && err.code == ERR_NOMEM));
        profile_free(p);
        if (!failed)
            break;
        assert_true(k < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stacks),
        cmocka_unit_test(what_it_takes),
        cmocka_unit_test(every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
