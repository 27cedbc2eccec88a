/* A large profile that is decoded while it is unpacked is the one that is decoded as a whole,
 * column by column; and what cannot be read so, or is damaged, is left to that. */
#include "base/gzip.h"
#include "format/format.h"
#include "format/pprof_read.h"
#include "proto_message.h"
#include "unit.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define N_LOCATIONS 30000u
#define N_SAMPLES 40000u
#define DEPTH 60u
#define STRINGS 50u

/* The first two are read ahead, the next two as a whole, the others not at all. */
enum shape {
    PLAIN,
    SPARSE,
    FAR,
    LONG_STRING,
    NOWHERE,
    TYPES_LATE,
    CUT_SAMPLE,
    NO_STRING,
    N_SHAPES
};

static uint32_t seed;

static uint32_t any(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * below >> 32);
}

/* A varint with bytes to spare, as no writer needs but every reader takes. */
static void loose_varint(struct buf *b, uint64_t v)
{
    uint32_t spare = any(16) ? 0 : any(6);
    for (; v >= 128; v >>= 7)
        buf_putc(b, (char)(v | 0x80));
    for (; spare; spare--, v = 0)
        buf_putc(b, (char)(v | 0x80));
    buf_putc(b, (char)v);
}

static uint64_t location_id(enum shape shape, uint32_t i)
{
    return shape == SPARSE ? 3 * (uint64_t)i + 7 : shape == FAR && i == 5 ? 1ull << 33 : i + 1;
}

static void put_label(struct buf *sample)
{
    AUTO_BUF label = {0};
    number(&label, 1, 1 + any(STRINGS - 1));
    number(&label, any(2) ? 2 : 3, 1 + any(STRINGS - 1));
    if (!any(3))
        number(&label, 4, 1 + any(STRINGS - 1));
    bytes(sample, 3, label.data, label.len);
}

static void put_sample(struct buf *b, enum shape shape, uint32_t i)
{
    AUTO_BUF sample = {0}, packed = {0};
    for (uint32_t k = any(DEPTH + 1); k; k--)
        loose_varint(&packed, location_id(shape, any(N_LOCATIONS)));
    if (shape == NOWHERE && i == N_SAMPLES / 2)
        loose_varint(&packed, N_LOCATIONS + 1);
    bytes(&sample, 1, packed.data, packed.len);
    if (any(2)) {
        number(&sample, 2, any(1000));
        number(&sample, 2, (uint64_t)-1 - any(1000));
    } else {
        buf_clear(&packed);
        loose_varint(&packed, any(1 << 28));
        loose_varint(&packed, any(1 << 28));
        bytes(&sample, 2, packed.data, packed.len);
    }
    for (uint32_t n = any(8) ? 0 : any(4); n; n--)
        put_label(&sample);
    if (shape == NO_STRING && i == N_SAMPLES - 9) {
        AUTO_BUF label = {0};
        number(&label, 1, 1);
        number(&label, 2, STRINGS + 1000);
        bytes(&sample, 3, label.data, label.len);
    }
    bytes(b, 2, sample.data, sample.len - (shape == CUT_SAMPLE && i == 20000));
}

static void put_profile(struct buf *b, enum shape shape)
{
    const int64_t type[] = {1, 2};
    seed = 7;
    for (int k = 0; k < 2; k++)
        message(b, 1, type, 2);
    for (uint32_t i = 0; i < N_SAMPLES; i++)
        put_sample(b, shape, i);
    if (shape == TYPES_LATE)
        message(b, 1, type, 2);
    for (uint32_t i = 0; i < N_LOCATIONS; i++) {
        AUTO_BUF location = {0};
        number(&location, 1, location_id(shape, i));
        number(&location, 3, 0x1000 + i);
        bytes(b, 4, location.data, location.len);
    }
    bytes(b, 6, "", 0);
    for (uint32_t i = 1; i < STRINGS; i++) {
        char name[16];
        bytes(b, 6, name, (size_t)snprintf(name, sizeof name, "s%u", i / 2)); /* each twice */
    }
    static char filling[3 << 20];
    if (shape == LONG_STRING)
        bytes(b, 6, memset(filling, 'x', sizeof filling), sizeof filling);
    while (b->len < (size_t)4 << 20) /* fields that nobody knows */
        bytes(b, 99, filling, 100000);
}

static struct profile *read_whole(const struct buf *b)
{
    return pprof_read((const uint8_t *)b->data, b->len, NULL, NULL);
}

