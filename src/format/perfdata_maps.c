#include "format/perfdata_maps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool perfdata_maps_init(struct perfdata_maps *m, size_t max_ranges)
{
    *m = (struct perfdata_maps){.max_ranges = max_ranges};
    arena_init(&m->arena);
    map_init(&m->known);
    map_init(&m->processes);
    return intern_init(&m->texts, &m->arena);
}

void perfdata_maps_release(struct perfdata_maps *m)
{
    for (size_t i = 0; i < m->mappings.n; i++)
        map_release(&m->mappings.items[i].locations);
    for (size_t i = 0; i < m->spaces.n; i++) {
        vec_release(&m->spaces.items[i].ranges);
        map_release(&m->spaces.items[i].cache);
    }
    vec_release(&m->mappings);
    vec_release(&m->spaces);
    map_release(&m->known);
    map_release(&m->processes);
    intern_release(&m->texts);
    arena_release(&m->arena);
    *m = (struct perfdata_maps){0};
}

struct perfdata_space *perfdata_maps_space(struct perfdata_maps *m, uint32_t pid)
{
    uint32_t i = map_get(&m->processes, pid);
    return i == MAP_NONE ? NULL : &m->spaces.items[i];
}

static struct perfdata_space *make_space(struct perfdata_maps *m, uint32_t pid)
{
    struct perfdata_space *space = perfdata_maps_space(m, pid);
    if (space)
        return space;
    if (!vec_push(&m->spaces, (struct perfdata_space){.program = MAP_NONE}))
        return NULL;
    if (!map_put(&m->processes, pid, (uint32_t)m->spaces.n - 1)) {
        m->spaces.n--;
        return NULL;
    }
    return &m->spaces.items[m->spaces.n - 1];
}

static void forget_cache(struct perfdata_space *space)
{
    map_release(&space->cache);
}

