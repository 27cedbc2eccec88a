#include "collect/threadcreate.h"

static bool values(const struct wire_header *header, const struct wire_stack *row,
                   int64_t values[COLLECT_TYPES_MAX])
{
    values[0] = (int64_t)row->n[0];
    return values[0] > 0;
}

const struct collect_ops collect_threadcreate = {
    .name = "threadcreate",
    .help = "the stacks that made threads",
    .none = "the command made no threads",
    .wire = WIRE_THREADCREATE,
    .types = {{"threadcreate", "count"}},
    .period_type = {"threadcreate", "count"},
    .n_types = 1,
    .values = values,
};
