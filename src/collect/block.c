#include "collect/block.h"

static bool values(const struct wire_header *header, const struct wire_stack *row,
                   int64_t values[COLLECT_TYPES_MAX])
{
    uint64_t n = (row->n[0] + (1u << (WIRE_BLOCK_SHIFT - 1))) >> WIRE_BLOCK_SHIFT;
    if (row->n[0] == 0 || row->n[1] > INT64_MAX)
        return false;
    values[0] = n ? (int64_t)n : 1;
    values[1] = (int64_t)row->n[1];
    return true;
}

const struct collect_ops collect_block = {
    .name = "block",
    .help = "where threads wait: locks, conditions, semaphores, barriers, joins",
    .none = "no thread waited for another, as far as can be seen: locks without libc (Go's, those "
            "of static programs) are not",
    .wire = WIRE_BLOCK,
    .types = {{"contentions", "count"}, {"delay", "nanoseconds"}},
    .period_type = {"contentions", "count"},
    .n_types = 2,
    .values = values,
};
