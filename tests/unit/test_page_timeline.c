/* The timeline of the web page: samples by their times, functions over several moments. */
#include "page_json.h"

#include <stdio.h>

struct timed {
    const char *frames; /* a letter a function, outermost first */
    int64_t time, value;
    const char *thread; /* NULL: no such label */
};

static struct profile *make(const struct timed *samples, size_t n, const char *key,
                            const char *unit)
{
    struct builder *b = builder_new(NULL);
    uint32_t functions[128] = {0};
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("count")));
    for (size_t i = 0; i < n; i++) {
        uint32_t locs[8], n_locs = 0;
        struct profile_label labels[2];
        size_t n_labels = 0;
        for (size_t k = strlen(samples[i].frames); k--;) {
            char letter = samples[i].frames[k];
            struct profile_line line = {.function = made_function(b, functions, letter)};
            struct profile_location l = {.address = (uint64_t)letter, .mapping = PROFILE_NONE};
            locs[n_locs++] = builder_location(b, &l, &line, 1);
        }
        if (samples[i].time)
            labels[n_labels++] = (struct profile_label){.key = builder_string(b, str_of(key)),
                                                        .is_num = true,
                                                        .num = samples[i].time,
                                                        .unit = builder_string(b, str_of(unit))};
        if (samples[i].thread)
            labels[n_labels++] =
                (struct profile_label){.key = builder_string(b, STR("thread")),
                                       .str = builder_string(b, str_of(samples[i].thread))};
        builder_sample(b, locs, n_locs, &samples[i].value, labels, n_labels);
    }
    struct profile *p = builder_seal(b, NULL);
    assert_non_null(p);
    return p;
}

/* Four seconds, of which the width makes four bins. */
#define T INT64_C(1700000000000000000)
#define S INT64_C(1000000000)
static const struct timed samples[] = {
    {"ab", T, 1, "x"},         {"ab", T + S / 2, 2, "x"},       {"ac", T + S, 4, "y"},
    {"ab", T + 3 * S, 8, "x"}, {"ac", T + 4 * S - 4, 16, NULL}, {"ad", 0, 100, "x"},
};

static void write(struct page_json *p, const struct profile *profile, const char *pivot,
                  const char *by)
{
    struct page_ctx ctx = {.report.profile = profile, .width = 8, .pivot = pivot, .by = by};
    assert_true(page_json_write(p, "timeline", ctx));
}

static void samples_by_time(void **state)
{
    struct profile *profile = make(samples, 6, "timestamp_ns", "nanoseconds");
    struct page_json p;
    page_json_init(&p);
    write(&p, profile, NULL, NULL);
    page_json_has(&p, "\"keys\":[\"thread\"],\"mode\":\"samples\",\"names\":[],\"times\":"
                      "[1700000000,1700000001,1700000002,1700000003],\"relative\":false,"
                      "\"label\":{\"key\":\"timestamp_ns\",\"unit\":\"nanoseconds\",\"zero\":0,"
                      "\"factor\":1000000000},\"series\":["
                      "{\"name\":\"c\",\"values\":[0,4,0,16]},"
                      "{\"name\":\"b\",\"values\":[3,0,0,8]}]}");
    assert_string_equal(p.diag.texts[0], "1 samples have no time, and are not shown");
    write(&p, profile, "^b$", NULL);
    page_json_has(&p, "\"series\":[{\"name\":\"b\",\"values\":[3,0,0,8]}]}");
    write(&p, profile, NULL, "thread");
    page_json_has(&p, "\"series\":[{\"name\":\"none\",\"values\":[0,0,0,16]},"
                      "{\"name\":\"x\",\"values\":[3,0,0,8]},"
                      "{\"name\":\"y\",\"values\":[0,4,0,0]}]}");
    p.options.focus = "^c$";
    write(&p, profile, NULL, NULL);
    page_json_has(&p, "\"series\":[{\"name\":\"c\",\"values\":[4,");
    page_json_lacks(&p, "\"name\":\"b\"");
    page_json_release(&p);
    profile_free(profile);
}

/* Times of a clock that begins with the machine, in microseconds. */
static void relative_times(void **state)
{
    static const struct timed few[] = {{"a", 5000000, 1, NULL}, {"a", 6000000, 2, NULL}};
    struct profile *profile = make(few, 2, "time", "microseconds");
    struct page_json p;
    page_json_init(&p);
    struct page_ctx ctx = {.report.profile = profile, .width = 4};
    assert_true(page_json_write(&p, "timeline", ctx));
    page_json_has(&p, "\"times\":[0,0.500001],\"relative\":true,\"label\":{\"key\":\"time\","
                      "\"unit\":\"microseconds\",\"zero\":5000000,\"factor\":1000000},"
                      "\"series\":[{\"name\":\"a\",\"values\":[1,2]}]}");
    page_json_release(&p);
    profile_free(profile);
}

