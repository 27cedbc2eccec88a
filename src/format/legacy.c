#include "format/legacy.h"

#include "format/memory_map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Frames that are the measurement's own, by kind of profile: below them nothing is
 * of interest.  The lists are pprof's, but for jemalloc's, which it does not read. */
#define DROP_CPU                                                                                   \
    "ProfileData::Add|ProfileData::prof_handler|CpuProfiler::prof_handler|"                        \
    "__pthread_sighandler|__restore"
#define DROP_HEAP                                                                                  \
    "calloc|cfree|malloc|free|memalign|do_memalign|(__)?posix_memalign|pvalloc|valloc|realloc|"    \
    "tcmalloc::.*|tc_calloc|tc_cfree|tc_malloc|tc_free|tc_memalign|tc_posix_memalign|tc_pvalloc|"  \
    "tc_valloc|tc_realloc|tc_new|tc_delete|tc_newarray|tc_deletearray|tc_new_nothrow|"             \
    "tc_newarray_nothrow|malloc_zone_malloc|malloc_zone_calloc|malloc_zone_valloc|"                \
    "malloc_zone_realloc|malloc_zone_memalign|malloc_zone_free|runtime\\..*|BaseArena::.*|"        \
    "(::)?do_malloc_no_errno|(::)?do_malloc_pages|(::)?do_malloc|DoSampledAllocation|"             \
    "MallocedMemBlock::MallocedMemBlock|_M_allocate|__builtin_(vec_)?delete|"                      \
    "__builtin_(vec_)?new|__gnu_cxx::new_allocator::allocate|__libc_malloc|"                       \
    "__malloc_alloc_template::allocate|allocate|cpp_alloc|operator new(\\[\\])?|"                  \
    "simple_alloc::allocate"
#define DROP_JEMALLOC                                                                              \
    DROP_HEAP "|jemalloc|aligned_alloc|mallocx|rallocx|xallocx|je_.*|_rjem_.*|"                    \
              "(void\\* )?(newImpl|fallback_impl|fallbackNewImpl).*"
#define KEEP_HEAP "runtime\\.panic|runtime\\.reflectcall|runtime\\.call[0-9]*"
#define DROP_CONTENTION                                                                            \
    "RecordLockProfileData|(base::)?RecordLockProfileData.*|(base::)?SubmitMutexProfileData.*|"    \
    "(base::)?SubmitSpinLockProfileData.*|(base::Mutex::)?AwaitCommon.*|(base::Mutex::)?Unlock.*|" \
    "(base::Mutex::)?UnlockSlow.*|(base::Mutex::)?ReaderUnlock.*|(base::MutexLock::)?~MutexLock.*" \
    "|"                                                                                            \
    "(Mutex::)?AwaitCommon.*|(Mutex::)?Unlock.*|(Mutex::)?UnlockSlow.*|(Mutex::)?ReaderUnlock.*|"  \
    "(MutexLock::)?~MutexLock.*|(SpinLock::)?Unlock.*|(SpinLock::)?SlowUnlock.*|"                  \
    "(SpinLockHolder::)?~SpinLockHolder.*"

bool legacy_init(struct legacy *l, size_t len, struct diag *diag, struct err *err)
{
    *l = (struct legacy){.diag = diag, .builder = builder_new(err)};
    if (!l->builder)
        return false;
    /* About what a large file fills; memory that is not used is not touched.  No
     * column is NULL. */
    return (vec_reserve(&l->lines, 1) && vec_reserve(&l->frames, len / 8 + 1) &&
            vec_reserve(&l->samples, len / 256 + 1) && vec_reserve(&l->values, len / 128 + 1) &&
            vec_reserve(&l->labels, len / 256 + 1)) ||
           err_nomem(err);
}

void legacy_release(struct legacy *l)
{
    builder_free(l->builder);
    vec_release(&l->locations);
    map_release(&l->location_of);
    vec_release(&l->lines);
    vec_release(&l->functions);
    map_release(&l->function_of);
    vec_release(&l->frames);
    vec_release(&l->samples);
    vec_release(&l->values);
    vec_release(&l->labels);
    *l = (struct legacy){0};
}

void legacy_type(struct legacy *l, struct str type, struct str unit)
{
    builder_type(l->builder, builder_string(l->builder, type), builder_string(l->builder, unit));
    l->n_types++;
}

