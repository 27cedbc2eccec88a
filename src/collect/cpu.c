#include "collect/cpu.h"

static uint64_t period(const struct wire_header *header)
{
    return header->period_ns;
}

static bool values(const struct wire_header *header, const struct wire_stack *row,
                   int64_t values[COLLECT_TYPES_MAX])
{
    uint64_t n = row->n[0];
    if (n == 0 || n > INT64_MAX / header->period_ns)
        return false;
    values[0] = (int64_t)n;
    values[1] = (int64_t)(n * header->period_ns);
    return true;
}

const struct collect_ops collect_cpu = {
    .name = "cpu",
    .help = "where CPU time goes, of all threads and child processes",
    .none = "the command used hardly any CPU time; try a higher -F or a longer run",
    .wire = WIRE_CPU,
    .types = {{"samples", "count"}, {"cpu", "nanoseconds"}},
    .period_type = {"cpu", "nanoseconds"},
    .n_types = 2,
    .period = period,
    .values = values,
};
