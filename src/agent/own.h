/* own: threads of libsonde's own, which are not the program's: no profile has them.
 * Threads: any.  Signals: own_is and own_count are async-signal-safe. */
#ifndef SONDE_AGENT_OWN_H
#define SONDE_AGENT_OWN_H

#include <stdbool.h>
#include <stdint.h>

#define OWN_MAX 4

/* Runs fn(arg) on a new thread with a small stack, on which all signals of the program
 * are blocked; there are OWN_MAX at a time.  False and errno on failure. */
bool own_start(void (*fn)(void *arg), void *arg);

/* Whether `tid` is one of them. */
bool own_is(int tid);
uint32_t own_count(void);

/* Whether all threads of the program have ended, but not by exit: the main thread by
 * pthread_exit, or by the system call.  The process then ends with our last one.  Some us. */
bool own_is_alone(void);
/* For a thread of ours that is: it ends, if it can with the main thread's status. */
void own_follow(void);

/* A filter of system calls is going to hold for our threads too (or is not, after all): they
 * make none but futex. */
void own_forbid(bool yes);

/* The main thread ends, by pthread_exit: one thread more, which shares the program's
 * descriptors, waits for the end of the others and then calls exit, as the last of them would
 * have.  Of our others none could: what the program has not written yet would be lost. */
void own_main_ends(void);
/* Whether there is that thread. */
bool own_is_kept(void);

/* In a forked child: they are not there. */
void own_reset(void);

#endif
