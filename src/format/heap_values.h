/* heap_values: the "OBJECTS: BYTES [OBJECTS: BYTES]" of heap profiles (in use, and
 * allocated in all) and the samples they make.
 * Threads: one at a time. */
#ifndef SONDE_FORMAT_HEAP_VALUES_H
#define SONDE_FORMAT_HEAP_VALUES_H

#include "format/legacy.h"

/* As in the text. */
struct heap_values {
    struct str inuse_objects, inuse_bytes, alloc_objects, alloc_bytes;
};

struct heap_sampling {
    bool has_alloc;  /* tell what was allocated, apart from what is in use */
    bool is_sampled; /* by chance, not every block */
    int64_t rate;    /* mean bytes between two samples; up to 1: not known */
};

/* Take them from the beginning of *s; false when they are not there. */
bool heap_values_take(struct str *s, struct heap_values *values);

/* Do they tell more than what is in use? */
bool heap_values_have_alloc(const struct heap_values *values);

void heap_types(struct legacy *l, bool has_alloc);

/* The sample of the frames that were pushed, scaled up, and labelled with the mean
 * size of a block.  False and *err: ERR_INPUT with the line. */
bool heap_sample(struct legacy *l, const struct heap_values *values,
                 const struct heap_sampling *sampling, const struct text *t, struct err *err);

#endif
