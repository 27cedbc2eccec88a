#include "analysis/analysis_top.h"

#include <stdlib.h>
#include <string.h>

void analysis_top_init(struct analysis_top *top, size_t max, size_t item_bytes)
{
    *top = (struct analysis_top){.max = max && max < ANALYSIS_TOP_MAX ? max : ANALYSIS_TOP_MAX,
                                 .item_bytes = item_bytes};
}

void analysis_top_release(struct analysis_top *top)
{
    free(top->items);
    *top = (struct analysis_top){0};
}

static int64_t key_at(const struct analysis_top *top, size_t i)
{
    return *(const int64_t *)(top->items + i * top->item_bytes);
}

static void swap(struct analysis_top *top, size_t a, size_t b)
{
    /* The place behind the last is always there. */
    char *spare = top->items + top->max * top->item_bytes;
    memcpy(spare, top->items + a * top->item_bytes, top->item_bytes);
    memcpy(top->items + a * top->item_bytes, top->items + b * top->item_bytes, top->item_bytes);
    memcpy(top->items + b * top->item_bytes, spare, top->item_bytes);
}

static void sift_down(struct analysis_top *top)
{
    for (size_t i = 0;;) {
        size_t least = 2 * i + 1;
        if (least >= top->n)
            return;
        if (least + 1 < top->n && key_at(top, least + 1) < key_at(top, least))
            least++;
        if (key_at(top, i) <= key_at(top, least))
            return;
        swap(top, i, least);
        i = least;
    }
}

bool analysis_top_add(struct analysis_top *top, const void *item, void *dropped, bool *has_dropped)
{
    if (has_dropped)
        *has_dropped = false;
    if (!top->items && !(top->items = malloc((top->max + 1) * top->item_bytes)))
        return false;
    if (top->n == top->max) {
        const void *goes = *(const int64_t *)item > key_at(top, 0) ? top->items : item;
        if (dropped) {
            memcpy(dropped, goes, top->item_bytes);
            *has_dropped = true;
        }
        if (goes == item)
            return true;
        memcpy(top->items, item, top->item_bytes);
        sift_down(top);
        return true;
    }
    size_t i = top->n++;
    memcpy(top->items + i * top->item_bytes, item, top->item_bytes);
    for (; i && key_at(top, i) < key_at(top, (i - 1) / 2); i = (i - 1) / 2)
        swap(top, i, (i - 1) / 2);
    return true;
}

static int by_key(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

void analysis_top_sort(struct analysis_top *top)
{
    if (top->n)
        qsort(top->items, top->n, top->item_bytes, by_key);
}
