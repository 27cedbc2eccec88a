/* pool: run independent pieces of work on the machine's processors.
 * Threads: pool_run may be called from any thread; it returns when all is done. */
#ifndef SONDE_BASE_POOL_H
#define SONDE_BASE_POOL_H

#include <stddef.h>

/* Call fn(arg, i) for every i in [0, n), on up to `max_threads` threads (0 = one
 * a processor, at most 16), the caller among them.  Each i runs exactly once;
 * threads that cannot be made only make it slower. */
void pool_run(size_t n, unsigned max_threads, void (*fn)(void *arg, size_t i), void *arg);

/* How many threads that would be for any number of pieces. */
unsigned pool_threads(void);

#endif
