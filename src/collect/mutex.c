#include "collect/mutex.h"

static bool values(const struct wire_header *header, const struct wire_stack *row,
                   int64_t values[COLLECT_TYPES_MAX])
{
    if (row->n[0] > INT64_MAX || row->n[1] > INT64_MAX || !(row->n[0] | row->n[1]))
        return false;
    values[0] = (int64_t)row->n[0];
    values[1] = (int64_t)row->n[1];
    return true;
}

const struct collect_ops collect_mutex = {
    .name = "mutex",
    .help = "which unlocks others had to wait for, and how long",
    .none =
        "no thread waited for a lock that can be seen; -e block also has conditions and the like",
    .wire = WIRE_MUTEX,
    .types = {{"contentions", "count"}, {"delay", "nanoseconds"}},
    .period_type = {"contentions", "count"},
    .n_types = 2,
    .values = values,
};