/* Is it a piece of a file, the same in all processes?  Not so is what has no file. */
static bool is_file(struct str file)
{
    static const char *const others[] = {"//",    "/memfd:",   "/dev/", "/anon_hugepage",
                                         "/SYSV", "/tmp/perf-"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (str_has_prefix(file, str_of(others[i])))
            return false;
    return file.len && file.p[0] == '/';
}

/* The mapping of the profile: one that was seen before, of a file at whatever address, or
 * new. */
static uint32_t find_mapping(struct perfdata_maps *m, const struct perfdata_mapping *want)
{
    const uint64_t len = want->limit - want->start;
    const bool anywhere = is_file(m->texts.strings[want->file]);
    uint64_t hash = hash_u64(want->offset ^ hash_u64((uint64_t)want->file << 32 | want->build_id) ^
                             hash_u64(anywhere ? len : len ^ want->start));
    for (;; hash++) {
        uint32_t i = map_get_or_put(&m->known, hash, (uint32_t)m->mappings.n);
        if (i == MAP_NONE)
            return MAP_NONE;
        if (i == m->mappings.n) {
            if (vec_push(&m->mappings, *want))
                return i;
            return MAP_NONE;
        }
        const struct perfdata_mapping *have = &m->mappings.items[i];
        if (have->file == want->file && have->build_id == want->build_id &&
            have->offset == want->offset && have->limit - have->start == len &&
            (anywhere || have->start == want->start))
            return i;
    }
}

/* Index of the first range that ends after `address`. */
static size_t first_after(const struct perfdata_space *space, uint64_t address)
{
    size_t low = 0, high = space->ranges.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (space->ranges.items[middle].limit <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Put a range in place of what was there; a range that it cuts in two leaves both ends. */
static bool put_range(struct perfdata_maps *m, struct perfdata_space *space,
                      const struct perfdata_range *range)
{
    size_t first = first_after(space, range->start), end = first;
    while (end < space->ranges.n && space->ranges.items[end].start < range->limit)
        end++;
    struct perfdata_range pieces[3];
    size_t n = 0;
    if (first < end && space->ranges.items[first].start < range->start) {
        pieces[n] = space->ranges.items[first];
        pieces[n++].limit = range->start;
    }
    pieces[n++] = *range;
    if (first < end && space->ranges.items[end - 1].limit > range->limit) {
        pieces[n] = space->ranges.items[end - 1];
        pieces[n++].start = range->limit;
    }
    size_t n_after = space->ranges.n - (end - first) + n;
    if (m->n_ranges + n > m->max_ranges || !vec_reserve(&space->ranges, n_after))
        return false;
    memmove(space->ranges.items + first + n, space->ranges.items + end,
            (space->ranges.n - end) * sizeof *pieces);
    memcpy(space->ranges.items + first, pieces, n * sizeof *pieces);
    m->n_ranges += n_after;
    m->n_ranges -= space->ranges.n;
    space->ranges.n = n_after;
    return true;
}

static bool is_library(struct str file)
{
    for (size_t i = 0; i + 3 <= file.len; i++)
        if (!memcmp(file.p + i, ".so", 3) && (i + 3 == file.len || strchr(". ", file.p[i + 3])))
            return true;
    return false;
}

/* Memory that has no file, where generated code is. */
static bool is_anonymous(struct str file)
{
    static const char *const names[] = {"//anon", "[anon", "/memfd:", "/dev/zero",
                                        "/anon_hugepage"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_has_prefix(file, str_of(names[i])))
            return true;
    return false;
}

bool perfdata_maps_add(struct perfdata_maps *m, uint32_t pid, uint64_t start, uint64_t len,
                       uint64_t offset, struct str file, struct str build_id, bool is_data)
{
    uint64_t limit = start + len < start ? UINT64_MAX : start + len;
    if (limit == start)
        return true;
    char perf_map[32]; /* where perf looks for the names of a process's generated code */
    if (pid != PERFDATA_KERNEL && is_anonymous(file)) {
        snprintf(perf_map, sizeof perf_map, "/tmp/perf-%" PRIu32 ".map", pid);
        file = str_of(perf_map);
    }
    struct perfdata_mapping want = {.start = start, .limit = limit, .offset = offset};
    want.file = intern_add(&m->texts, file);
    want.build_id = intern_add(&m->texts, build_id);
    if (want.file == INTERN_NONE || want.build_id == INTERN_NONE)
        return false;
    struct perfdata_space *space = make_space(m, pid);
    uint32_t mapping = space ? find_mapping(m, &want) : MAP_NONE;
    if (mapping == MAP_NONE)
        return false;
    struct perfdata_range range = {start, limit, m->mappings.items[mapping].start - start, mapping};
    if (!put_range(m, space, &range))
        return false;
    forget_cache(space);
    if (space->program == MAP_NONE && !is_data && pid != PERFDATA_KERNEL && is_file(file) &&
        !is_library(file))
        space->program = mapping;
    return true;
}

bool perfdata_maps_fork(struct perfdata_maps *m, uint32_t parent, uint32_t child)
{
    perfdata_maps_exec(m, child);
    struct perfdata_space *from = perfdata_maps_space(m, parent);
    if (!from || parent == child)
        return true;
    size_t n = from->ranges.n;
    struct perfdata_space *to = make_space(m, child);
    if (!to || m->n_ranges + n > m->max_ranges || !vec_reserve(&to->ranges, n))
        return false;
    from = perfdata_maps_space(m, parent); /* making one moved it */
    if (n)
        memcpy(to->ranges.items, from->ranges.items, n * sizeof *to->ranges.items);
    to->ranges.n = n;
    to->program = from->program;
    m->n_ranges += n;
    return true;
}

void perfdata_maps_exec(struct perfdata_maps *m, uint32_t pid)
{
    struct perfdata_space *space = perfdata_maps_space(m, pid);
    if (!space)
        return;
    m->n_ranges -= space->ranges.n;
    vec_release(&space->ranges);
    forget_cache(space);
    space->program = MAP_NONE;
}

const struct perfdata_range *perfdata_space_find(const struct perfdata_space *space,
                                                 uint64_t address)
{
    size_t i = first_after(space, address);
    if (i == space->ranges.n || space->ranges.items[i].start > address)
        return NULL;
    return &space->ranges.items[i];
}
