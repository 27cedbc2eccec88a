/* gotrace_heap: a trace in the making in memory of malloc, for readers; libsonde has its own.
 * Ownership: gotrace_write.h's.  Threads: any.  Signals: no. */
#ifndef SONDE_WIRE_GOTRACE_HEAP_H
#define SONDE_WIRE_GOTRACE_HEAP_H

#include "wire/gotrace_write.h"

#include <stdlib.h>
#include <string.h>

static inline void *gotrace_heap_grow(void *old, size_t n_old, size_t n_new)
{
    char *p = realloc(old, n_new);
    if (p)
        memset(p + n_old, 0, n_new - n_old);
    return p;
}

static inline void gotrace_heap_release(void *p, size_t n)
{
    (void)n;
    free(p);
}

static const struct gotrace_memory gotrace_heap = {gotrace_heap_grow, gotrace_heap_release};

#endif
