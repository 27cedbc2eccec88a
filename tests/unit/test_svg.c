#include "render/svg.h"
#include "unit.h"

static void text(const char *in, size_t len, const char *want)
{
    AUTO_BUF buf = {0};
    svg_text(&buf, (struct str){in, len});
    assert_string_equal(buf_str(&buf), want);
}

static void texts_are_escaped(void **state)
{
    text("", 0, "");
    text("a<b> & \"c\"", 10, "a&lt;b&gt; &amp; &quot;c&quot;");
    text("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    text("a\nb", 3, "a\nb");
}

#define BAD "\xef\xbf\xbd"
static void what_xml_cannot_hold_is_replaced(void **state)
{
    text("a\0b", 3, "a" BAD "b");
    text("\x1b[m", 3, BAD "[m");
    text("\xff", 1, BAD);
    text("\x80x", 2, BAD "x");
    text("\xc3", 1, BAD); /* cut short */
    text("\xe2\x82", 2, BAD BAD);
    text("\xc0\xaf", 2, BAD BAD);                 /* overlong */
    text("\xe0\x80\xaf", 3, BAD BAD BAD);         /* overlong */
    text("\xed\xa0\x80", 3, BAD BAD BAD);         /* a surrogate */
    text("\xef\xbf\xbf", 3, BAD BAD BAD);         /* U+FFFF */
    text("\xf4\x90\x80\x80", 4, BAD BAD BAD BAD); /* above U+10FFFF */
}

static void fit(const char *in, size_t n, const char *want)
{
    AUTO_BUF buf = {0};
    svg_text_fit(&buf, str_of(in), n);
    assert_string_equal(buf_str(&buf), want);
}

static void long_texts_lose_their_middle(void **state)
{
    fit("abcdefghij", 10, "abcdefghij");
    fit("abcdefghij", 9, "abcd\xe2\x80\xa6ghij");
    fit("abcdefghij", 4, "ab\xe2\x80\xa6j");
    fit("abcdefghij", 2, "a\xe2\x80\xa6");
    fit("abcdefghij", 1, "\xe2\x80\xa6");
    fit("abcdefghij", 0, "");
    fit("", 0, "");
    fit("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 3, "\xc3\xa9\xe2\x80\xa6\xc3\xa9");
    fit("<<<<<<", 3, "&lt;\xe2\x80\xa6&lt;");
}

static void numbers(void **state)
{
    static const struct {
        double v;
        const char *want;
    } cases[] = {
        {0, "0"},
        {1, "1"},
        {1.5, "1.5"},
        {1.25, "1.25"},
        {1.204, "1.2"},
        {0.05, "0.05"},
        {-0.5, "-0.5"},
        {1e9, "1000000000"},
        {0.001, "0"},
        {99.999, "100"},
        {1e300, "0"},
        {__builtin_nan(""), "0"},
        {-__builtin_inf(), "0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUF buf = {0};
        svg_number(&buf, cases[i].v);
        assert_string_equal(buf_str(&buf), cases[i].want);
    }
}

static void a_document(void **state)
{
    AUTO_BUF buf = {0};
    svg_begin(&buf, 10, 20.5);
    svg_rect(&buf, 0, 1.5, 2, 3);
    svg_end(&buf);
    assert_string_equal(buf_str(&buf),
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"10\" "
                        "height=\"20.5\" viewBox=\"0 0 10 20.5\">\n"
                        "<rect x=\"0\" y=\"1.5\" width=\"2\" height=\"3\"/></svg>\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(what_xml_cannot_hold_is_replaced),
        cmocka_unit_test(long_texts_lose_their_middle),
        cmocka_unit_test(numbers),
        cmocka_unit_test(a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
