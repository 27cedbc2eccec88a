/* Lines and numbers of text profiles. */
#include "format/text.h"
#include "unit.h"

#define ASSERT_STR(s, want)                                                                        \
    do {                                                                                           \
        struct str s_ = (s);                                                                       \
        assert_int_equal(s_.len, sizeof(want) - 1);                                                \
        assert_memory_equal(s_.p, want, sizeof(want) - 1);                                         \
    } while (0)

static struct text of(const char *s)
{
    return text_of(s, strlen(s));
}

static void lines(void **state)
{
    struct text t = of("one\r\n\n  # two\nthree");
    assert_true(text_next(&t));
    ASSERT_STR(t.line, "one");
    assert_false(text_is_cut(&t));
    assert_true(text_next_content(&t));
    ASSERT_STR(t.line, "three");
    assert_int_equal(t.number, 4);
    assert_true(text_is_cut(&t));
    assert_false(text_next(&t));
    ASSERT_STR(t.line, "");
    t = text_of(NULL, 0);
    assert_false(text_next(&t));
    t = of("\n");
    assert_true(text_next(&t));
    assert_false(text_is_cut(&t));
    assert_false(text_next(&t));
}

static void blanks(void **state)
{
    ASSERT_STR(text_trim(STR(" \t\v\f\r a b \xc2\xa0\xe2\x80\x83\xe3\x80\x80")), "a b");
    ASSERT_STR(text_trim(STR("\xc2\x85x\xc2\x86")), "x\xc2\x86");
    ASSERT_STR(text_trim(STR("\xe2\x80")), "\xe2\x80");
    ASSERT_STR(text_trim(STR("   ")), "");
    ASSERT_STR(text_trim(STR("")), "");
    assert_true(text_is_comment(STR("  # x")));
    assert_true(text_is_comment(STR("  ")));
    assert_false(text_is_comment(STR("x #")));
}

static void pieces(void **state)
{
    struct str s = STR("a=b=c"), digits;
    ASSERT_STR(text_split(&s, '='), "a");
    ASSERT_STR(s, "b=c");
    ASSERT_STR(text_split(&s, ';'), "b=c");
    ASSERT_STR(s, "");
    s = STR("-12x");
    assert_false(text_take_digits(&s, false, &digits));
    assert_true(text_take_digits(&s, true, &digits));
    ASSERT_STR(digits, "-12");
    ASSERT_STR(s, "x");
    s = STR("-");
    assert_false(text_take_digits(&s, true, &digits));
    ASSERT_STR(s, "-");
}

static void numbers(void **state)
{
    int64_t v;
    uint64_t u;
    assert_true(text_decimal(STR("9223372036854775807"), &v) && v == INT64_MAX);
    assert_true(text_decimal(STR("-9223372036854775808"), &v) && v == INT64_MIN);
    assert_false(text_decimal(STR("9223372036854775808"), &v));
    assert_false(text_decimal(STR("99999999999999999999999"), &v));
    assert_false(text_decimal(STR(""), &v));
    assert_false(text_decimal(STR("-"), &v));
    assert_false(text_decimal(STR("1x"), &v));
    assert_true(text_decimal(STR("010"), &v) && v == 10);
    assert_true(text_number(STR("010"), &v) && v == 8);
    assert_true(text_number(STR("-0x1F"), &v) && v == -31);
    assert_true(text_number(STR("0b101"), &v) && v == 5);
    assert_true(text_number(STR("0o17"), &v) && v == 15);
    assert_true(text_number(STR("0"), &v) && v == 0);
    assert_false(text_number(STR("08"), &v));
    assert_false(text_number(STR("0x"), &v));
    assert_true(text_hex(STR("fFffFFffffffffff"), &u) && u == UINT64_MAX);
    assert_false(text_hex(STR("10000000000000000"), &u));
}

static void addresses(void **state)
{
    struct str s = STR("PC: 0x00bc8f1c: x 0xZ 0x0x12 0x000000000000000000ffffffffffffffff");
    uint64_t a;
    assert_int_equal(text_address(&s, &a), TEXT_ADDRESS);
    assert_int_equal(a, 0xbc8f1c);
    assert_int_equal(text_address(&s, &a), TEXT_ADDRESS);
    assert_int_equal(a, 0);
    ASSERT_STR(s, "x12 0x000000000000000000ffffffffffffffff");
    assert_int_equal(text_address(&s, &a), TEXT_ADDRESS);
    assert_true(a == UINT64_MAX);
    assert_int_equal(text_address(&s, &a), TEXT_NO_ADDRESS);
    s = STR("0x10000000000000000 0x1");
    assert_int_equal(text_address(&s, &a), TEXT_ADDRESS_TOO_LARGE);
    s = STR("0x1F");
    assert_int_equal(text_address(&s, &a), TEXT_ADDRESS);
    assert_int_equal(a, 1);
    ASSERT_STR(text_addresses(STR(" 0x12 0xab (")), " 0x12 0xab ");
}

static void messages(void **state)
{
    struct err err = {0};
    struct text t = of("\nab\tc\xff"
                       "0123456789012345678901234567890123456789012345678901234567890");
    text_next_content(&t);
    assert_false(text_malformed(&t, &err, "no %s", "x"));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.msg,
                        "malformed profile: no x at line 2: "
                        "'ab?c?0123456789012345678901234567890123456789012345678901234...'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),   cmocka_unit_test(blanks),    cmocka_unit_test(pieces),
        cmocka_unit_test(numbers), cmocka_unit_test(addresses), cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
