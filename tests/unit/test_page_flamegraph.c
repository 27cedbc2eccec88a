/* The flame graph's data: numbers, and what is not to be there. */
#include "made.h"
#include "page/page.h"
#include "unit.h"

/* What the view says of stacks, from its frames on. */
static void check(const struct made_stack *stacks, size_t n, const char *want)
{
    struct made m;
    struct err err = {0};
    struct report_options options;
    AUTO_BUF out = {0};
    struct json j = {.out = &out};
    made_init(&m, stacks, n, NULL, NULL);
    report_options_init(&options);
    const struct page_ctx ctx = {.report = {.profile = m.profile, .options = &options}};
    json_open(&j, '{');
    assert_true(page_find("flamegraph")->write(&ctx, &j, &err));
    json_close(&j, '}');
    const char *frames = strstr(buf_str(&out), "\"frames\":");
    assert_non_null(frames);
    assert_string_equal(frames, want);
    made_release(&m);
}

static void boxes_are_what_stacks_add_up_to(void **state)
{
    static const struct made_stack stacks[] = {{"aC", 6}, {"ab", 3}, {"abC", 1}};
    check(stacks, 3,
          "\"frames\":{\"names\":[\"a\",\"c\",\"b\"],\"lines\":[0,0,0],\"shades\":[1,1,1],"
          "\"files\":[0,1,2],\"texts\":[\"a.c\",\"c.c\",\"b.c\"],"
          "\"groups\":[{\"name\":\"prog\",\"hue\":11,\"grey\":false,\"self\":10}],"
          "\"modules\":[0,0,0]},"
          "\"callees\":{\"frame\":[-1,0,1,2,1],\"children\":[1,2,0,1,0],"
          "\"value\":[10,10,6,4,1],\"self\":[0,0,6,3,1],\"inlined\":[2,4],\"cut\":[]},"
          "\"callers\":null,\"pivot\":null,\"zoom\":null,\"search\":null,\"smallest\":1}");
}

static void nothing_is_one_box(void **state)
{
    check(NULL, 0,
          "\"frames\":{\"names\":[],\"lines\":[],\"shades\":[],\"files\":[],\"texts\":[],"
          "\"groups\":[],\"modules\":[]},"
          "\"callees\":{\"frame\":[-1],\"children\":[0],\"value\":[0],\"self\":[0],"
          "\"inlined\":[],\"cut\":[]},"
          "\"callers\":null,\"pivot\":null,\"zoom\":null,\"search\":null,\"smallest\":1}");
}

static void what_is_too_small_is_counted(void **state)
{
    static const struct made_stack stacks[] = {{"ab", 4000}, {"ac", 1}, {"ad", 0}};
    check(stacks, 3,
          "\"frames\":{\"names\":[\"a\",\"b\"],\"lines\":[0,0],\"shades\":[1,1],"
          "\"files\":[0,1],\"texts\":[\"a.c\",\"b.c\"],"
          "\"groups\":[{\"name\":\"prog\",\"hue\":11,\"grey\":false,\"self\":4001}],"
          "\"modules\":[0,0]},"
          "\"callees\":{\"frame\":[-1,0,1],\"children\":[1,1,0],\"value\":[4001,4001,4000],"
          "\"self\":[0,0,4000],\"inlined\":[],\"cut\":[[1,1,1]]},"
          "\"callers\":null,\"pivot\":null,\"zoom\":null,\"search\":null,\"smallest\":2}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_are_what_stacks_add_up_to),
        cmocka_unit_test(nothing_is_one_box),
        cmocka_unit_test(what_is_too_small_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
