/* perfdata_unwind: stacks of the copies that `perf record --call-graph dwarf` takes, by
 * the tables of the files that were mapped.
 * In: registers and a piece of the stack.  Out: addresses.  x86-64 only, and files that
 * are here and have the build ID that perf noted; code without a table is taken to keep
 * frame pointers.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_FORMAT_PERFDATA_UNWIND_H
#define SONDE_FORMAT_PERFDATA_UNWIND_H

#include "format/perfdata_maps.h"
#include "format/perfdata_sample.h"
#include "sym/image.h"

/* What is known of a mapping's file. */
struct perfdata_code {
    struct image *image;
    uint64_t shift; /* address of the mapping -> of the object */
    bool is_known, has_code;
};

struct perfdata_unwind {
    const struct perfdata_maps *maps;
    struct images images;
    VEC(struct perfdata_code) codes; /* by mapping */
};

void perfdata_unwind_init(struct perfdata_unwind *u, const struct perfdata_maps *maps);
void perfdata_unwind_release(struct perfdata_unwind *u); /* also fine on a zeroed struct */

/* The frames of the user's part in the process that has `space`, leaf first, callers as
 * addresses inside the call.  *complete: the outermost frame was reached.  0: there are
 * no registers, or those of another processor.  *nomem is set when memory runs out. */
uint32_t perfdata_unwind(struct perfdata_unwind *u, const struct perfdata_space *space,
                         const struct perfdata_sample *sample, uint64_t *frames, uint32_t max,
                         bool *complete, bool *nomem);

#endif
