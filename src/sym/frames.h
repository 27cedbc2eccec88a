/* frames: what the readers of debug information answer.
 *
 * A batch of addresses of one object goes in, sorted; each gets a slice of
 * frames, innermost inlined frame first.  Texts are borrowed from the object
 * or lie in the table's arena.
 * Units: addresses are the file's.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_SYM_FRAMES_H
#define SONDE_SYM_FRAMES_H

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"

#define FRAMES_MAX_INLINE 256 /* deepest chain of inlined calls that is followed */

struct frame {
    const char *name, *file; /* mangled, full path; never NULL, "" if unknown */
    uint32_t line, column, start_line;
};

struct lookup {
    uint64_t address;
    uint32_t first_frame, n_frames;
};

struct frame_table {
    struct arena arena;
    VEC(struct frame) frames;
};

static inline void frame_table_release(struct frame_table *table)
{
    arena_release(&table->arena);
    vec_release(&table->frames);
}

/* First of the n sorted lookups that is >= address. */
static inline size_t lookup_lower_bound(const struct lookup *lookups, size_t n, uint64_t address)
{
    size_t low = 0;
    for (size_t high = n; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (lookups[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
