/* The labels of the web page, and the filters that come with them. */
#include "page_json.h"

#include <stdio.h>

struct labelled {
    const char *key, *text; /* text NULL: the number */
    int64_t num;
    const char *unit;
    int64_t value;
};

static struct profile *make(const struct labelled *samples, size_t n)
{
    struct builder *b = builder_new(NULL);
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("count")));
    for (size_t i = 0; i < n; i++) {
        const struct labelled *s = &samples[i];
        struct profile_label label = {
            .key = builder_string(b, str_of(s->key)), .is_num = !s->text, .num = s->num};
        if (s->text)
            label.str = builder_string(b, str_of(s->text));
        else
            label.unit = builder_string(b, str_of(s->unit));
        builder_sample(b, NULL, 0, &s->value, &label, 1);
    }
    struct profile *p = builder_seal(b, NULL);
    assert_non_null(p);
    return p;
}

static const struct labelled samples[] = {
    {"thread", "main", 0, NULL, 5},   {"thread", "a.b,c=d (1)", 0, NULL, 9},
    {"thread", "main2", 0, NULL, 1},  {"odd=key", "x", 0, NULL, 2},
    {"size", NULL, 4096, "bytes", 3}, {"size", NULL, 4097, "bytes", 4},
    {"size", NULL, 8192, "bytes", 1}, {"request_id", NULL, 7, "", 6},
    {"request_id", NULL, -7, "", 1},  {"wait", NULL, 1500, "nanoseconds", 8},
};
#define N_SAMPLES (sizeof samples / sizeof *samples)

static void values(void **state)
{
    struct profile *profile = make(samples, N_SAMPLES);
    struct page_json p;
    page_json_init(&p);
    page_json_of(&p, "tags", profile);
    assert_null(page_find("tags")->missing(&(struct page_ctx){.report.profile = profile}));
    page_json_has(&p,
                  "{\"key\":\"thread\",\"total\":15,\"number\":false,\"values\":["
                  "{\"text\":\"a.b,c=d (1)\",\"value\":9,"
                  "\"filter\":\"thread=^a\\\\.b\\\\x2cc\\\\x3dd \\\\(1\\\\)$\"},"
                  "{\"text\":\"main\",\"value\":5,\"filter\":\"thread=^main$\"},"
                  "{\"text\":\"main2\",\"value\":1,\"filter\":\"thread=^main2$\"}],\"more\":0}");
    page_json_has(&p, "{\"key\":\"size\",\"total\":8,\"number\":true,\"values\":["
                      "{\"text\":\"4kB\",\"value\":7,\"filter\":\"size=4096bytes:4097bytes\"},"
                      "{\"text\":\"8kB\",\"value\":1,\"filter\":\"size=8192bytes\"}]");
    page_json_has(&p, "{\"text\":\"7\",\"value\":6,\"filter\":\"request_id=7\"}");
    page_json_has(&p, "{\"text\":\"1.50us\",\"value\":8,\"filter\":\"wait=1500nanoseconds\"}");
    page_json_has(&p, "\"filter\":\"^odd\\\\x3dkey:x$\"");
    page_json_release(&p);
    profile_free(profile);
}

/* Each filter leaves what its value says: the total of the profile that it is given to. */
static void filters(void **state)
{
    static const struct {
        const char *filter;
        int64_t value;
    } cases[] = {
        {"thread=^a\\.b\\x2cc\\x3dd \\(1\\)$", 9},
        {"thread=^main$", 5},
        {"size=4096bytes:4097bytes", 7},
        {"size=8192bytes", 1},
        {"request_id=7", 6},
        {"request_id=-7", 1},
        {"wait=1500nanoseconds", 8},
        {"^odd\\x3dkey:x$", 2},
    };
    struct profile *profile = make(samples, N_SAMPLES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct page_json p;
        char want[64];
        snprintf(want, sizeof want, "\"total\":%d,\"steps\"", (int)cases[i].value);
        page_json_init(&p);
        p.options.tagfocus = cases[i].filter;
        p.options.relative_percentages = true;
        page_json_of(&p, "tags", profile);
        page_json_has(&p, want);
        page_json_release(&p);
    }
    profile_free(profile);
}

static void many_values(void **state)
{
    struct labelled many[250];
    for (int i = 0; i < 250; i++)
        many[i] = (struct labelled){"n", NULL, i, "", i + 1};
    struct profile *profile = make(many, 250);
    struct page_json p;
    page_json_init(&p);
    page_json_of(&p, "tags", profile);
    page_json_has(&p, "\"value\":51,");
    page_json_lacks(&p, "\"value\":50,");
    page_json_has(&p, "\"more\":50}]}");
    page_json_release(&p);
    profile_free(profile);
}

static void without(void **state)
{
    struct profile *profile = page_json_profile("f", "f.c", 1);
    struct page_json p;
    assert_string_equal(page_find("tags")->missing(&(struct page_ctx){.report.profile = profile}),
                        "labels in this profile");
    page_json_init(&p);
    page_json_of(&p, "tags", profile);
    page_json_has(&p, "\"tags\":[]}");
    page_json_release(&p);
    profile_free(profile);
    page_json_hostile("tags");
}

static void hostile(void **state)
{
    static const struct labelled odd[] = {
        {"", "", 0, NULL, 1},
        {"<script>", "<script>\xff", 0, NULL, INT64_MAX},
        {"k\xfe", "v", 0, NULL, -1},
        {"n", NULL, INT64_MIN, "bytes", INT64_MIN},
        {"n", NULL, INT64_MAX, "\xff", 1},
    };
    struct profile *profile = make(odd, sizeof odd / sizeof *odd);
    struct page_json p;
    page_json_init(&p);
    page_json_of(&p, "tags", profile);
    page_json_has(&p, "\"text\":\"<script>\xef\xbf\xbd\"");
    page_json_release(&p);
    profile_free(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),  cmocka_unit_test(filters), cmocka_unit_test(many_values),
        cmocka_unit_test(without), cmocka_unit_test(hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
