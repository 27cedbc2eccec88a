/* memory: zeroed memory that is never given back, for unwind tables and modules.
 * Threads: any, lock-free.  Signals: async-signal-safe. */
#ifndef SONDE_AGENT_MEMORY_H
#define SONDE_AGENT_MEMORY_H

#include "unwind/ehtab.h"

/* 16-byte aligned; NULL when the system has no more. */
void *memory_alloc(size_t n_bytes);

/* The same for ehtab. */
struct ehtab_alloc memory_for_ehtab(void);

#endif
