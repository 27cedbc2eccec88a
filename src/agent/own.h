/* own: the thread of libsonde's own, which is not the program's: no profile has it.
 * Threads: any.  Signals: own_is and own_count are async-signal-safe. */
#ifndef SONDE_AGENT_OWN_H
#define SONDE_AGENT_OWN_H

#include <stdbool.h>
#include <stdint.h>

/* Runs fn(arg) on a new thread with a small stack, on which all signals of the program are
 * blocked;
 * there is one at a time.  False and errno on failure. */
bool own_start(void (*fn)(void *arg), void *arg);

/* Whether `tid` is that thread. */
bool own_is(int tid);
uint32_t own_count(void);

/* In a forked child: it is not there. */
void own_reset(void);

#endif
