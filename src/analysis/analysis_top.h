/* analysis_top: the largest of many, exactly: those that are kept are no more than `max`.
 * An item is a struct whose first member is the int64_t that it is judged by; of equal ones
 * the earlier stay.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_TOP_H
#define SONDE_ANALYSIS_ANALYSIS_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANALYSIS_TOP_MAX 1000 /* when all are asked for */

struct analysis_top {
    char *items; /* a heap, the least first; sorted by analysis_top_sort */
    size_t n, cap, max, item_bytes;
};

/* `max` 0: as many as there may be. */
void analysis_top_init(struct analysis_top *top, size_t max, size_t item_bytes);
void analysis_top_release(struct analysis_top *top); /* also fine on a zeroed one */

/* Whether an item that is judged by `key` would be taken: for who puts it together only then. */
static inline bool analysis_top_wants(const struct analysis_top *top, int64_t key)
{
    return top->n < top->max || key > *(const int64_t *)top->items;
}
/* Take a copy of it, if it is large enough; what has to go for it is copied to `dropped`, if
 * that is not NULL and *has_dropped is set.  False: no memory.  O(log max). */
bool analysis_top_add(struct analysis_top *top, const void *item, void *dropped, bool *has_dropped);

/* The largest first.  Nothing can be added after it. */
void analysis_top_sort(struct analysis_top *top);
static inline const void *analysis_top_at(const struct analysis_top *top, size_t i)
{
    return top->items + i * top->item_bytes;
}

#endif
