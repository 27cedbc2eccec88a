/* Where equal items end up: as after Go 1.27's sort.Sort, whose answers these are (FNV
 * of the indexes in order). */
#include "base/go_sort.h"
#include "unit.h"

#include <stdlib.h>

#define N_PATTERNS 8
#define ADVERSARY 7 /* keys that are decided as they are asked for: every pivot is bad */

static const struct {
    uint32_t n, answers[N_PATTERNS];
} cases[] = {
    {2,
     {0x4bb53254, 0x4bb53254, 0x4bb53254, 0x4bb53254, 0x4bb53254, 0x4bb53254, 0x4bb53254,
      0x4bb53254}},
    {12,
     {0x56f61f95, 0x2b332165, 0x39571505, 0x9830a585, 0x8cca11b5, 0x39571505, 0x83f550d5,
      0x39571505}},
    {13,
     {0x5a7d10e9, 0xbcc08ed9, 0xaa819c99, 0x543549e9, 0xe0c0b009, 0xaa819c99, 0xd77bc569,
      0x116f9919}},
    {40,
     {0x6da547d5, 0x740638d5, 0x1d8c56c5, 0x5537fbb5, 0xc94a0895, 0x1d8c56c5, 0xb2c19fd5,
      0xb17410f5}},
    {60,
     {0xdba08625, 0x7b9fbe25, 0x06309ee5, 0x28381585, 0xdfe672f5, 0x06309ee5, 0x9918aee5,
      0x5b06a515}},
    {300,
     {0x9cc45c29, 0x9c677305, 0x1e59ef91, 0xc2c57151, 0x4c1c3171, 0x1e59ef91, 0xb6c16361,
      0x59f62cd1}},
    {5000,
     {0x6ceab7e1, 0xf795d865, 0xc36aa6b5, 0xf2e8a2bd, 0x83f365a1, 0xc36aa6b5, 0x60b0c79d,
      0x41af236d}},
};

struct keys {
    uint32_t *of;
    uint32_t n_decided, candidate, open; /* of the adversary; open: not decided */
};

static uint32_t key(int pattern, uint32_t i, uint32_t n)
{
    uint32_t random = (i * 2654435761U + 12345) >> 16;
    switch (pattern) {
    case 0:
        return random % 1000;
    case 1:
        return random % 3;
    case 2:
        return i / 4;
    case 3:
        return (n - i) / 4;
    case 4:
        return i < n / 2 ? i / 2 : (n - i) / 2;
    case 5:
        return 7;
    case 6:
        return i % 37 == 5 ? 0 : i / 3;
    default:
        return n + 1;
    }
}

static bool is_less(uint32_t a, uint32_t b, void *arg)
{
    struct keys *k = arg;
    return k->of[a] < k->of[b];
}

static bool is_less_adversary(uint32_t a, uint32_t b, void *arg)
{
    struct keys *k = arg;
    if (k->of[a] == k->open && k->of[b] == k->open)
        k->of[a == k->candidate ? a : b] = k->n_decided++;
    if (k->of[a] == k->open)
        k->candidate = a;
    else if (k->of[b] == k->open)
        k->candidate = b;
    return k->of[a] < k->of[b];
}

static uint32_t hash(const uint32_t *items, uint32_t n)
{
    uint32_t h = 2166136261U;
    for (uint32_t i = 0; i < n; i++)
        for (int k = 0; k < 32; k += 8)
            h = (h ^ (items[i] >> k & 255)) * 16777619U;
    return h;
}

static void equal_items(void **state)
{
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (int pattern = 0; pattern < N_PATTERNS; pattern++) {
            uint32_t n = cases[c].n;
            uint32_t *items = malloc(n * sizeof *items);
            struct keys keys = {.of = malloc(n * sizeof *keys.of), .open = n + 1};
            assert_non_null(items);
            assert_non_null(keys.of);
            for (uint32_t i = 0; i < n; i++) {
                items[i] = i;
                keys.of[i] = key(pattern, i, n);
            }
            go_sort(items, n, pattern == ADVERSARY ? is_less_adversary : is_less, &keys);
            if (hash(items, n) != cases[c].answers[pattern])
                fail_msg("pattern %d of %u items", pattern, n);
            free(items);
            free(keys.of);
        }
    }
}

static bool is_less_of_few(uint32_t a, uint32_t b, void *arg)
{
    (void)arg;
    return a * 7919 % 13 % 5 < b * 7919 % 13 % 5;
}

/* Go 1.19's order, and that of 1.24. */
static void earlier_versions(void **state)
{
    static const struct {
        uint32_t n, earlier, later;
    } orders[] = {{12, 0x8eac94a5, 0x8eac94a5},
                  {13, 0x7b9896a9, 0x7b9896a9},
                  {60, 0xaddddba5, 0x015bfca5},
                  {1000, 0x23b33a15, 0x1e553c35}};
    uint32_t items[1000];
    for (size_t c = 0; c < sizeof orders / sizeof *orders; c++) {
        for (int is_later = 0; is_later < 2; is_later++) {
            uint32_t n = orders[c].n;
            for (uint32_t i = 0; i < n; i++)
                items[i] = i;
            (is_later ? go_sort : go_sort_until_1_23)(items, n, is_less_of_few, NULL);
            assert_int_equal(hash(items, n), is_later ? orders[c].later : orders[c].earlier);
        }
    }
}

static void few_items(void **state)
{
    uint32_t item = 3;
    go_sort(NULL, 0, is_less, NULL);
    go_sort(&item, 1, is_less, NULL);
    assert_int_equal(item, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal_items),
                                       cmocka_unit_test(earlier_versions),
                                       cmocka_unit_test(few_items)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
