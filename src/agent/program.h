/* program: the executable itself, which the loader does not describe as it does
 * libraries.
 * In: the auxiliary vector, /proc/self/exe.
 * Threads: any.  Signals: program_whole and program_index are async-signal-safe. */
#ifndef SONDE_AGENT_PROGRAM_H
#define SONDE_AGENT_PROGRAM_H

#include "unwind/ehtab.h"

/* The loader knows a program with gaps between its segments (the kernel maps it so,
 * it never does so itself) as one object for each segment: when [*start, *limit) is
 * one of them, it becomes the whole program. */
void program_whole(uint64_t *start, uint64_t *limit);

/* Makes the unwind table's index of a program that was linked without one (gcc
 * -static), if it was; once, some 10 ms for a static program of 10 MB.  Without
 * success its stacks are followed by frame pointers.  Signals: no. */
void program_make_index(void);

/* That index, for a program at `start`; false: there is none. */
bool program_index(uint64_t start, struct ehtab_image *image, uint64_t *hdr);

#endif
