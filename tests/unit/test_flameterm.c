/* Flame graphs of characters: widths, labels, colours, what is left out. */
#include "made.h"
#include "report/report.h"
#include "unit.h"

static void check(const struct made_stack *stacks, size_t n, struct report_screen screen,
                  const char *want)
{
    struct made m;
    struct report_options options;
    struct err err = {0};
    AUTO_BUF out = {0};
    made_init(&m, stacks, n, NULL, NULL);
    report_options_init(&options);
    const struct report_ctx ctx = {.profile = m.profile, .options = &options, .screen = screen};
    assert_true(report_find("flameterm")->write(&ctx, &out, &err));
    assert_string_equal(buf_str(&out), want);
    made_release(&m);
}
#define CHECK(screen, want, ...)                                                                   \
    check((struct made_stack[]){__VA_ARGS__},                                                      \
          sizeof((struct made_stack[]){__VA_ARGS__}) / sizeof(struct made_stack), screen, want)

#define COLUMNS(n) ((struct report_screen){.n_columns = (n)})
#define E "\u258f"
#define S "\u2591"
#define S4 S S S S
#define HEAD "File: prog\nType: cpu\n\n"

static void boxes_are_as_wide_as_their_share(void **state)
{
    CHECK(COLUMNS(20),
          HEAD E "all 100%" S4 S4 S S S "\n" E "a 75.00%" S4 S S E "b" S S S "\n" E "c 50.00%" S
                 "     " E "d" S "\n"
                 "\nOwn values:  prog 100%\n"
                 "1 calls are narrower than a column and left out.\n",
          {"ac", 200}, {"a", 100}, {"bd", 60}, {"b", 38}, {"be", 2});
}

static void a_name_that_does_not_fit(void **state)
{
    CHECK(COLUMNS(4), HEAD E "all\n" E "a" S S "\n\nOwn values:  prog 100%\n", {"a", 1});
    CHECK(COLUMNS(3), HEAD E "a\u2026\n" E "a" S "\n\nOwn values:  prog 100%\n", {"a", 1});
    CHECK(COLUMNS(1), HEAD E "\n" E "\n\nOwn values:  prog 100%\n", {"a", 1});
}

static void colours_where_they_are_wanted(void **state)
{
    struct made m;
    struct report_options options;
    AUTO_BUF out = {0};
    made_init(&m, (struct made_stack[]){{"a", 1}}, 1, NULL, NULL);
    report_options_init(&options);
    const struct report_ctx ctx = {
        .profile = m.profile, .options = &options, .screen = {.n_columns = 10, .has_color = true}};
    assert_true(report_find("flameterm")->write(&ctx, &out, NULL));
    assert_non_null(strstr(buf_str(&out), "\033[48;5;254m\033[38;5;16m" E "all 100% \033[0m\n"));
    assert_null(strstr(buf_str(&out), S));
    made_release(&m);
}

static void nothing_to_draw(void **state)
{
    CHECK(COLUMNS(20), HEAD "No samples.\n", {"a", 0});
}

static void names_cannot_move_the_cursor(void **state)
{
    struct builder *b = builder_new(NULL);
    struct report_options options;
    AUTO_BUF out = {0};
    builder_type(b, builder_string(b, STR("n")), builder_string(b, STR("count")));
    struct profile_function f = {.name = builder_string(b, STR("a\033[2J\xc2\x9b\xff"))};
    struct profile_line line = {.function = builder_function(b, &f)};
    uint32_t loc =
        builder_location(b, &(struct profile_location){.mapping = PROFILE_NONE}, &line, 1);
    builder_sample(b, &loc, 1, &(int64_t){7}, NULL, 0);
    struct profile *p = builder_seal(b, NULL);
    report_options_init(&options);
    const struct report_ctx ctx = {.profile = p, .options = &options, .screen = COLUMNS(14)};
    assert_true(report_find("flameterm")->write(&ctx, &out, NULL));
    assert_non_null(strstr(buf_str(&out), E "a\ufffd[2J\ufffd\ufffd 100%" S "\n"));
    assert_null(strchr(buf_str(&out), '\033'));
    profile_free(p);
}

static void the_legend_takes_as_many_rows_as_it_needs(void **state)
{
    static const char *const names[] = {"one::a", "two::b", "three::c"};
    struct builder *b = builder_new(NULL);
    struct report_options options;
    AUTO_BUF out = {0};
    builder_type(b, builder_string(b, STR("n")), builder_string(b, STR("count")));
    for (int64_t i = 0; i < 3; i++) {
        struct profile_function f = {.name = builder_string(b, str_of(names[i]))};
        struct profile_line line = {.function = builder_function(b, &f)};
        uint32_t loc =
            builder_location(b, &(struct profile_location){.mapping = PROFILE_NONE}, &line, 1);
        builder_sample(b, &loc, 1, &(int64_t){20 + 10 * i}, NULL, 0);
    }
    struct profile *p = builder_seal(b, NULL);
    report_options_init(&options);
    const struct report_ctx ctx = {.profile = p, .options = &options, .screen = COLUMNS(37)};
    assert_true(report_find("flameterm")->write(&ctx, &out, NULL));
    assert_non_null(strstr(buf_str(&out), "\nOwn values:  three 44.44%  two 33.33%\n"
                                          "             one 22.22%\n"));
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_are_as_wide_as_their_share),
        cmocka_unit_test(a_name_that_does_not_fit),
        cmocka_unit_test(colours_where_they_are_wanted),
        cmocka_unit_test(nothing_to_draw),
        cmocka_unit_test(names_cannot_move_the_cursor),
        cmocka_unit_test(the_legend_takes_as_many_rows_as_it_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
