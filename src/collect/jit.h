/* jit: the map of generated code that a recorded process wrote for perf
 * (/tmp/perf-PID.map: node --perf-basic-prof, java, .NET, LLVM's listeners).
 * Threads: any.  Signals: no. */
#ifndef SONDE_COLLECT_JIT_H
#define SONDE_COLLECT_JIT_H

#include "base/diag.h"
#include "sym/perfmap.h"

#include <stdint.h>
#include <sys/types.h>

/* The map of process `pid`, which ran after `since_unix_ns`.  NULL when it wrote
 * none: no file (no note), or one that another user or an earlier process with
 * this pid left there (a note).  The caller frees it. */
struct perfmap *jit_map_open(pid_t pid, uint64_t since_unix_ns, struct diag *diag);

#endif
