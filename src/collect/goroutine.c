#include "collect/goroutine.h"

static bool values(const struct wire_header *header, const struct wire_stack *row,
                   int64_t values[COLLECT_TYPES_MAX])
{
    values[0] = (int64_t)row->n[0];
    return values[0] > 0;
}

const struct collect_ops collect_goroutine = {
    .name = "goroutine",
    .alias = "threads",
    .help = "the stack of every thread at the end, with its state and name",
    .none =
        "the command was ended by a signal, or forbade itself system calls; --at takes a profile "
        "on the way",
    .wire = WIRE_GOROUTINE,
    .types = {{"goroutine", "count"}},
    .period_type = {"goroutine", "count"},
    .n_types = 1,
    .is_moment = true,
    .has_moment = true,
    .values = values,
};
