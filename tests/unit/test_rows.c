#include "base/rows.h"
#include "unit.h"

#include <stdlib.h>

static uint32_t find_or_put(struct rows *rows, const uint64_t *table, uint32_t row, uint32_t hash)
{
    assert_true(rows_reserve(rows, rows->n + 1));
    struct rows_slot *slot = rows_first(rows, hash);
    while (slot->row != ROWS_NONE && !(slot->hash == hash && table[slot->row] == table[row]))
        slot = rows_next(rows, slot);
    if (slot->row == ROWS_NONE)
        rows_put(rows, slot, row, hash);
    return slot->row;
}

/* hash: what the value is taken modulo for it; 1 puts all into one chain. */
static void check(uint32_t n, uint64_t modulus, uint32_t factor)
{
    struct rows rows = {0};
    uint64_t *table = malloc(2 * n * sizeof *table);
    assert_non_null(table);
    for (uint32_t i = 0; i < 2 * n; i++) {
        table[i] = i % n;
        assert_int_equal(find_or_put(&rows, table, i, (uint32_t)(i % n % modulus) * factor), i % n);
    }
    assert_int_equal(rows.n, n);
    assert_true(rows.n_slots >= 2 * n);
    rows_release(&rows);
    free(table);
}

static void equal_rows_are_found(void **state)
{
    check(1, 1, 1);
    check(3000, UINT64_MAX, 0x9e3779b1u);
    check(100000, UINT64_MAX, 1);
}

static void rows_with_one_hash_are_told_apart(void **state)
{
    check(600, 1, 0);
    check(3000, 7, UINT32_MAX); /* the chains go on at the first slot */
}

static void room_is_made_once(void **state)
{
    struct rows rows = {0};
    assert_true(rows_reserve(&rows, 1000));
    struct rows_slot *slots = rows.slots;
    assert_true(rows_reserve(&rows, 1000));
    assert_ptr_equal(rows.slots, slots);
    assert_false(rows_reserve(&rows, SIZE_MAX));
    assert_ptr_equal(rows.slots, slots);
    rows_release(&rows);
    assert_int_equal(rows.n_slots, 0);
    rows_release(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_rows_are_found),
        cmocka_unit_test(rows_with_one_hash_are_told_apart),
        cmocka_unit_test(room_is_made_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
