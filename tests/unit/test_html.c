/* html: what is escaped. */
#include "unit.h"

#include "render/html.h"

static void escapes(void **state)
{
    AUTO_BUF out = {0};
    html_text(&out, STR("a<b>&\"c\"+'d'\0e \xc3\xa9\xff"));
    assert_string_equal(buf_str(&out),
                        "a&lt;b&gt;&amp;&#34;c&#34;&#43;&#39;d&#39;\uFFFDe \xc3\xa9\xff");
    html_text(&out, STR(""));
    assert_int_equal(out.len, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(escapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
