#include "base/buf.h"
#include "base/vec.h"
#include "unit.h"

#include <string.h>

static void an_empty_buffer_is_a_string(void **state)
{
    AUTO_BUF buf = {0};
    assert_string_equal(buf_str(&buf), "");
    buf_puts(&buf, "");
    assert_string_equal(buf_str(&buf), "");
    assert_int_equal(buf.len, 0);
}

static void writers_append(void **state)
{
    AUTO_BUF buf = {0};
    buf_puts(&buf, "ab");
    buf_putc(&buf, 'c');
    buf_add(&buf, "d\0e", 3);
    buf_fill(&buf, '.', 3);
    buf_fill(&buf, '!', 0);
    buf_printf(&buf, "%03d", 7);
    assert_int_equal(buf.len, 12);
    assert_memory_equal(buf.data, "abcd\0e...007", 13);
}

/* Every length around the growth steps, so that the NUL always fits. */
static void growth_keeps_everything(void **state)
{
    for (size_t n = 0; n < 2100; n++) {
        AUTO_BUF buf = {0};
        for (size_t i = 0; i < n; i++)
            buf_putc(&buf, (char)('a' + i % 26));
        buf_fill(&buf, 'z', n);
        assert_int_equal(buf.len, 2 * n);
        assert_int_equal(strlen(buf_str(&buf)), 2 * n);
        if (n)
            assert_int_equal(buf.data[n - 1], 'a' + (n - 1) % 26);
    }
}

static void printf_of_any_length(void **state)
{
    for (int n = 0; n < 1200; n++) {
        AUTO_BUF buf = {0};
        buf_puts(&buf, "x");
        buf_printf(&buf, "%*d", n, 5);
        size_t want = n ? (size_t)n + 1 : 2;
        assert_int_equal(buf.len, want);
        assert_int_equal(strlen(buf.data), want);
        assert_int_equal(buf.data[want - 1], '5');
    }
}

static void a_failure_stays(void **state)
{
    AUTO_BUF buf = {0};
    buf_puts(&buf, "kept");
    assert_null(buf_reserve(&buf, SIZE_MAX - 2));
    assert_true(buf.failed);
    buf_puts(&buf, "lost");
    buf_printf(&buf, "%d", 1);
    buf_fill(&buf, 'x', 3);
    assert_string_equal(buf_str(&buf), "kept");
    buf_clear(&buf);
    assert_false(buf.failed);
    buf_puts(&buf, "new");
    assert_string_equal(buf_str(&buf), "new");
}

static void reserve_then_write(void **state)
{
    AUTO_BUF buf = {0};
    char *p = buf_reserve(&buf, 1000);
    assert_true(buf.cap > 1000);
    memset(p, 'q', 1000);
    buf.len += 1000;
    buf_putc(&buf, '!');
    assert_int_equal(strspn(buf_str(&buf), "q"), 1000);
}

static void check_numbers(uint64_t value)
{
    static const int widths[] = {0, 1, 2, 7, 20, 30, 64};
    AUTO_BUF have = {0};
    AUTO_BUF want = {0};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        int width = widths[i], n_digits = width < 16 ? width : 16;
        buf_uint(&have, value, (size_t)width);
        buf_printf(&want, "%*llu", width, (unsigned long long)value);
        buf_int(&have, (int64_t)value, (size_t)width);
        buf_printf(&want, "%*lld", width, (long long)value);
        buf_hex(&have, value, (size_t)width);
        buf_printf(&want, "%0*llx", n_digits, (unsigned long long)value);
        assert_string_equal(buf_str(&have), buf_str(&want));
    }
}

static void numbers_print_as_printf_has_them(void **state)
{
    for (uint64_t v = 0; v < 2000; v++)
        check_numbers(v);
    for (uint64_t power = 1; power < UINT64_MAX / 10; power *= 10)
        for (uint64_t v = power - 1; v < power + 2; v++) {
            check_numbers(v);
            check_numbers(0 - v);
        }
    for (unsigned shift = 0; shift < 64; shift++) {
        check_numbers((uint64_t)1 << shift);
        check_numbers(((uint64_t)1 << shift) - 1);
    }
    check_numbers(UINT64_MAX);
}

struct taken {
    size_t n_bytes;
    unsigned n_calls;
    bool leaves, refuses;
};

static bool take(void *arg, struct buf *buf)
{
    struct taken *taken = arg;
    taken->n_calls++;
    taken->n_bytes += buf->len;
    if (!taken->leaves)
        buf_clear(buf);
    return !taken->refuses;
}

static void a_sink_takes_leaves_or_refuses(void **state)
{
    struct taken taken = {0};
    AUTO_BUF buf = {.sink = take, .sink_arg = &taken};
    buf_puts(&buf, "little");
    buf_drain(&buf);
    assert_int_equal(taken.n_calls, 0);
    assert_string_equal(buf_str(&buf), "little");
    buf_fill(&buf, 'x', 1 << 20);
    buf_drain(&buf);
    assert_int_equal(taken.n_calls, 1);
    assert_int_equal(taken.n_bytes, 6 + (1 << 20));
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf_str(&buf), "");

    taken.leaves = true;
    buf_fill(&buf, 'y', 1 << 20);
    buf_drain(&buf);
    assert_int_equal(buf.len, 1 << 20);
    assert_false(buf.failed);

    taken.refuses = true;
    taken.leaves = false;
    buf_drain(&buf);
    assert_true(buf.failed);
    buf_puts(&buf, "lost");
    assert_int_equal(buf.len, 0);
    buf_drain(&buf);
    assert_int_equal(taken.n_calls, 3);
}

static void vec_grows_and_refuses(void **state)
{
    VEC(uint32_t) v = {0};
    for (uint32_t i = 0; i < 10000; i++)
        assert_true(vec_push(&v, i * 3));
    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(v.items[i], i * 3);
    assert_false(vec_reserve(&v, SIZE_MAX));
    assert_false(vec_reserve(&v, SIZE_MAX / 2));
    assert_int_equal(v.n, 10000);
    vec_clear(&v);
    assert_int_equal(v.n, 0);
    vec_release(&v);
    assert_null(v.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_a_string),
        cmocka_unit_test(writers_append),
        cmocka_unit_test(growth_keeps_everything),
        cmocka_unit_test(printf_of_any_length),
        cmocka_unit_test(a_failure_stays),
        cmocka_unit_test(numbers_print_as_printf_has_them),
        cmocka_unit_test(reserve_then_write),
        cmocka_unit_test(a_sink_takes_leaves_or_refuses),
        cmocka_unit_test(vec_grows_and_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