void legacy_period(struct legacy *l, struct str type, struct str unit, int64_t period)
{
    struct profile *header = builder_header(l->builder);
    header->period_type.type = builder_string(l->builder, type);
    header->period_type.unit = builder_string(l->builder, unit);
    header->has_period_type = true;
    header->period = period;
}

void legacy_push(struct legacy *l, uint64_t address)
{
    if (l->failed)
        return;
    uint32_t next = (uint32_t)l->locations.n;
    uint32_t location = map_get_or_put(&l->location_of, address, next);
    l->failed = location == MAP_NONE ||
                (location == next &&
                 (next == MAP_NONE - 1 ||
                  !vec_push(&l->locations, (struct legacy_location){.address = address}))) ||
                !vec_push(&l->frames, location);
}

bool legacy_push_text(struct legacy *l, struct str addresses, int leaf_offset, int caller_offset)
{
    uint64_t address;
    int offset = leaf_offset;
    for (;; offset = caller_offset) {
        switch (text_address(&addresses, &address)) {
        case TEXT_ADDRESS:
            legacy_push(l, address + (uint64_t)(int64_t)offset);
            break;
        case TEXT_NO_ADDRESS:
            return true;
        case TEXT_ADDRESS_TOO_LARGE:
            return false;
        }
    }
}

void legacy_sample(struct legacy *l, const int64_t *values)
{
    struct legacy_sample sample = {l->frames.n, l->labels.n};
    for (unsigned i = 0; i < l->n_types; i++)
        l->failed = l->failed || !vec_push(&l->values, values[i]);
    l->failed = l->failed || !vec_push(&l->samples, sample);
}

void legacy_label(struct legacy *l, const struct profile_label *label)
{
    l->failed = l->failed || !vec_push(&l->labels, *label);
    if (!l->failed)
        l->samples.items[l->samples.n - 1].labels_end = l->labels.n;
}

uint32_t legacy_find(const struct legacy *l, uint64_t address)
{
    return map_get(&l->location_of, address);
}

void legacy_line(struct legacy *l, uint32_t location, uint32_t function, int64_t line)
{
    if (l->failed)
        return;
    struct legacy_location *row = &l->locations.items[location];
    l->failed = l->lines.n >= UINT32_MAX - 1 ||
                !vec_push(&l->lines, (struct profile_line){.function = function, .line = line});
    if (l->failed)
        return;
    if (row->n_lines == 0)
        row->first_line = (uint32_t)l->lines.n - 1;
    row->n_lines++;
}

void legacy_set_line(struct legacy *l, uint32_t location, uint32_t function, int64_t line)
{
    if (!l->failed && l->locations.items[location].n_lines)
        l->lines.items[l->locations.items[location].first_line] =
            (struct profile_line){.function = function, .line = line};
    else
        legacy_line(l, location, function, line);
}

uint32_t legacy_function(struct legacy *l, uint32_t name, uint32_t file, bool by_name)
{
    uint32_t next = (uint32_t)l->functions.n;
    uint64_t key = (uint64_t)name << 32 | (by_name ? 0 : file);
    uint32_t function = l->failed ? MAP_NONE : map_get_or_put(&l->function_of, key, next);
    struct profile_function row = {.name = name, .system_name = name, .filename = file};
    l->failed = function == MAP_NONE || (function == next && !vec_push(&l->functions, row));
    return l->failed ? 0 : function;
}

/* Take the second frame out of the stacks of which `is_dropped` says so. */
static void drop_second(struct legacy *l, bool (*is_dropped)(uint64_t, uint64_t, uint64_t),
                        uint64_t arg)
{
    size_t n = 0, begin = 0;
    for (size_t i = 0; i < l->samples.n; i++) {
        size_t end = l->samples.items[i].frames_end;
        const uint32_t *stack = l->frames.items + begin;
        bool drop = end - begin > 1 && is_dropped(l->locations.items[stack[0]].address,
                                                  l->locations.items[stack[1]].address, arg);
        for (size_t k = begin; k < end; k++)
            if (!drop || k != begin + 1)
                l->frames.items[n++] = l->frames.items[k];
        l->samples.items[i].frames_end = n;
        begin = end;
    }
    l->frames.n = n;
}

static bool has_address(uint64_t leaf, uint64_t caller, uint64_t address)
{
    return caller == address;
}

