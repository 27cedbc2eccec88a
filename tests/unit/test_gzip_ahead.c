/* What comes by way of another thread is what was packed, however it is read; and what is not
 * right, or is left, ends. */
#include "base/buf.h"
#include "base/gzip.h"
#include "base/gzip_ahead.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE ((size_t)5 << 20)
#define ENOUGH ((size_t)1 << 30)

static uint8_t *data, *packed;
static size_t n_packed;

static int setup(void **state)
{
    uint32_t x = 1;
    data = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = (uint8_t)(x >> 24 & (i >> 18));
    }
    return !gzip_deflate(data, SIZE, 1, &packed, &n_packed, NULL);
}

static int teardown(void **state)
{
    free(data), free(packed);
    return 0;
}

static int fd = -1;

/* A file of these bytes. */
static int file_of(const uint8_t *in, size_t n)
{
    if (fd >= 0)
        close(fd);
    fd = memfd_create("packed", MFD_CLOEXEC);
    assert_int_equal(write(fd, in, n), n);
    return fd;
}

static struct gzip_ahead *begin(const uint8_t *in, size_t n)
{
    struct gzip_ahead *a = gzip_ahead_begin(file_of(in, n), ENOUGH);
    if (!a)
        skip(); /* no libisal2 */
    return a;
}

/* Reads all in pieces, of which `keep` bytes stay for the next time; how much came. */
static size_t read_all(struct gzip_ahead *a, size_t keep, bool is_good)
{
    const uint8_t *p = NULL;
    size_t done = 0, left = 0, got;
    while ((got = gzip_ahead_next(a, &p, left)) > left) {
        if (is_good)
            assert_memory_equal(p, data + done, got);
        left = got < keep ? got : keep;
        p += got - left;
        done += got - left;
    }
    assert_int_equal(got, left);
    return done + left;
}

static void all_of_it_comes(void **state)
{
    static const size_t keep[] = {0, 1, 999, 262144, 1 << 20};
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++) {
        struct gzip_ahead *a = begin(packed, n_packed);
        assert_int_equal(gzip_ahead_most(a), SIZE);
        assert_int_equal(read_all(a, keep[i], true), SIZE);
        assert_true(gzip_ahead_end(a));
    }
}

static void more_than_the_ring_holds_is_refused(void **state)
{
    struct gzip_ahead *a = begin(packed, n_packed);
    assert_true(read_all(a, SIZE, true) < SIZE);
    assert_false(gzip_ahead_end(a));
}

static void who_stops_early_need_not_wait(void **state)
{
    assert_false(gzip_ahead_end(begin(packed, n_packed)));
    struct gzip_ahead *a = begin(packed, n_packed);
    const uint8_t *p = NULL;
    assert_true(gzip_ahead_next(a, &p, 0) > 0);
    assert_false(gzip_ahead_end(a));
}

static void damage_shows_at_the_end(void **state)
{
    static const size_t cut[] = {1, 8, 9, 1000};
    uint8_t *bad = malloc(n_packed + 64);
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) { /* what is cut off is doubled */
        memcpy(bad, packed, n_packed);
        memmove(bad + n_packed - 4 - cut[i], bad + n_packed - 4, 4);
        struct gzip_ahead *a = begin(bad, n_packed - cut[i]);
        (void)read_all(a, 0, false);
        assert_false(gzip_ahead_end(a));
    }
    memcpy(bad, packed, n_packed);
    bad[n_packed - 6] ^= 1; /* the sum */
    struct gzip_ahead *a = begin(bad, n_packed);
    assert_int_equal(read_all(a, 0, true), SIZE);
    assert_false(gzip_ahead_end(a));
    memcpy(bad, packed, n_packed);
    memcpy(bad + n_packed, bad + n_packed - 40, 40); /* something behind it */
    a = begin(bad, n_packed + 40);
    (void)read_all(a, 0, false);
    assert_false(gzip_ahead_end(a));
    free(bad);
}

static void sizes_that_lie_end_badly(void **state)
{
    static const int32_t off[] = {-1, 1, -500000, 500000};
    uint8_t *bad = malloc(n_packed);
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        uint32_t size = (uint32_t)((int32_t)SIZE + off[i]);
        memcpy(bad, packed, n_packed);
        memcpy(bad + n_packed - 4, &size, sizeof size);
        struct gzip_ahead *a = begin(bad, n_packed);
        (void)read_all(a, 0, false);
        assert_false(gzip_ahead_end(a));
    }
    free(bad);
}

static void a_file_that_is_cut_meanwhile_ends_badly(void **state)
{
    struct gzip_ahead *a = begin(packed, n_packed);
    const uint8_t *p = NULL;
    assert_true(gzip_ahead_next(a, &p, 0) > 0);
    assert_int_equal(ftruncate(fd, 100), 0);
    for (size_t n; (n = gzip_ahead_next(a, &p, 0)) > 0;)
        p += n;
    assert_false(gzip_ahead_end(a));
}

/* The file with an extra field, a name of so many bytes and a comment in its header. */
static struct gzip_ahead *begin_with_header(size_t n_name)
{
    static const char extra[] = "\4\0abcd", comment[] = "a comment";
    AUTO_BUF b = {0};
    buf_add(&b, (const char *)packed, 10);
    b.data[3] = 0x1c;
    buf_add(&b, extra, 6);
    for (size_t i = 0; i < n_name; i++)
        buf_putc(&b, 'n');
    buf_putc(&b, 0);
    buf_add(&b, comment, sizeof comment);
    buf_add(&b, (const char *)packed + 10, n_packed - 10);
    return gzip_ahead_begin(file_of((const uint8_t *)b.data, b.len), ENOUGH);
}

static void what_a_header_may_have_is_passed_over(void **state)
{
    gzip_ahead_end(begin(packed, n_packed)); /* skips */
    struct gzip_ahead *a = begin_with_header(100);
    assert_non_null(a);
    assert_int_equal(read_all(a, 1000, true), SIZE);
    assert_true(gzip_ahead_end(a));
    assert_null(begin_with_header(100000));
}

static void small_or_too_large_is_not_for_it(void **state)
{
    uint8_t *small;
    size_t n;
    assert_null(gzip_ahead_begin(file_of(packed, n_packed), SIZE - 1));
    assert_null(gzip_ahead_begin(file_of(packed, 17), ENOUGH));
    assert_null(gzip_ahead_begin(file_of(data, SIZE), ENOUGH));
    assert_true(gzip_deflate(data, 1 << 20, 1, &small, &n, NULL));
    assert_null(gzip_ahead_begin(file_of(small, n), ENOUGH));
    free(small);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_null(gzip_ahead_begin(pipes[0], ENOUGH));
    close(pipes[0]), close(pipes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_comes),
        cmocka_unit_test(more_than_the_ring_holds_is_refused),
        cmocka_unit_test(who_stops_early_need_not_wait),
        cmocka_unit_test(damage_shows_at_the_end),
        cmocka_unit_test(sizes_that_lie_end_badly),
        cmocka_unit_test(a_file_that_is_cut_meanwhile_ends_badly),
        cmocka_unit_test(what_a_header_may_have_is_passed_over),
        cmocka_unit_test(small_or_too_large_is_not_for_it),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
