/* The graph of the web page: what it says of functions and calls, and where it puts them. */
#include "page_json.h"

/* "C" is inlined into a. */
static const struct made_stack stacks[] = {{"aC", 6}, {"ab", 3}, {"abc", 1}};

static void boxes_and_arrows(void **state)
{
    struct made m;
    struct page_json p;
    made_init(&m, stacks, 3, NULL, NULL);
    page_json_init(&p);
    page_json_of(&p, "graph", m.profile);
    page_json_has(&p, "{\"title\":\"prog cpu\",\"legend\":[\"File: prog\",\"Type: cpu\","
                      "\"Showing nodes accounting for 10, 100% of 10 total\",\"\","
                      "\"See https://git.io/JfYMW for how to read the graph\"],");
    page_json_has(&p, "\"total\":10,");
    page_json_has(&p, "\"lines\":[\"a\",\"0 of 10 (100%)\"],\"tooltip\":\"a (10)\",\"tag\":false,"
                      "\"name\":\"a\"}");
    page_json_has(&p, "\"font\":24,\"color\":\"#b21200\",\"fill\":\"#edd7d5\","
                      "\"lines\":[\"c\",\"7 (70.00%)\"]");
    page_json_has(&p, "\"lines\":[\"b\",\"3 (30.00%)\",\"of 4 (40.00%)\"]");
    page_json_has(&p, "\"label\":[\"6\",\"(inline)\"]");
    page_json_has(&p, "\"tooltip\":\"a -> c (6)\"");
    page_json_has(&p, "\"tooltip\":\"b -> c (1)\"");
    page_json_lacks(&p, "a.c"); /* the legend is the page's, not in the picture */
    page_json_release(&p);
    made_release(&m);
}

static void fewer_nodes(void **state)
{
    struct made m;
    struct page_json p;
    made_init(&m, stacks, 3, NULL, NULL);
    page_json_init(&p);
    p.options.nodecount = 1;
    page_json_of(&p, "graph", m.profile);
    page_json_has(&p, "\"Showing top 1 nodes out of 3\"");
    page_json_has(&p, "\"id\":\"node1\"");
    page_json_lacks(&p, "\"id\":\"node2\"");
    page_json_has(&p, "\"arrows\":[]");
    page_json_release(&p);
    made_release(&m);
}

/* 60 functions that call each other, all ways: more arrows than a picture can have. */
static void too_many_arrows(void **state)
{
    struct builder *b = builder_new(NULL);
    uint32_t locations[60];
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("count")));
    for (uint32_t i = 0; i < 60; i++) {
        char name[] = {'f', (char)('a' + i / 26), (char)('a' + i % 26), 0};
        struct profile_function f = {.name = builder_string(b, str_of(name))};
        struct profile_line line = {.function = builder_function(b, &f)};
        struct profile_location l = {.address = 1 + i, .mapping = PROFILE_NONE};
        locations[i] = builder_location(b, &l, &line, 1);
    }
    for (uint32_t i = 0; i < 60; i++)
        for (uint32_t k = 0; k < 60; k++) {
            int64_t value = i * 60 + k;
            builder_sample(b, (uint32_t[]){locations[k], locations[i]}, 2, &value, NULL, 0);
        }
    struct profile *profile = builder_seal(b, NULL);
    struct page_json p;
    size_t n = 0;
    page_json_init(&p);
    p.options.nodefraction = p.options.edgefraction = 0;
    page_json_of(&p, "graph", profile);
    for (const char *s = buf_str(&p.text); (s = strstr(s, "\"head\":")); s++)
        n++;
    assert_int_equal(n, 1000);
    assert_int_equal(p.diag.n, 1);
    assert_string_equal(p.diag.texts[0],
                        "the 1000 arrows with the largest values are shown, of 3540");
    page_json_has(&p, "\"tooltip\":\"fch -> fcg (3598)\"");
    page_json_lacks(&p, "\"tooltip\":\"faa -> fab (1)\"");
    page_json_release(&p);
    profile_free(profile);
}

static void hostile(void **state)
{
    struct page_json p;
    struct profile *profile = page_json_profile("<script>x", "f.c", 5);
    page_json_hostile("graph");
    page_json_init(&p);
    page_json_of(&p, "graph", profile);
    page_json_has(&p, "\"name\":\"<script>x\"");
    page_json_release(&p);
    profile_free(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_and_arrows),
        cmocka_unit_test(fewer_nodes),
        cmocka_unit_test(too_many_arrows),
        cmocka_unit_test(hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
