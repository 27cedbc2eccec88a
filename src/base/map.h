/* map: hash map from a 64-bit key to a 32-bit value, open addressing.
 * Any key is allowed.  Failure (out of memory) leaves the map unchanged.
 * Threads: one at a time; concurrent map_get without writers is fine. */
#ifndef SONDE_BASE_MAP_H
#define SONDE_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_NONE UINT32_MAX /* "not there"; so no value may be UINT32_MAX */

struct map_slot {
    uint64_t key;
    uint32_t value; /* MAP_NONE = empty */
};

struct map {
    struct map_slot *slots;
    size_t n, n_slots; /* n_slots is 0 or a power of two */
};

void map_init(struct map *map);
void map_release(struct map *map); /* also fine on a zeroed struct */
bool map_reserve(struct map *map, size_t n);
uint32_t map_get(const struct map *map, uint64_t key); /* MAP_NONE if absent */
/* Set key to value, replacing. */
bool map_put(struct map *map, uint64_t key, uint32_t value);
/* The value of key, or after inserting `value` under it, `value`. MAP_NONE
 * when memory runs out. */
uint32_t map_get_or_put(struct map *map, uint64_t key, uint32_t value);
void map_remove(struct map *map, uint64_t key); /* also fine when it is not there */

/* A good 64-bit mixer, and a hash of bytes. */
static inline uint64_t hash_u64(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return x;
}
/* Hash several words one after the other; hash_u64 the last. */
static inline uint64_t hash_step(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0xff51afd7ed558ccdu;
    return h ^ h >> 32;
}
/* Two numbers by one multiplication, good for tables of all sizes that take its lower bits. */
static inline uint32_t hash_pair(uint32_t a, uint32_t b)
{
    return (uint32_t)((((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15u) >> 32);
}
uint64_t hash_bytes(const void *data, size_t n);

#endif
