/* own: threads of libsonde's own, which are not the program's: no profile has them.
 *
 * Where libsonde's functions stand before libc's they are threads that libc does not know of:
 * it goes on to work as in a program without threads, if it is one (no locks, and a fork that
 * takes none).  So they may call nothing of libc: no function that takes a lock, allocates,
 * or has thread-local variables other than errno, nor one that a sanitizer stands in for.
 * And libc's setuid does not reach them: see interpose_kernel.c.
 * Threads: any.  Signals: own_is, own_is_here and own_count are async-signal-safe. */
#ifndef SONDE_AGENT_OWN_H
#define SONDE_AGENT_OWN_H

#include <stdbool.h>
#include <stdint.h>

#define OWN_MAX 4

/* Runs fn(arg) on a new thread with a small stack, on which all signals of the program
 * are blocked; there are OWN_MAX at a time.  It has the identity of the calling thread.
 * False and errno on failure. */
bool own_start(void (*fn)(void *arg), void *arg);

/* Whether `tid` is one of them. */
bool own_is(int tid);
uint32_t own_count(void);
/* Whether the calling thread is one, that libc does not know of. */
bool own_is_here(void);

/* Whether the program has no more than one thread.  Some us. */
bool own_program_has_one(void);

/* Whether all threads of the program have ended, but not by exit: by the system call.  The
 * process then ends with our last one.  Some us. */
bool own_is_alone(void);
/* For a thread of ours that is: it ends, if it can with the main thread's status. */
void own_follow(void);

/* A filter of system calls is going to hold for our threads too (or is not, after all): they
 * make none but futex, and no more of them begin, in forked children neither. */
void own_forbid(bool yes);

/* In a forked child: they are not there. */
void own_reset(void);

#endif
