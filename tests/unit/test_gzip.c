#include "base/gzip.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define NO_LIMIT ((size_t)1 << 40)

struct bytes {
    uint8_t *p;
    size_t len;
};

static struct bytes pack(const void *data, size_t len)
{
    struct bytes b;
    assert_true(gzip_deflate(data, len, 6, &b.p, &b.len, NULL));
    return b;
}

static void there_and_back(void **state)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 1000, 100000, 3000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i], out_len;
        uint8_t *data = malloc(n + 1), *out;
        for (size_t k = 0; k < n; k++)
            data[k] = (uint8_t)(k * k >> 7);
        struct bytes z = pack(data, n);
        assert_true(gzip_is(z.p, z.len));
        assert_true(gzip_inflate(z.p, z.len, NO_LIMIT, &out, &out_len, NULL));
        assert_int_equal(out_len, n);
        assert_memory_equal(out, data, n);
        free(out);
        free(z.p);
        free(data);
    }
}

static void members_are_joined(void **state)
{
    struct bytes a = pack("hello ", 6), b = pack("", 0), c = pack("world", 5);
    uint8_t all[256], *out;
    size_t n = 0, out_len, n_members;
    memcpy(all + n, a.p, a.len), n += a.len;
    memcpy(all + n, b.p, b.len), n += b.len;
    memcpy(all + n, c.p, c.len), n += c.len;
    assert_true(gzip_inflate_members(all, n, NO_LIMIT, &out, &out_len, &n_members, NULL));
    assert_int_equal(n_members, 3);
    assert_int_equal(out_len, 11);
    assert_memory_equal(out, "hello world", 11);
    free(out), free(a.p), free(b.p), free(c.p);
}

static void every_truncation_is_an_error(void **state)
{
    struct bytes z = pack("some text that is packed, some text", 35);
    for (size_t n = 1; n < z.len; n++) {
        struct err err = {0};
        uint8_t *copy = malloc(n), *out = (uint8_t *)1; /* reads past the end are seen by ASan */
        size_t out_len = 7;
        memcpy(copy, z.p, n);
        assert_false(gzip_inflate(copy, n, NO_LIMIT, &out, &out_len, &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_null(out);
        assert_int_equal(out_len, 0);
        free(copy);
    }
    free(z.p);
}

static void damage_is_an_error(void **state)
{
    struct bytes z = pack("some text that is packed, some text", 35);
    uint8_t *out;
    size_t out_len;
    z.p[z.len - 6] ^= 1; /* of the checksum */
    assert_false(gzip_inflate(z.p, z.len, NO_LIMIT, &out, &out_len, NULL));
    free(z.p);
    assert_false(
        gzip_inflate("\x1f\x8b\x08garbage garbage garbage", 27, NO_LIMIT, &out, &out_len, NULL));
}

static void a_bomb_is_refused(void **state)
{
    size_t n = 40 << 20, out_len;
    uint8_t *zeros = calloc(1, n), *out;
    struct bytes z = pack(zeros, n);
    struct err err = {0};
    assert_true(z.len < 100000);
    assert_false(gzip_inflate(z.p, z.len, 1 << 20, &out, &out_len, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.msg, "gzip data unpacks to more than 1048576 bytes");
    assert_true(gzip_inflate(z.p, z.len, n, &out, &out_len, NULL)); /* the limit itself is in */
    free(out);
    assert_false(gzip_inflate(z.p, z.len, n - 1, &out, &out_len, NULL));
    memset(z.p + z.len - 4, 0, 4); /* a trailer that lies: no room is asked for in vain */
    assert_false(gzip_inflate(z.p, z.len, 1 << 20, &out, &out_len, NULL));
    free(z.p);
    z = pack("twenty bytes of text", 20);
    assert_false(gzip_inflate(z.p, z.len, 19, &out, &out_len, NULL));
    memset(z.p + z.len - 4, 0xff, 4);
    assert_false(gzip_inflate(z.p, z.len, NO_LIMIT, &out, &out_len, NULL));
    free(z.p);
    free(zeros);
}

static void magic(void **state)
{
    assert_false(gzip_is("\x1f", 1));
    assert_false(gzip_is(NULL, 0));
    assert_true(gzip_is("\x1f\x8b", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),     cmocka_unit_test(members_are_joined),
        cmocka_unit_test(damage_is_an_error), cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(a_bomb_is_refused),  cmocka_unit_test(magic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
