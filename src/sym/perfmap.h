/* perfmap: names of code that a JIT compiler made, from /tmp/perf-PID.map.
 *
 * Lines of "START SIZE NAME", hexadecimal; what does not look so is passed over.
 * Where entries overlap the later one holds: memory was used again.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_SYM_PERFMAP_H
#define SONDE_SYM_PERFMAP_H

#include "base/diag.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct perfmap;

/* NULL and *err when the file cannot be read or memory runs out. */
struct perfmap *perfmap_open(const char *path, struct err *err);
/* The map of process `pid`, which ran after `since_unix_ns` (0: not known).  NULL when it wrote
 * none: no file (no note), or one that another user or an earlier process with this pid left
 * there (a note). */
struct perfmap *perfmap_of_process(pid_t pid, uint64_t since_unix_ns, struct diag *diag);
/* Is this the path of a process's map, which then is the name of its memory without a file? */
bool perfmap_is_path(const char *path, pid_t *pid);
void perfmap_free(struct perfmap *map); /* NULL is fine */
/* Name for the address, borrowed; empty when there is none.  O(log n) and the
 * entries that overlap it. */
struct str perfmap_find(const struct perfmap *map, uint64_t address);

#endif
