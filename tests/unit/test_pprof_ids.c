/* Location ids that are read many at a time are those that are read one by one, whatever their
 * lengths, and nothing is looked at or written that must not be. */
#include "format/pprof_ids.h"
#include "format/proto.h"
#include "unit.h"

#include <sys/mman.h>
#include <unistd.h>

#define MOST_BYTES 300u
#define ROOM 16u /* rows that may be written beyond those that are there */

static const struct pprof_ids_ops *ops;
static uint8_t *page_end; /* what follows cannot be read */
static uint32_t seed = 1;

static uint32_t any(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * below >> 32);
}

/* `n_bytes` of ids of up to `longest` bytes each, the last of which may be cut, before page_end. */
static const uint8_t *put_ids(uint32_t n_bytes, uint32_t longest)
{
    uint8_t *begin = page_end - n_bytes;
    for (uint32_t i = 0, left = 0; i < n_bytes; i++) {
        left = left ? left - 1 : any(longest);
        begin[i] = (uint8_t)(any(128) | (left ? 0x80 : 0));
    }
    return begin;
}

/* Whether `n` rows are those of the ids in p..taken. */
static void assert_rows(const uint8_t *p, const uint8_t *taken, const uint32_t *rows, size_t n)
{
    uint64_t id;
    size_t i = 0;
    for (; p < taken; i++) {
        assert_non_null(p = proto_varint(p, taken, &id));
        assert_true(i < n);
        assert_int_equal(rows[i], (uint32_t)id - 1);
    }
    assert_int_equal(i, n);
}

static void ids_are_read_alike(void **state)
{
    static uint32_t rows[MOST_BYTES + ROOM + 1];
    for (uint32_t round = 0; round < 20000; round++) {
        uint32_t n_bytes = 1 + any(MOST_BYTES), n_after = any(3) ? 0 : any(n_bytes);
        uint32_t longest = 1 + any(round % 8 ? 4 : 10), room = any(3) ? MOST_BYTES : any(40);
        const uint8_t *p = put_ids(n_bytes, longest), *end = page_end - n_after;
        uint32_t *to = rows;
        rows[room] = 12345;
        const uint8_t *taken = ops->take(p, end, page_end, &to, rows + room);
        assert_true(taken >= p && taken <= end && to <= rows + room);
        assert_int_equal(rows[room], 12345);
        assert_rows(p, taken, rows, (size_t)(to - rows));
    }
}

/* As they mostly are, none are left for the slow way but the last ones. */
static void short_ids_are_taken(void **state)
{
    static uint32_t rows[MOST_BYTES + ROOM];
    for (uint32_t longest = 1; longest <= 4; longest++) {
        const uint8_t *p = put_ids(MOST_BYTES, longest);
        uint32_t *to = rows;
        const uint8_t *taken = ops->take(p, page_end, page_end, &to, rows + MOST_BYTES + ROOM);
        assert_true(page_end - taken <= 40);
        assert_rows(p, taken, rows, (size_t)(to - rows));
    }
}

static void the_largest_is_found(void **state)
{
    static uint32_t rows[100];
    assert_int_equal(ops->largest(rows, 0), 0);
    for (uint32_t n = 1; n <= 100; n++) {
        uint32_t at = any(n);
        for (uint32_t i = 0; i < n; i++)
            rows[i] = any(1000);
        rows[at] = UINT32_MAX - any(5);
        assert_int_equal(ops->largest(rows, n), rows[at]);
    }
}

static int set_up(void **state)
{
    long page = sysconf(_SC_PAGESIZE);
    uint8_t *p =
        mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + page, (size_t)page, PROT_NONE) != 0)
        return -1;
    page_end = p + page;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_read_alike),
        cmocka_unit_test(short_ids_are_taken),
        cmocka_unit_test(the_largest_is_found),
    };
    ops = pprof_ids_ops();
    return ops ? cmocka_run_group_tests(tests, set_up, NULL) : 77; /* one by one only */
}
