#include "alloc_fail.h"
#include "base/buf.h"
#include "format/pprof_read.h"
#include "format/pprof_write.h"
#include "model/builder.h"
#include "unit.h"

/* Strings are made in an order that is not the one they are written in. */
static struct profile *example(void)
{
    struct builder *b = builder_new(NULL);
    uint32_t z = builder_string(b, STR("z")), a = builder_string(b, STR("a"));
    uint32_t f = builder_string(b, STR("f")), cpu = builder_string(b, STR("cpu"));
    uint32_t unused = builder_string(b, STR("never used"));
    assert_int_not_equal(unused, 0);
    builder_type(b, cpu, z);
    struct profile_mapping mapping = {.start = 0x100, .limit = 0x200, .has_functions = true};
    builder_mapping(b, &mapping);
    struct profile_function function = {.name = f, .system_name = f, .start_line = 3};
    struct profile_line line = {builder_function(b, &function), -1, 0};
    struct profile_location location = {.address = 0x110, .is_folded = true};
    uint32_t locs[3] = {builder_location(b, &location, &line, 1)};
    int64_t value = 300;
    /* Written: texts by key, then numbers by key. */
    struct profile_label labels[] = {
        {.key = z, .num = 1, .is_num = true},
        {.key = z, .str = f},
        {.key = a, .num = 2, .unit = z, .is_num = true},
        {.key = a, .str = z},
    };
    builder_sample(b, locs, 1, &value, labels, 4);
    builder_sample(b, locs, 3, &value, NULL, 0);
    builder_comment(b, f);
    builder_header(b)->period = 10;
    return builder_seal(b, NULL);
}

/* As Go's profile.Write writes it. */
static const uint8_t expected[] = {
    0x0a, 4,    0x08, 1,    0x10, 2,                         /* sample_type cpu, z */
    0x12, 31,   0x08, 1,    0x10, 0xac, 2,                   /* sample: location, value */
    0x1a, 4,    0x08, 3,    0x10, 2,                         /* label a: "z" */
    0x1a, 4,    0x08, 2,    0x10, 4,                         /* label z: "f" */
    0x1a, 6,    0x08, 3,    0x18, 2,    0x20, 2,             /* label a: 2 z */
    0x1a, 4,    0x08, 2,    0x18, 1,                         /* label z: 1 */
    0x12, 8,    0x0a, 3,    1,    1,    1,    0x10, 0xac, 2, /* sample, packed */
    0x1a, 10,   0x08, 1,    0x10, 0x80, 2,    0x18, 0x80, 4,    0x38, 1, /* mapping */
    0x22, 24,   0x08, 1,    0x10, 1,    0x18, 0x90, 2,                   /* location */
    0x22, 13,   0x08, 1,    0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 1,    0x28, 1,                                 /* folded */
    0x2a, 8,    0x08, 1,    0x10, 4,    0x18, 4,    0x28, 3,   /* function */
    0x32, 0,    0x32, 3,    'c',  'p',  'u',  0x32, 1,    'z', /* strings */
    0x32, 1,    'a',  0x32, 1,    'f',                         /* */
    0x60, 10,                                                  /* period */
    0x68, 4,                                                   /* comment */
    0x70, 0,                                                   /* default type */
};

static void bytes_as_go_writes_them(void **state)
{
    AUTO_BUF out = {0};
    struct profile *p = example();
    assert_true(pprof_write(p, &out, NULL));
    assert_int_equal(out.len, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    profile_free(p);
}

static void read_back(void **state)
{
    AUTO_BUF out = {0}, again = {0};
    struct err err = {0};
    struct profile *p = example();
    assert_true(pprof_write(p, &out, NULL));
    struct profile *q = pprof_read((const uint8_t *)out.data, out.len, NULL, &err);
    assert_non_null(q);
    assert_int_equal(q->n_samples, p->n_samples);
    assert_int_equal(q->lines[0].line, -1);
    assert_true(q->locations[0].is_folded);
    assert_int_equal(q->label_first[1], 4);
    assert_true(pprof_write(q, &again, NULL));
    assert_int_equal(again.len, out.len);
    assert_memory_equal(again.data, out.data, out.len);
    profile_free(p);
    profile_free(q);
}

static void empty_profile(void **state)
{
    AUTO_BUF out = {0};
    struct profile *p = builder_seal(builder_new(NULL), NULL);
    assert_true(pprof_write(p, &out, NULL));
    assert_int_equal(out.len, 4);
    assert_memory_equal(out.data, "\x32\0\x70\0", 4);
    profile_free(p);
}

static void every_allocation_fails(void **state)
{
    struct profile *p = example();
    for (long k = 0;; k++) {
        AUTO_BUF out = {0};
        struct err err = {0};
        alloc_countdown = k;
        bool ok = pprof_write(p, &out, &err);
        bool failed = alloc_countdown < 0;
        alloc_countdown = -1;
        assert_int_equal(ok, !failed);
        if (!failed)
            break;
        assert_int_equal(err.code, ERR_NOMEM);
        assert_true(k < 1000);
    }
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_as_go_writes_them),
        cmocka_unit_test(read_back),
        cmocka_unit_test(empty_profile),
        cmocka_unit_test(every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
