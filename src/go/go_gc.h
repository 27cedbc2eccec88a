/* go_gc: has a Go program collect its garbage, by data alone: collections are due a millisecond
 * after the last one until enough have run.
 *
 * In: a program and what may be written to it.  Out: counts of the runtime have moved on.
 * Threads: one at a time a program.  Signals: no. */
#ifndef SONDE_GO_GC_H
#define SONDE_GO_GC_H

#include "go/go_rates.h"

/* Until all that has been allocated or freed up to now is in the heap profile: two
 * collections.  Some milliseconds in a busy program, up to a minute in an idle one.
 * Of the options `rates` and `stop` count.  False and *err: ERR_UNSUPPORTED where no collection
 * has ever run, or none comes, or it is not waited for any longer. */
bool go_gc_publish(const struct go_options *options, struct err *err);

/* Until a collection has looked for leaked goroutines (Go 1.26 on).  As above. */
bool go_gc_find_leaks(const struct go_options *options, struct err *err);

#endif
