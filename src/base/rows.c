#include "base/rows.h"

#include <stdlib.h>
#include <string.h>

bool rows_reserve(struct rows *rows, size_t n)
{
    struct rows grown = {.n = rows->n, .n_slots = 512};
    if (n <= rows->n_slots / 2)
        return true;
    if (n > SIZE_MAX / 64)
        return false;
    while (grown.n_slots / 2 < n)
        grown.n_slots *= 2;
    grown.slots = malloc(grown.n_slots * sizeof *grown.slots);
    if (!grown.slots)
        return false;
    memset(grown.slots, 0xff, grown.n_slots * sizeof *grown.slots);
    for (size_t i = 0; i < rows->n_slots; i++) {
        if (rows->slots[i].row == ROWS_NONE)
            continue;
        struct rows_slot *slot = rows_first(&grown, rows->slots[i].hash);
        while (slot->row != ROWS_NONE)
            slot = rows_next(&grown, slot);
        *slot = rows->slots[i];
    }
    free(rows->slots);
    *rows = grown;
    return true;
}

void rows_release(struct rows *rows)
{
    free(rows->slots);
    *rows = (struct rows){0};
}
