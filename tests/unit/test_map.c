#include "base/map.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void an_empty_map_has_nothing(void **state)
{
    struct map map = {0};
    assert_int_equal(map_get(&map, 0), MAP_NONE);
    assert_int_equal(map_get(&map, UINT64_MAX), MAP_NONE);
    map_release(&map);
}

static void any_key(void **state)
{
    struct map map;
    map_init(&map);
    assert_true(map_put(&map, 0, 1));
    assert_true(map_put(&map, UINT64_MAX, 2));
    assert_true(map_put(&map, 1ull << 63, 0));
    assert_int_equal(map_get(&map, 0), 1);
    assert_int_equal(map_get(&map, UINT64_MAX), 2);
    assert_int_equal(map_get(&map, 1ull << 63), 0);
    assert_int_equal(map_get(&map, 1), MAP_NONE);
    assert_int_equal(map.n, 3);
    map_release(&map);
}

static void put_replaces_and_get_or_put_does_not(void **state)
{
    struct map map = {0};
    assert_true(map_put(&map, 7, 1));
    assert_true(map_put(&map, 7, 2));
    assert_int_equal(map_get_or_put(&map, 7, 3), 2);
    assert_int_equal(map_get_or_put(&map, 8, 4), 4);
    assert_int_equal(map_get_or_put(&map, 8, 5), 4);
    assert_int_equal(map.n, 2);
    map_release(&map);
}

/* In small maps whose keys lie close to each other, beside a plain array. */
static void what_is_removed_is_gone_and_the_rest_stays(void **state)
{
    struct map map = {0};
    uint32_t plain[64];
    uint64_t seed = 1;
    memset(plain, 0xff, sizeof plain);
    map_remove(&map, 5);
    for (uint32_t i = 0; i < 100000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t key = seed >> 40 & 63;
        if (seed >> 60 < 7) {
            assert_true(map_put(&map, key << 50, i));
            plain[key] = i;
        } else {
            map_remove(&map, key << 50);
            plain[key] = MAP_NONE;
        }
        size_t n = 0;
        for (uint64_t k = 0; k < 64; k++) {
            assert_int_equal(map_get(&map, k << 50), plain[k]);
            n += plain[k] != MAP_NONE;
        }
        assert_int_equal(map.n, n);
    }
    map_release(&map);
}

/* Strides that a weak hash would put in one chain. */
static void many_keys_at_any_stride(void **state)
{
    static const uint64_t strides[] = {1, 8, 4096, 1ull << 32, 1ull << 48, 0x100000001ull};
    for (size_t s = 0; s < sizeof strides / sizeof *strides; s++) {
        struct map map = {0};
        for (uint32_t i = 0; i < 50000; i++)
            assert_true(map_put(&map, i * strides[s], i));
        assert_int_equal(map.n, 50000);
        for (uint32_t i = 0; i < 50000; i++)
            assert_int_equal(map_get(&map, i * strides[s]), i);
        assert_int_equal(map_get(&map, 50000 * strides[s] + 3), MAP_NONE);
        assert_true(map.n_slots > map.n);
        map_release(&map);
    }
}

static void reserve_refuses_what_cannot_be(void **state)
{
    struct map map = {0};
    assert_true(map_reserve(&map, 0));
    assert_true(map_put(&map, 5, 5));
    assert_false(map_reserve(&map, SIZE_MAX));
    assert_false(map_reserve(&map, SIZE_MAX / 64 + 1));
    assert_int_equal(map_get(&map, 5), 5);
    map_release(&map);
}

static void hashes_depend_on_every_byte(void **state)
{
    unsigned char text[40];
    for (size_t n = 1; n <= sizeof text; n++) {
        memset(text, 'a', sizeof text);
        uint64_t h = hash_bytes(text, n);
        assert_int_equal(h, hash_bytes(text, n));
        assert_true(h != hash_bytes(text, n - 1));
        for (size_t i = 0; i < n; i++) {
            text[i] ^= 1;
            assert_true(h != hash_bytes(text, n));
            text[i] ^= 1;
        }
    }
    assert_int_equal(hash_bytes(NULL, 0), hash_bytes("x", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(any_key),
        cmocka_unit_test(put_replaces_and_get_or_put_does_not),
        cmocka_unit_test(what_is_removed_is_gone_and_the_rest_stays),
        cmocka_unit_test(many_keys_at_any_stride),
        cmocka_unit_test(reserve_refuses_what_cannot_be),
        cmocka_unit_test(hashes_depend_on_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
