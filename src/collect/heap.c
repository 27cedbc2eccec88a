#include "collect/heap.h"

#include "wire/scale.h"

static uint64_t period(const struct wire_header *header)
{
    return header->heap_rate;
}

static bool values(const struct wire_header *header, const struct wire_stack *row,
                   int64_t values[COLLECT_TYPES_MAX])
{
    uint64_t n = row->n[0], freed = row->n[1];
    if (n == 0 || n > INT64_MAX || row->key > INT64_MAX)
        return false;
    wire_scale_heap(n, row->key, header->heap_rate, &values[0], &values[1]);
    wire_scale_heap(n > freed ? n - freed : 0, row->key, header->heap_rate, &values[2], &values[3]);
    return true;
}

/* Go's two differ in the type that is shown at first. */
#define BOTH                                                                                       \
    .none = "the command allocated little; a lower --heap-rate has more samples",                  \
    .wire = WIRE_HEAP,                                                                             \
    .types = {{"alloc_objects", "count"},                                                          \
              {"alloc_space", "bytes"},                                                            \
              {"inuse_objects", "count"},                                                          \
              {"inuse_space", "bytes"}},                                                           \
    .period_type = {"space", "bytes"}, .n_types = 4, .drop_frames = WIRE_HEAP_DROP_FRAMES,         \
    .key_label = "bytes", .has_moment = true, .period = period, .values = values

const struct collect_ops collect_heap = {
    .name = "heap",
    .help = "what is allocated where, and what of it is still in use at the end",
    .zero = "nothing is in use at the end; -sample_index=alloc_space tells what was allocated",
    BOTH,
};

const struct collect_ops collect_allocs = {
    .name = "allocs",
    .help = "the same, of which reports show all that was allocated",
    .default_type = "alloc_space",
    BOTH,
};
