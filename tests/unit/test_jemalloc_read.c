/* Heap profiles of jemalloc. */
#include "format/jemalloc_read.h"
#include "unit.h"

#include <math.h>
#include <string.h>

static struct profile *read_text(const char *text, struct err *err)
{
    const uint8_t *data = (const uint8_t *)text;
    return jemalloc_format.probe(data, strlen(text))
               ? jemalloc_format.read(data, strlen(text), NULL, err)
               : NULL;
}

static struct profile *good(const char *text)
{
    struct err err = {0};
    struct profile *p = read_text(text, &err);
    if (!p)
        fail_msg("%s", err.msg);
    return p;
}

static void refused(const char *text, const char *part)
{
    struct err err = {0};
    struct profile *p = read_text(text, &err);
    assert_null(p);
    assert_int_equal(err.code, ERR_INPUT);
    if (!strstr(err.msg, part))
        fail_msg("\"%s\" has no \"%s\"", err.msg, part);
}

#define STACKS                                                                                     \
    "@ 0x5011 0x21 0x31\n  t*: 2: 2048 [3: 4096]\n  t0: 1: 1024 [2: 3072]\n"                       \
    "  t7: 1: 1024 [1: 1024]\n@ 0x31\n  t*: 0: 0 [1: 1024]\n\n"

static void with_what_was_allocated(void **state)
{
    struct profile *p = good("heap_v2/1024\n  t*: 2: 2048 [4: 5120]\n  t0: 1: 1 [1: 1]\n" STACKS
                             "MAPPED_LIBRARIES:\n"
                             "5000-6000 r-xp 00000000 08:01 1 /usr/lib/libjemalloc.so.2\n"
                             "0-1000 r-xp 00000000 08:01 2 /bin/prog\n");
    double one = 1 / (1 - exp(-1)), mean = 1 / (1 - exp(-4096.0 / 3 / 1024));
    assert_int_equal(p->n_types, 4);
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->period, 1024);
    assert_int_equal(p->values[0], (int64_t)(3 * mean));
    assert_int_equal(p->values[1], (int64_t)(4096 * mean));
    assert_int_equal(p->values[2], (int64_t)(2 * one));
    assert_int_equal(p->values[3], (int64_t)(2048 * one));
    assert_int_equal(p->values[7], 0);
    assert_int_equal(p->labels[0].num, 1024);
    assert_int_equal(p->stack_first[1], 3);
    assert_int_equal(p->locations[0].address, 0x5010);
    assert_int_equal(p->locations[2].address, 0x30);
    assert_string_equal(profile_cstr(p, p->mappings[0].file), "/bin/prog");
    /* The allocator's own frames have a name that drop_frames has. */
    assert_int_equal(p->locations[0].n_lines, 1);
    assert_string_equal(profile_cstr(p, p->functions[0].name), "jemalloc");
    assert_int_equal(p->locations[1].n_lines, 0);
    assert_non_null(strstr(profile_cstr(p, p->drop_frames), "|jemalloc|"));
    profile_free(p);
}

static void only_what_is_in_use(void **state)
{
    struct profile *p = good("heap_v2/524288\n  t*: 5: 10 [0: 0]\n@ 0x11\n  t*: 5: 10 [0: 0]\n");
    assert_int_equal(p->n_types, 2);
    assert_string_equal(profile_cstr(p, p->types[1].type), "space");
    assert_int_equal(p->values[0], 1310722); /* 5 of 2 bytes each */
    profile_free(p);
    p = good("heap_v2/1\n  t*: 0: 0 [0: 0]\n");
    assert_int_equal(p->n_samples, 0);
    profile_free(p);
}

static void what_is_refused(void **state)
{
    refused("heap_v2/1\n", "no totals");
    refused("heap_v2/1\n@ 0x1\n", "neither a stack nor its values at line 2");
    refused("heap_v2/1\n t*: 1: 1 [0: 0]\n@ 0x1\n@ 0x2\n", "the stack before has no values");
    refused("heap_v2/1\n t*: 1: 1 [0: 0]\n t*: 1: 1 [0: 0]\n", "values without a stack");
    refused("heap_v2/1\n t*: 1: 1 [0: 0] x\n", "neither a stack");
    refused("heap_v2/1\n t*: 1: 1 [0: 0]\n@ 0x10000000000000000\n", "too large");
    struct err err = {0};
    assert_null(read_text("heap_v2/x\n", &err));
    assert_int_equal(err.code, ERR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_what_was_allocated),
        cmocka_unit_test(only_what_is_in_use),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