#define SAME(a, b, column, n)                                                                      \
    assert_memory_equal((a)->column, (b)->column, (n) * sizeof *(a)->column)

static void assert_same(const struct profile *a, const struct profile *b)
{
    uint64_t n_locs = b->stack_first[b->n_samples];
    assert_int_equal(a->n_samples, b->n_samples);
    SAME(a, b, stack_first, b->n_samples + 1);
    SAME(a, b, stack_locs, n_locs);
    SAME(a, b, values, b->n_samples * 2);
    assert_int_equal(!a->labels, !b->labels);
    if (b->labels) {
        SAME(a, b, label_first, b->n_samples + 1);
        for (uint64_t i = 0; i < b->label_first[b->n_samples]; i++) {
            assert_int_equal(a->labels[i].key, b->labels[i].key);
            assert_int_equal(a->labels[i].str, b->labels[i].str);
            assert_int_equal(a->labels[i].unit, b->labels[i].unit);
            assert_int_equal(a->labels[i].num, b->labels[i].num);
            assert_int_equal(a->labels[i].is_num, b->labels[i].is_num);
        }
    }
    assert_int_equal(a->n_locations, b->n_locations);
    for (uint32_t i = 0; i < b->n_locations; i++)
        assert_int_equal(a->locations[i].id, b->locations[i].id);
    assert_int_equal(a->n_strings, b->n_strings);
}

static struct profile *read_packed_ahead(const struct buf *b, bool without_stacks)
{
    uint8_t *packed;
    size_t n;
    AUTO_FD fd = memfd_create("packed", MFD_CLOEXEC);
    assert_true(gzip_deflate(b->data, b->len, 1, &packed, &n, NULL));
    assert_int_equal(write(fd, packed, n), n);
    free(packed);
    return format_read_ahead(fd, without_stacks, NULL);
}

/* As it is, and ahead: the same, or nothing. */
static void assert_reads_alike(const struct buf *b, bool is_good, bool is_ahead)
{
    struct profile *whole = read_whole(b), *p = read_packed_ahead(b, false);
    assert_int_equal(whole != NULL, is_good);
    assert_int_equal(p != NULL, is_ahead);
    if (p)
        assert_same(p, whole);
    profile_free(p), profile_free(whole);
}

/* Without stacks, which are checked nevertheless: all else is the same, or there is nothing. */
static void assert_same_but_stacks(const struct buf *b, bool is_ahead)
{
    struct profile *whole = read_whole(b), *p = read_packed_ahead(b, true);
    assert_int_equal(p != NULL, is_ahead);
    if (p) {
        assert_int_equal(p->n_samples, whole->n_samples);
        for (uint32_t i = 0; i <= p->n_samples; i++)
            assert_int_equal(p->stack_first[i], 0);
        p->stack_first = whole->stack_first;
        p->stack_locs = whole->stack_locs;
        assert_false(p->is_packed_pprof); /* what the file holds is more */
        assert_same(p, whole);
    }
    profile_free(p), profile_free(whole);
}

static void shapes_are_read_alike(void **state)
{
    if (!dlopen("libisal.so.2", RTLD_NOW))
        skip(); /* nothing is read ahead without it */
    for (int shape = 0; shape < N_SHAPES; shape++) {
        AUTO_BUF b = {0};
        put_profile(&b, (enum shape)shape);
        assert_reads_alike(&b, shape <= LONG_STRING, shape <= SPARSE);
        assert_same_but_stacks(&b, shape == PLAIN);
    }
}

static bool is_dense(const struct profile *p)
{
    uint32_t i = 0;
    while (i < p->n_locations && p->locations[i].id == i + 1)
        i++;
    return i == p->n_locations;
}

static void what_is_damaged_is_not_read(void **state)
{
    AUTO_BUF b = {0};
    put_profile(&b, PLAIN);
    for (uint32_t round = 0; round < BY_CHANCE(15); round++) {
        seed = round;
        size_t at = any((uint32_t)b.len);
        char was = b.data[at];
        b.data[at] = (char)any(256);
        struct profile *whole = read_whole(&b), *p = read_packed_ahead(&b, false);
        assert_true(whole || !p);
        if (p)
            assert_same(p, whole);
        assert_same_but_stacks(&b, p && is_dense(p));
        profile_free(p), profile_free(whole);
        b.data[at] = was;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_are_read_alike),
        cmocka_unit_test(what_is_damaged_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
