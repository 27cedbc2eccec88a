/* pool: run independent pieces of work on the machine's processors.
 * Threads: pool_run may be called from any thread; it returns when all is done. */
#ifndef SONDE_BASE_POOL_H
#define SONDE_BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

/* Call fn(arg, i) for every i in [0, n), on up to `max_threads` threads (0 = one
 * a processor, at most 16), the caller among them.  Each i runs exactly once;
 * threads that cannot be made only make it slower. */
void pool_run(size_t n, unsigned max_threads, void (*fn)(void *arg, size_t i), void *arg);

/* The same in two steps: make(arg, i) like fn above, and then take(arg, i) for one after the
 * other, in order, on any of the threads.  At most one more than there are threads is made or
 * being made and not yet taken. */
void pool_run_in_order(size_t n, void (*make)(void *arg, size_t i),
                       void (*take)(void *arg, size_t i), void *arg);

/* How many threads are of use, where each has something of its own that costs: one for each
 * `per_thread` of the work, at most `most`, and not more than there are processors. */
size_t pool_share(uint64_t work, uint64_t per_thread, size_t most);

/* How many threads that would be for any number of pieces. */
unsigned pool_threads(void);

#endif
