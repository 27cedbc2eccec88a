/* perfmap: names of code that a JIT compiler made, from /tmp/perf-PID.map.
 *
 * Lines of "START SIZE NAME", hexadecimal; what does not look so is passed over.
 * Where entries overlap the later one holds: memory was used again.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_SYM_PERFMAP_H
#define SONDE_SYM_PERFMAP_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

struct perfmap;

/* NULL and *err when the file cannot be read or memory runs out. */
struct perfmap *perfmap_open(const char *path, struct err *err);
void perfmap_free(struct perfmap *map); /* NULL is fine */
/* Name for the address, borrowed; empty when there is none.  O(log n) and the
 * entries that overlap it. */
struct str perfmap_find(const struct perfmap *map, uint64_t address);

#endif
