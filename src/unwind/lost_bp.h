/* lost_bp: what rbp is in a frame of which the stack is known but not the registers, in
 * code that keeps a frame pointer there: found again by what stands above it, the address
 * that the function returns to.  That lies behind a call of that very function, or of
 * one that cannot be told (by a pointer): then the size of the frame, as the function's
 * first instructions make it, decides, or the nearest such place.
 * In: memory and code by the caller's functions.  Threads: any.  Signals: as far as those are. */
#ifndef SONDE_UNWIND_LOST_BP_H
#define SONDE_UNWIND_LOST_BP_H

#include <stdbool.h>
#include <stdint.h>

struct lost_bp_ops {
    /* The 8 bytes at `address`; false if they cannot be read. */
    bool (*read)(void *arg, uint64_t address, uint64_t *value);
    bool (*is_code)(void *arg, uint64_t address);
    /* Where the function begins that `pc` is in; false: not known. */
    bool (*function)(void *arg, uint64_t pc, uint64_t *start);
};

/* rbp of the frame at `sp` (above its calls) of the code at `pc`.  False: not found. */
bool lost_bp_find(const struct lost_bp_ops *ops, void *arg, uint64_t pc, uint64_t sp, uint64_t *bp);

#endif
