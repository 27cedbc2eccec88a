/* rows: finds rows of a table by what they hold.  The table is the caller's; here are only
 * their numbers, by a hash of their contents:
 *
 *   struct rows_slot *slot = rows_first(&rows, hash);
 *   while (slot->row != ROWS_NONE && !(slot->hash == hash && EQUAL(slot->row)))
 *       slot = rows_next(&rows, slot);
 *   if (slot->row == ROWS_NONE)  // a new one
 *       rows_put(&rows, slot, ROW, hash);
 *
 * rows_reserve first, else there may be no free slot at which the search ends.
 * Threads: one at a time; concurrent searches are fine.  Signals: no. */
#ifndef SONDE_BASE_ROWS_H
#define SONDE_BASE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROWS_NONE UINT32_MAX

struct rows_slot {
    uint32_t row; /* ROWS_NONE = free */
    uint32_t hash;
};

struct rows {
    struct rows_slot *slots; /* open addressing */
    size_t n, n_slots;       /* n_slots is 0 or a power of two */
};

/* Room for n rows in all; slots move.  False when memory runs out: nothing has changed. */
bool rows_reserve(struct rows *rows, size_t n);
void rows_release(struct rows *rows); /* also fine on a zeroed struct */

static inline struct rows_slot *rows_first(const struct rows *rows, uint32_t hash)
{
    return &rows->slots[hash & (rows->n_slots - 1)];
}

static inline struct rows_slot *rows_next(const struct rows *rows, struct rows_slot *slot)
{
    return &rows->slots[(size_t)(slot - rows->slots + 1) & (rows->n_slots - 1)];
}

/* A search for `hash` is to come. */
static inline void rows_prefetch(const struct rows *rows, uint32_t hash)
{
    __builtin_prefetch(rows_first(rows, hash));
}

/* `slot` is the free one at which a search for `hash` ended. */
static inline void rows_put(struct rows *rows, struct rows_slot *slot, uint32_t row, uint32_t hash)
{
    *slot = (struct rows_slot){row, hash};
    rows->n++;
}

#endif
