/* calls: what a thread does that is in a system call, for the label `state`.
 * x86-64's numbers.  Threads: any.  Signals: async-signal-safe. */
#ifndef SONDE_WIRE_CALLS_H
#define SONDE_WIRE_CALLS_H

#include <stdbool.h>

#define CALLS_NAME_BYTES 24

/* "lock", "sleeping", "io", or the name of the call; `name` is room for one that is not
 * known ("syscall 500"). */
const char *calls_state(long number, char name[CALLS_NAME_BYTES]);

/* Whether the call, interrupted by a handler at once after it began, may be made again as
 * if nothing had been, where the kernel does not do so. */
bool calls_repeatable(long number);

#endif
