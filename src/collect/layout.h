/* layout: where the code segments of ELF files lie, so that an address in a
 * loaded module becomes a place in a mapping that pprof can map back to the file
 * (start, limit and file offset of one segment, as in /proc/PID/maps).
 * Files are read once each and remembered.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_LAYOUT_H
#define SONDE_COLLECT_LAYOUT_H

#include "base/vec.h"

#include <stddef.h>
#include <stdint.h>

#define LAYOUT_SEGMENTS_MAX 8

/* A loadable segment with code. */
struct layout_segment {
    uint64_t vaddr, limit_vaddr, offset; /* whole pages */
};

struct layout {
    char *path;                /* malloc'ed */
    char build_id[2 * 64 + 1]; /* hex; "" if the file has none */
    size_t n_segments;         /* 0: not readable, or no ELF file */
    struct layout_segment segments[LAYOUT_SEGMENTS_MAX];
};

struct layouts {
    VEC(struct layout *) items;
};

void layouts_release(struct layouts *layouts); /* also fine on a zeroed struct */

/* The file's layout; its n_segments is 0 when it cannot be read or when its build
 * id is not `build_id` (hex, "" = any).  NULL when memory runs out.  Valid until
 * layouts_release. */
const struct layout *layouts_get(struct layouts *layouts, const char *path, const char *build_id);

/* The segment that holds the ELF virtual address, or NULL. */
const struct layout_segment *layout_find(const struct layout *layout, uint64_t vaddr);

#endif
