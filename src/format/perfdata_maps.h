/* perfdata_maps: what was mapped where in each process of a recording, and in the
 * kernel, at the time of the record that was read last.
 *
 * A segment of a file that processes had at different addresses is one mapping of the
 * profile, at the first of them.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_FORMAT_PERFDATA_MAPS_H
#define SONDE_FORMAT_PERFDATA_MAPS_H

#include "base/arena.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/vec.h"

#define PERFDATA_KERNEL UINT32_MAX /* as a process */

/* A mapping of the profile. */
struct perfdata_mapping {
    uint64_t start, limit, offset;
    uint32_t file, build_id; /* of maps.texts */
    struct map locations;    /* address in it -> whatever the caller keeps */
};

struct perfdata_range {
    uint64_t start, limit; /* of the process */
    uint64_t shift;        /* to add for an address of the mapping */
    uint32_t mapping;
};

struct perfdata_space {
    VEC(struct perfdata_range) ranges; /* sorted, none overlaps another */
    struct map cache; /* address -> whatever the caller keeps; emptied by changes */
    uint32_t program; /* the mapping of the process's program, or MAP_NONE */
};

struct perfdata_maps {
    struct arena arena;
    struct intern texts;
    VEC(struct perfdata_mapping) mappings;
    struct map known; /* hash of a mapping -> the last that has it */
    VEC(struct perfdata_space) spaces;
    struct map processes;        /* pid -> its space */
    size_t n_ranges, max_ranges; /* in all spaces */
};

/* max_ranges bounds the memory of processes that inherit mappings. */
bool perfdata_maps_init(struct perfdata_maps *m, size_t max_ranges);
void perfdata_maps_release(struct perfdata_maps *m); /* also fine on a zeroed struct */

/* All of these: false when memory runs out or there are too many ranges.  `is_data`: not
 * to be executed, so that it does not tell the process's program. */
bool perfdata_maps_add(struct perfdata_maps *m, uint32_t pid, uint64_t start, uint64_t len,
                       uint64_t offset, struct str file, struct str build_id, bool is_data);
bool perfdata_maps_fork(struct perfdata_maps *m, uint32_t parent, uint32_t child);
void perfdata_maps_exec(struct perfdata_maps *m, uint32_t pid);

/* The space of a process, NULL if it has none. */
struct perfdata_space *perfdata_maps_space(struct perfdata_maps *m, uint32_t pid);
/* What is at an address of it; NULL if nothing.  O(log ranges). */
const struct perfdata_range *perfdata_space_find(const struct perfdata_space *space,
                                                 uint64_t address);

#endif