void legacy_drop_second(struct legacy *l, uint64_t address)
{
    drop_second(l, has_address, address);
}

static bool is_leaf_again(uint64_t leaf, uint64_t caller, uint64_t unused)
{
    return leaf == caller + 1;
}

int64_t legacy_to_int(double v)
{
    return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

void legacy_unsample(int64_t *count, int64_t *size, int64_t rate)
{
    if (*count == 0 || *size == 0) {
        *count = *size = 0;
    } else if (rate > 1) {
        double mean_size = (double)*size / (double)*count;
        double scale = 1 / (1 - exp(-mean_size / (double)rate));
        *count = legacy_to_int((double)*count * scale);
        *size = legacy_to_int((double)*size * scale);
    }
}

/* --- making the profile --- */

/* The rows that samples use, in the order in which they do. */
struct order {
    uint32_t *locations; /* [n_locations] */
    uint32_t n_locations;
    uint32_t *new_location; /* [l->locations.n] its place there, PROFILE_NONE: not used */
    uint32_t *new_function; /* [l->functions.n] row in the builder, PROFILE_NONE: not yet */
    uint32_t *mapping_of;   /* [n_locations] */
    bool *has_unnamed;      /* [n_mappings] locations whose function is not known */
};

static bool order_locations(const struct legacy *l, struct order *order)
{
    order->locations = malloc((l->locations.n + 1) * sizeof *order->locations);
    order->new_location = malloc((l->locations.n + 1) * sizeof *order->new_location);
    order->mapping_of = malloc((l->locations.n + 1) * sizeof *order->mapping_of);
    if (!order->locations || !order->new_location || !order->mapping_of)
        return false;
    for (size_t i = 0; i < l->locations.n; i++)
        order->new_location[i] = PROFILE_NONE;
    for (size_t i = 0; i < l->frames.n; i++) {
        uint32_t location = l->frames.items[i];
        if (order->new_location[location] != PROFILE_NONE)
            continue;
        order->new_location[location] = order->n_locations;
        order->locations[order->n_locations++] = location;
    }
    return true;
}

/* Addresses that only are names, of locations that have a better one. */
static void forget_addresses(struct legacy *l)
{
    for (size_t i = 0; i < l->locations.n; i++)
        if (l->locations.items[i].n_lines)
            l->locations.items[i].address = 0;
}

/* In the order of the locations, as mappings may grow on the way. */
static bool find_mappings(const struct legacy *l, struct order *order, struct memory_map *map)
{
    for (uint32_t i = 0; i < order->n_locations; i++) {
        uint64_t address = l->locations.items[order->locations[i]].address;
        order->mapping_of[i] = address ? memory_map_find(map, address) : PROFILE_NONE;
        if (address && order->mapping_of[i] == PROFILE_NONE)
            return false;
    }
    order->has_unnamed = calloc(map->mappings.n + 1, sizeof *order->has_unnamed);
    if (!order->has_unnamed)
        return false;
    for (uint32_t i = 0; i < order->n_locations; i++) {
        const struct legacy_location *location = &l->locations.items[order->locations[i]];
        if (order->mapping_of[i] != PROFILE_NONE)
            order->has_unnamed[order->mapping_of[i]] |=
                location->n_lines == 0 || location->is_vague;
    }
    return true;
}

/* What is in jemalloc's library is the allocator, also where it has no symbols, so
 * that drop_frames finds it. */
static void name_jemalloc(struct legacy *l, const struct order *order, const struct memory_map *map)
{
    uint32_t name = builder_string(l->builder, STR("jemalloc"));
    uint32_t function = legacy_function(l, name, 0, false);
    for (uint32_t i = 0; i < order->n_locations && !l->failed; i++) {
        struct legacy_location *location = &l->locations.items[order->locations[i]];
        if (order->mapping_of[i] == PROFILE_NONE)
            continue;
        uint32_t file = map->mappings.items[order->mapping_of[i]].file;
        if (!text_contains(builder_text(l->builder, file), STR("libjemalloc")))
            continue;
        legacy_line(l, order->locations[i], function, 0);
        location->is_vague = true;
        order->has_unnamed[order->mapping_of[i]] = true;
    }
}

static void add_mappings(struct legacy *l, const struct order *order, const struct memory_map *map)
{
    for (size_t i = 0; i < map->mappings.n; i++) {
        struct profile_mapping mapping = map->mappings.items[i];
        bool is_named = l->lines.n && !order->has_unnamed[i];
        mapping.has_functions = mapping.has_filenames = mapping.has_line_numbers = is_named;
        builder_mapping(l->builder, &mapping);
    }
}

/* Functions get their rows when the first location needs them. */
static bool order_functions(const struct legacy *l, struct order *order)
{
    order->new_function = malloc((l->functions.n + 1) * sizeof *order->new_function);
    for (size_t i = 0; order->new_function && i < l->functions.n; i++)
        order->new_function[i] = PROFILE_NONE;
    return order->new_function != NULL;
}

static void add_locations(struct legacy *l, struct order *order, unsigned flags)
{
    for (uint32_t i = 0; i < order->n_locations; i++) {
        const struct legacy_location *row = &l->locations.items[order->locations[i]];
        struct profile_line *lines = l->lines.items + row->first_line;
        struct profile_location location = {
            .address = flags & LEGACY_NO_ADDRESSES ? 0 : row->address,
            .mapping = order->mapping_of[i],
        };
        for (uint32_t k = 0; k < row->n_lines; k++) {
            uint32_t *function = &order->new_function[lines[k].function];
            if (*function == PROFILE_NONE)
                *function = builder_function(l->builder, &l->functions.items[lines[k].function]);
            lines[k].function = *function;
        }
        builder_location(l->builder, &location, lines, row->n_lines);
    }
}

static void add_samples(struct legacy *l, const struct order *order)
{
    size_t frame = 0, label = 0;
    builder_reserve(l->builder, l->samples.n, l->frames.n, l->labels.n);
    for (size_t i = 0; i < l->frames.n; i++)
        l->frames.items[i] = order->new_location[l->frames.items[i]];
    for (size_t i = 0; i < l->samples.n; i++) {
        const struct legacy_sample *sample = &l->samples.items[i];
        builder_sample(l->builder, l->frames.items + frame, (uint32_t)(sample->frames_end - frame),
                       l->values.items + i * l->n_types, l->labels.items + label,
                       (uint32_t)(sample->labels_end - label));
        frame = sample->frames_end;
        label = sample->labels_end;
    }
}

static void set_drop_frames(struct legacy *l, unsigned flags)
{
    struct profile *header = builder_header(l->builder);
    struct str drop = STR(DROP_CPU), keep = STR("");
    if (flags & LEGACY_HEAP) {
        drop = flags & LEGACY_JEMALLOC ? STR(DROP_JEMALLOC) : STR(DROP_HEAP);
        keep = STR(KEEP_HEAP);
    } else if (flags & LEGACY_CONTENTION) {
        drop = STR(DROP_CONTENTION);
    }
    header->drop_frames = builder_string(l->builder, drop);
    header->keep_frames = builder_string(l->builder, keep);
}

struct profile *legacy_seal(struct legacy *l, struct text *t, unsigned flags, struct err *err)
{
    struct memory_map map = {0};
    struct order order = {0};
    struct profile *profile = NULL;
    if (l->samples.n && l->n_types == 0) {
        err_set(err, ERR_INPUT, "malformed profile: missing sample type information");
        return NULL;
    }
    if (!memory_map_read(&map, t, l->builder, err))
        goto out;
    if (flags & LEGACY_NO_ADDRESSES)
        forget_addresses(l);
    if (l->failed || !order_locations(l, &order) || !find_mappings(l, &order, &map)) {
        err_nomem(err);
        goto out;
    }
    if (flags & LEGACY_JEMALLOC)
        name_jemalloc(l, &order, &map);
    if (l->failed || !order_functions(l, &order)) {
        err_nomem(err);
        goto out;
    }
    if (flags & LEGACY_LEAF_TWICE)
        drop_second(l, is_leaf_again, 0);
    add_mappings(l, &order, &map);
    add_locations(l, &order, flags);
    add_samples(l, &order);
    set_drop_frames(l, flags);
    profile = builder_seal(l->builder, err);
    l->builder = NULL;
out:
    memory_map_release(&map);
    free(order.locations);
    free(order.new_location);
    free(order.new_function);
    free(order.mapping_of);
    free(order.has_unnamed);
    return profile;
}
