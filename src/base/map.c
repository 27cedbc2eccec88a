#include "base/map.h"

#include <stdlib.h>
#include <string.h>

void map_init(struct map *map)
{
    *map = (struct map){0};
}

void map_release(struct map *map)
{
    free(map->slots);
    map_init(map);
}

static struct map_slot *find(const struct map *map, uint64_t key)
{
    size_t mask = map->n_slots - 1, i = (size_t)hash_u64(key) & mask;
    while (map->slots[i].value != MAP_NONE && map->slots[i].key != key)
        i = (i + 1) & mask;
    return &map->slots[i];
}

bool map_reserve(struct map *map, size_t n)
{
    size_t want = 16;
    if (n > SIZE_MAX / 64)
        return false;
    while (want < n + n / 2)
        want *= 2;
    if (want <= map->n_slots)
        return true;
    struct map grown = {.n = map->n, .n_slots = want};
    grown.slots = malloc(want * sizeof *grown.slots);
    if (!grown.slots)
        return false;
    for (size_t i = 0; i < want; i++)
        grown.slots[i].value = MAP_NONE;
    for (size_t i = 0; i < map->n_slots; i++)
        if (map->slots[i].value != MAP_NONE)
            *find(&grown, map->slots[i].key) = map->slots[i];
    free(map->slots);
    *map = grown;
    return true;
}

uint32_t map_get(const struct map *map, uint64_t key)
{
    return map->n_slots ? find(map, key)->value : MAP_NONE;
}

bool map_put(struct map *map, uint64_t key, uint32_t value)
{
    if (!map_reserve(map, map->n + 1))
        return false;
    struct map_slot *slot = find(map, key);
    map->n += slot->value == MAP_NONE;
    *slot = (struct map_slot){key, value};
    return true;
}

uint32_t map_get_or_put(struct map *map, uint64_t key, uint32_t value)
{
    if (!map_reserve(map, map->n + 1))
        return MAP_NONE;
    struct map_slot *slot = find(map, key);
    if (slot->value != MAP_NONE)
        return slot->value;
    *slot = (struct map_slot){key, value};
    map->n++;
    return value;
}

void map_remove(struct map *map, uint64_t key)
{
    if (map_get(map, key) == MAP_NONE)
        return;
    size_t mask = map->n_slots - 1, hole = (size_t)(find(map, key) - map->slots);
    /* What comes after it without a gap moves up, unless it would come before its own place. */
    for (size_t i = (hole + 1) & mask; map->slots[i].value != MAP_NONE; i = (i + 1) & mask) {
        size_t home = (size_t)hash_u64(map->slots[i].key) & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        map->slots[hole] = map->slots[i];
        hole = i;
    }
    map->slots[hole].value = MAP_NONE;
    map->n--;
}

uint64_t hash_bytes(const void *data, size_t n)
{
    const unsigned char *p = data;
    size_t total = n;
    uint64_t h = 0x9e3779b97f4a7c15u ^ n, other = 0, word;
    /* Two at a time, so that one need not wait for the other. */
    for (; n >= 16; p += 16, n -= 16) {
        memcpy(&word, p, 8);
        h = hash_step(h, word);
        memcpy(&word, p + 8, 8);
        other = (other ^ word) * 0xc4ceb9fe1a85ec53u;
        other ^= other >> 32;
    }
    h ^= other * 0x9ddfea08eb382d69u;
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&word, p, 8);
        h = hash_step(h, word);
    }
    word = 0;
    if (n && total >= 8) { /* the last bytes of the last 8 */
        memcpy(&word, p + n - 8, 8);
        word >>= 8 * (8 - n);
    } else if (n) {
        memcpy(&word, p, n);
    }
    return hash_u64((h ^ word) * 0xff51afd7ed558ccdu);
}
