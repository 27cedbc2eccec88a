#include "base/arena.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void blocks_are_aligned_and_apart(void **state)
{
    AUTO_ARENA arena = {0};
    unsigned char *blocks[3000];
    size_t sizes[3000];
    for (size_t i = 0; i < 3000; i++) {
        sizes[i] = i % 7 == 0 ? 0 : i % 97 == 0 ? 40000 + i : i % 300;
        blocks[i] = arena_alloc(&arena, sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)(i & 0xff), sizes[i]);
    }
    for (size_t i = 0; i < 3000; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(blocks[i][k], i & 0xff);
}

static void a_large_block_leaves_the_current_one(void **state)
{
    AUTO_ARENA arena = {0};
    char *a = arena_alloc(&arena, 16);
    char *big = arena_alloc(&arena, 10 << 20);
    char *b = arena_alloc(&arena, 16);
    assert_non_null(big);
    assert_ptr_equal(b, a + 16);
    memset(big, 1, 10 << 20);
}

static void the_first_block_may_be_large(void **state)
{
    AUTO_ARENA arena = {0};
    assert_non_null(arena_alloc(&arena, 1 << 20));
    assert_non_null(arena_alloc(&arena, 1));
}

static void sizes_that_overflow_fail(void **state)
{
    AUTO_ARENA arena = {0};
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 15));
    assert_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
    assert_null(arena_calloc(&arena, SIZE_MAX / 8, 8));
    assert_non_null(arena_calloc(&arena, 0, 8));
}

static void calloc_clears(void **state)
{
    AUTO_ARENA arena = {0};
    for (int round = 0; round < 100; round++) {
        unsigned char *p = arena_calloc(&arena, 37, 11);
        for (int i = 0; i < 37 * 11; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, 37 * 11);
    }
}

static void texts(void **state)
{
    AUTO_ARENA arena = {0};
    assert_string_equal(arena_strndup(&arena, "abcdef", 3), "abc");
    assert_string_equal(arena_strndup(&arena, NULL, 0), "");
    assert_string_equal(arena_printf(&arena, "%s-%d", "x", 42), "x-42");
    char *wide = arena_printf(&arena, "%*d", 100000, 7);
    assert_int_equal(strlen(wide), 100000);
    assert_int_equal(wide[99999], '7');
}

static void adopted_blocks_go_with_it(void **state)
{
    AUTO_ARENA arena = {0}; /* a leak would be seen by the sanitised build */
    void *items = malloc(100 * sizeof(int));
    ((int *)items)[1] = 11;
    int *kept = arena_adopt(&arena, &items, 2, sizeof(int));
    assert_non_null(kept);
    assert_null(items);
    assert_int_equal(kept[1], 11);
    items = malloc(8);
    assert_non_null(arena_adopt(&arena, &items, 0, 8));
    assert_non_null(arena_alloc(&arena, 100));
    items = NULL;
    assert_true(arena.n_bytes >= 2 * sizeof(int));
}

static void release_twice(void **state)
{
    struct arena arena;
    arena_init(&arena);
    arena_alloc(&arena, 10);
    arena_release(&arena);
    arena_release(&arena);
    assert_int_equal(arena.n_bytes, 0);
    assert_non_null(arena_alloc(&arena, 10));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_apart),
        cmocka_unit_test(a_large_block_leaves_the_current_one),
        cmocka_unit_test(the_first_block_may_be_large),
        cmocka_unit_test(sizes_that_overflow_fail),
        cmocka_unit_test(calloc_clears),
        cmocka_unit_test(texts),
        cmocka_unit_test(adopted_blocks_go_with_it),
        cmocka_unit_test(release_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
