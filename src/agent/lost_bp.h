/* lost_bp: what rbp is in a frame of which the stack is known but not the registers, in
 * code that keeps a frame pointer there: found again by what stands above it, the address
 * that the function returns to.  That lies behind a call of that very function, or of
 * one that cannot be told (by a pointer): then the size of the frame, as the function's
 * first instructions make it, decides, or the nearest such place.
 * In: memory by the caller's `read`.  Threads: any.  Signals: as far as `read` is. */
#ifndef SONDE_AGENT_LOST_BP_H
#define SONDE_AGENT_LOST_BP_H

#include "agent/store.h"

/* rbp of the frame at `sp` (above its calls) of the code at `pc`.  False: not found.
 * Modules are described in `store`. */
bool lost_bp_find(bool (*read)(void *arg, uint64_t address, uint64_t *value), void *arg,
                  struct store *store, uint64_t pc, uint64_t sp, uint64_t *bp);

#endif
