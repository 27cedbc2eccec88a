/* The peek view of the web page: functions with their callers and callees. */
#include "page_json.h"

#include <stdio.h>

/* "C" is inlined into a or b. */
static const struct made_stack stacks[] = {{"aC", 6}, {"ab", 3}, {"abC", 1}};

#define NODE_B                                                                                     \
    "{\"name\":\"b\",\"flat\":3,\"cum\":4,\"callers\":[{\"name\":\"a\",\"value\":4,"               \
    "\"inlined\":false}],\"more_callers\":0,\"callees\":[{\"name\":\"c\",\"value\":1,"             \
    "\"inlined\":true}],\"more_callees\":0}"

static void a_function(void **state)
{
    struct made m;
    struct page_json p;
    made_init(&m, stacks, 3, NULL, NULL);
    page_json_init(&p);
    p.regexp = "^b$";
    page_json_of(&p, "peek", m.profile);
    page_json_has(&p, "\"nodes\":[" NODE_B "],\"more\":0}");
    /* p goes before f, and f is the focus where it is not told apart. */
    struct page_ctx ctx = {.report.profile = m.profile, .pivot = "^c$"};
    assert_true(page_json_write(&p, "peek", ctx));
    page_json_has(&p,
                  "\"nodes\":[{\"name\":\"c\",\"flat\":7,\"cum\":7,\"callers\":[{\"name\":\"a\","
                  "\"value\":6,\"inlined\":true},{\"name\":\"b\",\"value\":1,\"inlined\":true}],"
                  "\"more_callers\":0,\"callees\":[],\"more_callees\":0}],\"more\":0}");
    page_json_release(&p);
    made_release(&m);
}

static void all_of_them(void **state)
{
    struct made m;
    struct page_json p;
    made_init(&m, stacks, 3, NULL, NULL);
    page_json_init(&p);
    page_json_of(&p, "peek", m.profile);
    page_json_has(&p, "\"nodes\":[{\"name\":\"c\",");
    page_json_has(&p, "}," NODE_B ",{\"name\":\"a\",");
    p.options.nodecount = 1;
    page_json_of(&p, "peek", m.profile);
    page_json_has(&p, "\"nodes\":[{\"name\":\"c\",");
    page_json_lacks(&p, NODE_B);
    page_json_has(&p, "\"more\":2}");
    page_json_release(&p);
    made_release(&m);
}

/* A function with 150 callers, of which those with the largest values are shown; 150 that
 * match, likewise. */
static void too_many(void **state)
{
    struct builder *b = builder_new(NULL);
    uint32_t leaf = 0;
    builder_type(b, builder_string(b, STR("cpu")), builder_string(b, STR("count")));
    for (uint32_t i = 0; i <= 150; i++) {
        char name[16];
        snprintf(name, sizeof name, i ? "caller%03u" : "leaf", i);
        struct profile_function f = {.name = builder_string(b, str_of(name))};
        struct profile_line line = {.function = builder_function(b, &f)};
        struct profile_location l = {.address = 1 + i, .mapping = PROFILE_NONE};
        uint32_t location = builder_location(b, &l, &line, 1);
        int64_t value = i;
        if (!i)
            leaf = location;
        else
            builder_sample(b, (uint32_t[]){leaf, location}, 2, &value, NULL, 0);
    }
    struct profile *profile = builder_seal(b, NULL);
    struct page_json p;
    page_json_init(&p);
    p.regexp = "leaf";
    page_json_of(&p, "peek", profile);
    page_json_has(&p, "\"callers\":[{\"name\":\"caller150\",\"value\":150,");
    page_json_has(&p, "\"name\":\"caller051\"");
    page_json_lacks(&p, "\"name\":\"caller050\"");
    page_json_has(&p, "\"more_callers\":50,");
    p.regexp = "caller";
    p.options.sort = SORT_CUM;
    page_json_of(&p, "peek", profile);
    page_json_has(&p, "\"name\":\"caller051\"");
    page_json_lacks(&p, "\"name\":\"caller050\"");
    page_json_has(&p, "\"more\":50}");
    page_json_release(&p);
    profile_free(profile);
}

static void hostile(void **state)
{
    page_json_hostile("peek");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function),
        cmocka_unit_test(all_of_them),
        cmocka_unit_test(too_many),
        cmocka_unit_test(hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
