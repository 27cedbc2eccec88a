#include "render/csv.h"
#include "unit.h"

#include <math.h>

static void field(const char *in, size_t len, const char *want)
{
    AUTO_BUF buf = {0};
    struct csv c = {.out = &buf};
    csv_string(&c, (struct str){in, len});
    assert_string_equal(buf_str(&buf), want);
}

static void quotes_only_where_needed(void **state)
{
    field("", 0, "");
    field("main.main", 9, "main.main");
    field("f(int, char)", 12, "\"f(int, char)\"");
    field("say \"a\"", 7, "\"say \"\"a\"\"\"");
    field("a\nb", 3, "\"a\nb\"");
    field(" a", 2, "\" a\"");
    field("a ", 2, "\"a \"");
    field("a b", 3, "a b");
    field("\xc3\xa9\xff", 3, "\xc3\xa9\xef\xbf\xbd");
}

static void rows(void **state)
{
    AUTO_BUF buf = {0};
    struct csv c = {.out = &buf};
    csv_head(&c, "name,flat,share");
    csv_string(&c, STR("a,b"));
    csv_int(&c, INT64_MIN);
    csv_decimal(&c, 12.34567);
    csv_end_row(&c);
    csv_empty(&c);
    csv_empty(&c);
    csv_decimal(&c, -0.5);
    csv_end_row(&c);
    csv_decimal(&c, NAN);
    csv_end_row(&c);
    assert_string_equal(buf_str(&buf), "name,flat,share\n"
                                       "\"a,b\",-9223372036854775808,12.3457\n"
                                       ",,-0.5000\n"
                                       "0.0000\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_only_where_needed),
        cmocka_unit_test(rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
