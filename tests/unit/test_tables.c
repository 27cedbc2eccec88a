/* The tables of top, tree and peek for programs: JSON and CSV. */
#include "made.h"
#include "report/report.h"
#include "unit.h"

/* "C" is inlined into a or b; once also called. */
static const struct made_stack stacks[] = {{"aC", 6}, {"ab", 3}, {"abC", 1}};

static bool write(const char *report, const char *regexp, void (*set)(struct report_options *),
                  struct buf *out, struct err *err)
{
    struct made m;
    struct report_options options;
    made_init(&m, stacks, sizeof stacks / sizeof *stacks, NULL, NULL);
    report_options_init(&options);
    if (set)
        set(&options);
    const struct report_ctx ctx = {.profile = m.profile, .options = &options, .regexp = regexp};
    bool ok = report_find(report)->write(&ctx, out, err);
    made_release(&m);
    return ok;
}

static void check(const char *report, const char *regexp, void (*set)(struct report_options *),
                  const char *want)
{
    struct err err = {0};
    AUTO_BUF out = {0};
    assert_true(write(report, regexp, set, &out, &err));
    assert_string_equal(buf_str(&out), want);
}

#define HEAD                                                                                       \
    "{\"file\":\"/bin/prog\",\"build_id\":\"\",\"type\":\"cpu\",\"unit\":\"count\","               \
    "\"time_nanos\":0,\"duration_nanos\":0,\"comments\":[],\"filters\":{},"                        \
    "\"total\":10,\"shown\":10,\"n_nodes\":3,\"nodes\":[\n"

static void top_as_json(void **state)
{
    check("topjson", NULL, NULL,
          HEAD "{\"name\":\"c\",\"flat\":7,\"flat_percent\":70,\"sum_percent\":70,\"cum\":7,"
               "\"cum_percent\":70,\"inline\":\"inline\"},\n"
               "{\"name\":\"b\",\"flat\":3,\"flat_percent\":30,\"sum_percent\":100,\"cum\":4,"
               "\"cum_percent\":40},\n"
               "{\"name\":\"a\",\"flat\":0,\"flat_percent\":0,\"sum_percent\":100,\"cum\":10,"
               "\"cum_percent\":100}]}\n");
}

static void peek_as_json(void **state)
{
    check("peekjson", "^b$", NULL,
          HEAD "{\"name\":\"b\",\"flat\":3,\"flat_percent\":30,\"sum_percent\":30,\"cum\":4,"
               "\"cum_percent\":40,\"callers\":[{\"name\":\"a\",\"value\":4,\"percent\":100}],"
               "\"callees\":[{\"name\":\"c\",\"value\":1,\"percent\":25,\"inline\":\"inline\"}]}"
               "]}\n");
}

static void lines_and_filters(struct report_options *o)
{
    o->granularity = GRANULARITY_LINES;
    o->focus = "^b$";
    o->nodecount = 1;
    o->divide_by = 0.5;
}

static void options_as_json(void **state)
{
    check("topjson", NULL, lines_and_filters,
          "{\"file\":\"/bin/prog\",\"build_id\":\"\",\"type\":\"cpu\",\"unit\":\"count\","
          "\"time_nanos\":0,\"duration_nanos\":0,\"comments\":[],\"filters\":{\"focus\":\"^b$\"},"
          "\"total\":20,\"shown\":6,\"n_nodes\":3,\"nodes\":[\n"
          "{\"name\":\"b b.c:11\",\"function\":\"b\",\"filename\":\"b.c\",\"line\":11,\"flat\":6,"
          "\"flat_percent\":30,\"sum_percent\":30,\"cum\":8,\"cum_percent\":40}]}\n");
}

static void top_as_csv(void **state)
{
    check("topcsv", NULL, NULL,
          "name,flat,flat_percent,sum_percent,cum,cum_percent,unit,inline\n"
          "c,7,70.0000,70.0000,7,70.0000,count,inline\n"
          "b,3,30.0000,100.0000,4,40.0000,count,\n"
          "a,0,0.0000,100.0000,10,100.0000,count,\n");
}

#define TREE_HEAD "node,kind,name,flat,flat_percent,sum_percent,cum,cum_percent,unit,inline\n"

static void tree_as_csv(void **state)
{
    check("treecsv", NULL, NULL,
          TREE_HEAD "c,caller,a,,,,6,85.7143,count,inline\n"
                    "c,caller,b,,,,1,14.2857,count,inline\n"
                    "c,node,c,7,70.0000,70.0000,7,70.0000,count,inline\n"
                    "b,caller,a,,,,4,100.0000,count,\n"
                    "b,node,b,3,30.0000,100.0000,4,40.0000,count,\n"
                    "b,callee,c,,,,1,25.0000,count,inline\n"
                    "a,node,a,0,0.0000,100.0000,10,100.0000,count,\n"
                    "a,callee,c,,,,6,60.0000,count,inline\n"
                    "a,callee,b,,,,4,40.0000,count,\n");
}

static void peek_as_csv(void **state)
{
    check("peekcsv", "^a$", NULL,
          TREE_HEAD "a,node,a,0,0.0000,0.0000,10,100.0000,count,\n"
                    "a,callee,c,,,,6,60.0000,count,inline\n"
                    "a,callee,b,,,,4,40.0000,count,\n");
}

static void a_regexp_that_matches_nothing(void **state)
{
    struct err err = {0};
    AUTO_BUF out = {0};
    assert_false(write("peekjson", "zzz", NULL, &out, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.msg, "no matches found for regexp: zzz");
    assert_false(write("peekcsv", "zzz", NULL, &out, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(top_as_json),
        cmocka_unit_test(peek_as_json),
        cmocka_unit_test(options_as_json),
        cmocka_unit_test(top_as_csv),
        cmocka_unit_test(tree_as_csv),
        cmocka_unit_test(peek_as_csv),
        cmocka_unit_test(a_regexp_that_matches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
