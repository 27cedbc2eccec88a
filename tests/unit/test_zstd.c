#include "base/zstd.h"
#include "unit.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define TEXT "hello, hello, hello, hello, hello\n"

/* TEXT, with a checksum. */
static const uint8_t packed[] = {0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x75, 0x00, 0x00,
                                 0x40, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x2c, 0x20, 0x0a,
                                 0x01, 0x00, 0xb2, 0x8b, 0x11, 0xe4, 0x19, 0x5e, 0xe4};

static void need_library(void)
{
    if (!dlopen("libzstd.so.1", RTLD_NOW))
        skip();
}

static void check(const uint8_t *data, size_t len, size_t n_texts)
{
    struct err err = {0};
    uint8_t *out;
    size_t n;
    if (!zstd_unpack(data, len, 1000, &out, &n, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(n, n_texts * strlen(TEXT));
    for (size_t i = 0; i < n_texts; i++)
        assert_memory_equal(out + i * strlen(TEXT), TEXT, strlen(TEXT));
    free(out);
}

static void one_frame_and_several(void **state)
{
    uint8_t data[20 * sizeof packed];
    need_library();
    assert_true(zstd_is(packed, sizeof packed));
    assert_false(zstd_is(packed, 3));
    assert_false(zstd_is("\x1f\x8b\x08\0", 4));
    for (size_t i = 0; i < 20; i++)
        memcpy(data + i * sizeof packed, packed, sizeof packed);
    check(packed, sizeof packed, 1);
    check(data, sizeof data, 20);
}

static void refused(const uint8_t *data, size_t len, size_t max_bytes, const char *part)
{
    struct err err = {0};
    uint8_t *out;
    size_t n;
    assert_false(zstd_unpack(data, len, max_bytes, &out, &n, &err));
    assert_null(out);
    assert_int_equal(err.code, ERR_INPUT);
    if (!strstr(err.msg, part))
        fail_msg("\"%s\" has no \"%s\"", err.msg, part);
}

static void damage(void **state)
{
    uint8_t data[sizeof packed + 4];
    need_library();
    for (size_t len = 4; len < sizeof packed; len++)
        refused(packed, len, 1000, "truncated");
    memcpy(data, packed, sizeof packed);
    data[12] ^= 1;
    refused(data, sizeof packed, 1000, "damaged");
    memcpy(data, packed, sizeof packed);
    memset(data + sizeof packed, 'x', 4);
    refused(data, sizeof data, 1000, "damaged");
}

static void too_much(void **state)
{
    need_library();
    refused(packed, sizeof packed, strlen(TEXT) - 1, "more than 33 bytes");
    uint8_t *out;
    size_t n;
    assert_true(zstd_unpack(packed, sizeof packed, strlen(TEXT), &out, &n, NULL));
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_frame_and_several),
        cmocka_unit_test(damage),
        cmocka_unit_test(too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
