/* go_buckets: what Go's runtime counts by stack: allocations, blocked time, contention.
 *
 * In: the runtime's lists of buckets in a program's memory.  Out: records, in the order in
 * which runtime.MemProfile, BlockProfile and MutexProfile give them.
 *
 * Allocations are those that the program's own profile would show: up to the end of the last
 * but one collection.  The program runs on while it is read.  When a collection ends
 * meanwhile, all is read again; `is_torn` tells where that happened each time.
 * Every word is checked: a list that goes round or leads out of the program's data is an error.
 * Units: cycles are ticks of the processor's clock.  Threads: one at a time a program.
 * Signals: no. */
#ifndef SONDE_GO_BUCKETS_H
#define SONDE_GO_BUCKETS_H

#include "base/vec.h"
#include "go/go_program.h"

struct go_bucket {
    size_t first_pc;
    uint32_t n_pcs; /* a stack: return addresses, as the runtime recorded them */
    uint64_t size;  /* allocations: of each object */
    uint64_t n_allocs, n_frees, alloc_bytes, free_bytes;
    double count; /* block, mutex */
    int64_t cycles;
};

struct go_buckets {
    VEC(struct go_bucket) items;
    VEC(uint64_t) pcs;
    bool is_torn; /* allocations: of more than one collection */
};

/* GO_VAR_MBUCKETS, GO_VAR_BBUCKETS or GO_VAR_XBUCKETS.  False and *err: ERR_INPUT (what is
 * there cannot be right, or the program has ended), ERR_UNSUPPORTED (a variable was not found),
 * ERR_NOMEM; nothing is left to release then.  O(buckets); a few MiB beside the records. */
bool go_buckets_read(const struct go_program *program, enum go_global head,
                     struct go_buckets *buckets, struct err *err);
void go_buckets_release(struct go_buckets *buckets);

#endif