/* 15 functions: twelve lines and the others. */
static void others(void **state)
{
    struct timed many[15];
    char names[15][2];
    for (int i = 0; i < 15; i++) {
        names[i][0] = (char)('a' + i);
        names[i][1] = 0;
        many[i] = (struct timed){names[i], T, i + 1, NULL};
    }
    struct profile *profile = make(many, 15, "timestamp", "");
    struct page_json p;
    page_json_init(&p);
    page_json_of(&p, "timeline", profile);
    page_json_has(&p, "\"series\":[{\"name\":\"o\",\"values\":[15]},");
    page_json_has(&p, "{\"name\":\"d\",\"values\":[4]},{\"name\":\"others\",\"values\":[6]}]}");
    page_json_release(&p);
    profile_free(profile);
}

static void moments(void **state)
{
    static const struct timed before[] = {{"ab", 0, 1, NULL}, {"ac", 0, 5, NULL}};
    static const struct timed after[] = {{"ab", 0, 7, NULL}, {"ad", 0, 2, NULL}, {"a", 0, 3, NULL}};
    struct profile *first = make(before, 2, "", ""), *second = make(after, 3, "", "");
    const struct page_moment all[] = {{.name = "one.pb", .profile = first, .time_nanos = T},
                                      {.name = "<b>", .profile = second, .time_nanos = T + 60 * S}};
    struct page_ctx ctx = {.report.profile = second, .moments = all, .n_moments = 2};
    struct page_json p;
    page_json_init(&p);
    assert_null(page_find("timeline")->missing(&ctx));
    assert_true(page_json_write(&p, "timeline", ctx));
    page_json_has(&p, "\"mode\":\"sources\",\"times\":[1700000000,1700000060],\"relative\":false,"
                      "\"names\":[\"one.pb\",\"<b>\"],\"label\":null,\"series\":["
                      "{\"name\":\"b\",\"values\":[1,7]},{\"name\":\"c\",\"values\":[5,0]},"
                      "{\"name\":\"a\",\"values\":[0,3]},{\"name\":\"d\",\"values\":[0,2]}]}");
    p.options.sort = SORT_CUM;
    p.options.hide = "b";
    assert_true(page_json_write(&p, "timeline", ctx));
    page_json_has(&p, "\"series\":[{\"name\":\"a\",\"values\":[6,12]},"
                      "{\"name\":\"c\",\"values\":[5,0]},{\"name\":\"d\",\"values\":[0,2]}]}");
    page_json_release(&p);
    profile_free(first);
    profile_free(second);
}

static void without(void **state)
{
    struct profile *profile = page_json_profile("f", "f.c", 1);
    struct page_ctx ctx = {.report.profile = profile};
    struct page_json p;
    assert_string_equal(page_find("timeline")->missing(&ctx),
                        "times, and no other moments to compare");
    page_json_init(&p);
    page_json_of(&p, "timeline", profile);
    page_json_has(&p, "\"times\":[],\"relative\":true,\"label\":null,\"series\":[]}");
    page_json_release(&p);
    profile_free(profile);
    page_json_hostile("timeline");
}

static void hostile(void **state)
{
    static const struct timed odd[] = {{"a", INT64_MIN, INT64_MAX, "<script>"},
                                       {"b", INT64_MAX, INT64_MIN, "\xff"},
                                       {"c", -1, -5, ""}};
    struct profile *profile = make(odd, 3, "timestamp", "\xfe");
    struct page_json p;
    page_json_init(&p);
    page_json_of(&p, "timeline", profile);
    page_json_has(&p, "\"name\":\"b\"");
    write(&p, profile, NULL, "thread");
    page_json_has(&p, "\"name\":\"<script>\"");
    struct page_ctx ctx = {.report.profile = profile, .pivot = "("};
    assert_false(page_json_write(&p, "timeline", ctx));
    assert_int_equal(p.err.code, ERR_USAGE);
    page_json_release(&p);
    profile_free(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_by_time), cmocka_unit_test(relative_times),
        cmocka_unit_test(others),          cmocka_unit_test(moments),
        cmocka_unit_test(without),         cmocka_unit_test(hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
