/* vec: a growing array of one type, malloc'ed.
 *
 *   VEC(uint32_t) ids = {0};
 *   if (!vec_push(&ids, 7)) ... out of memory, ids unchanged
 *   ids.items[0], ids.n;  vec_release(&ids);
 *
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_BASE_VEC_H
#define SONDE_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t n, cap;                                                                             \
    }

/* Grow *items to hold at least `need`; false when memory runs out. */
static inline bool vec_grow_(void **items, size_t *cap, size_t need, size_t item_bytes)
{
    if (need <= *cap)
        return true;
    size_t new_cap = *cap ? *cap : 8, bytes;
    if (need > SIZE_MAX / 2)
        return false;
    while (new_cap < need)
        new_cap += new_cap / 2 + 1;
    if (__builtin_mul_overflow(new_cap, item_bytes, &bytes))
        return false;
    void *p = realloc(*items, bytes);
    if (!p)
        return false;
    *items = p;
    *cap = new_cap;
    return true;
}

#define vec_reserve(v, need) vec_grow_((void **)&(v)->items, &(v)->cap, (need), sizeof *(v)->items)
#define vec_push(v, ...)                                                                           \
    (vec_reserve((v), (v)->n + 1) && ((v)->items[(v)->n++] = (__VA_ARGS__), true))
#define vec_release(v) (free((v)->items), (v)->items = NULL, (v)->n = (v)->cap = 0)
#define vec_clear(v) ((v)->n = 0)

#endif
