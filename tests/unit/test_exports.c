/* What other tools read: folded stacks and files of speedscope and Firefox. */
#include "made.h"
#include "report/report.h"
#include "unit.h"

#include <stdlib.h>

static const struct made_stack stacks[] = {{"ab", 3}, {"aBc", 5}, {"ab", 2}, {"x?", 1}, {"y", -4}};

static void write(const char *report, void (*set)(struct report_options *), struct diag *diag,
                  struct buf *out)
{
    struct made m;
    struct report_options options;
    struct err err = {0};
    made_init(&m, stacks, sizeof stacks / sizeof *stacks, NULL, NULL);
    report_options_init(&options);
    if (set)
        set(&options);
    const struct report_ctx ctx = {.profile = m.profile, .options = &options, .diag = diag};
    assert_true(report_find(report)->write(&ctx, out, &err));
    made_release(&m);
}

static void check(const char *report, void (*set)(struct report_options *), const char *want)
{
    AUTO_BUF out = {0};
    write(report, set, NULL, &out);
    assert_string_equal(buf_str(&out), want);
}

static void folded(void **state)
{
    check("folded", NULL, "a;b 5\na;b;c 5\nx;[prog] 1\ny -4\n");
}

static void focus_c(struct report_options *o)
{
    o->focus = "^c$";
}

static void lines(struct report_options *o)
{
    o->focus = "^c$";
    o->granularity = GRANULARITY_LINES;
}

static void folded_by_options(void **state)
{
    check("folded", focus_c, "a;b;c 5\n");
    check("folded", lines, "a a.c:1;b b.c:11;c c.c:21 5\n");
}

static void folded_names_do_not_separate(void **state)
{
    struct builder *b = builder_new(NULL);
    struct report_options options;
    AUTO_BUF out = {0};
    builder_type(b, builder_string(b, STR("n")), builder_string(b, STR("count")));
    struct profile_function f = {.name = builder_string(b, STR("f;g\nh i"))};
    struct profile_line line = {.function = builder_function(b, &f)};
    uint32_t loc =
        builder_location(b, &(struct profile_location){.mapping = PROFILE_NONE}, &line, 1);
    builder_sample(b, &loc, 1, &(int64_t){7}, NULL, 0);
    struct profile *p = builder_seal(b, NULL);
    assert_non_null(p);
    report_options_init(&options);
    const struct report_ctx ctx = {.profile = p, .options = &options};
    assert_true(report_find("folded")->write(&ctx, &out, NULL));
    assert_string_equal(buf_str(&out), "f:g h i 7\n");
    profile_free(p);
}

static void speedscope(void **state)
{
    check("speedscope", NULL,
          "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\","
          "\"exporter\":\"sonde\",\"shared\":{\"frames\":[\n"
          "{\"name\":\"b\",\"file\":\"b.c\"},\n{\"name\":\"a\",\"file\":\"a.c\"},\n"
          "{\"name\":\"c\",\"file\":\"c.c\"},\n{\"name\":\"[prog]\"},\n"
          "{\"name\":\"x\",\"file\":\"x.c\"},\n{\"name\":\"y\",\"file\":\"y.c\"}]},\n"
          "\"profiles\":[{\"type\":\"sampled\",\"name\":\"prog cpu\",\"unit\":\"none\","
          "\"weights\":[5,5,1],\"startValue\":0,\"endValue\":11,\n\"samples\":[\n"
          "[1,0],\n[1,0,2],\n[4,3]]}]}\n");
}

static void speedscope_lines(void **state)
{
    AUTO_BUF out = {0};
    write("speedscope", lines, NULL, &out);
    assert_non_null(strstr(buf_str(&out), "{\"name\":\"b\",\"file\":\"b.c\",\"line\":11}"));
}

static void speedscope_tells_what_it_leaves_out(void **state)
{
    AUTO_BUF out = {0};
    struct diag diag;
    diag_init(&diag);
    write("speedscope", NULL, &diag, &out);
    assert_int_equal(diag.n, 1);
    assert_string_equal(diag.texts[0],
                        "1 stack with a negative value left out, which speedscope cannot show");
    diag_release(&diag);
}

static void firefox(void **state)
{
    static const char *const parts[] = {
        "\"preprocessedProfileVersion\":55,",
        "\"threads\":[{\"name\":\"prog cpu\",",
        "\n\"stringArray\":[\"b\",\"a\",\"c\",\"[prog]\",\"x\",\"y\",\"\",\"b.c\",\"a.c\","
        "\"c.c\",\"x.c\",\"y.c\",\"prog\"],\n",
        "\"fileName\":[7,8,9,null,10,11]",
        "\"resourceTable\":{\"length\":1,\"lib\":[0],\"name\":[12],",
        "\"stackTable\":{\"length\":6,\"frame\":[1,0,2,4,3,5],"
        "\"prefix\":[null,0,1,null,3,null]},\n",
        "\"samples\":{\"length\":4,\"weightType\":\"samples\",\"stack\":[1,2,4,5],"
        "\"weight\":[5,5,1,-4],\"time\":[0,5,10,11]}}]}\n",
    };
    AUTO_BUF out = {0};
    write("firefox", NULL, NULL, &out);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(buf_str(&out), parts[i]))
            assert_string_equal(buf_str(&out), parts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folded),
        cmocka_unit_test(folded_by_options),
        cmocka_unit_test(folded_names_do_not_separate),
        cmocka_unit_test(speedscope),
        cmocka_unit_test(speedscope_lines),
        cmocka_unit_test(speedscope_tells_what_it_leaves_out),
        cmocka_unit_test(firefox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
