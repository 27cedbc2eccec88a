/* The disassembly of the web page where there is no program: its functions are named, with
 * the reason.  (What there is of programs is compared with the reports in
 * tests/integration/page_data.) */
#include "page_json.h"

static const struct made_stack stacks[] = {{"ab", 3}, {"abc", 1}, {"aac", 2}};

static void no_program(void **state)
{
    struct made m;
    struct page_json p;
    made_init(&m, stacks, 3, NULL, NULL);
    page_json_init(&p);
    page_json_of(&p, "disasm", m.profile);
    page_json_has(&p, "\"functions\":[{\"name\":\"b\",\"file\":\"/bin/prog\",\"aliases\":[],"
                      "\"flat\":3,\"cum\":4,\"missing\":[\"No machine code: cannot open "
                      "'/bin/prog': No such file or directory.");
    page_json_has(&p,
                  "{\"name\":\"c\",\"file\":\"/bin/prog\",\"aliases\":[],\"flat\":3,\"cum\":3,");
    page_json_has(&p,
                  "{\"name\":\"a\",\"file\":\"/bin/prog\",\"aliases\":[],\"flat\":0,\"cum\":6,");
    p.regexp = "c";
    page_json_of(&p, "disasm", m.profile);
    page_json_has(&p, "\"functions\":[{\"name\":\"c\",");
    page_json_lacks(&p, "\"name\":\"b\"");
    p.regexp = "nowhere";
    assert_false(page_json_write(&p, "disasm", (struct page_ctx){.report.profile = m.profile}));
    assert_int_equal(p.err.code, ERR_USAGE);
    assert_string_equal(p.err.msg, "no matches found for regexp nowhere");
    page_json_release(&p);
    made_release(&m);
}

static void hostile(void **state)
{
    page_json_hostile("disasm");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_program),
        cmocka_unit_test(hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
