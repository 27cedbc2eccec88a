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
#include <time.h>

#define OWN_MAX 4

/* Runs fn(arg) on a new thread with a small stack, on which all signals of the program
 * are blocked; there are OWN_MAX at a time.  It has the identity of the calling thread.
 * False and errno on failure. */
bool own_start(void (*fn)(void *arg), void *arg);

/* The same, but first it waits, for `late`, or until the futex `is_over` is woken and not 0.
 * Until then it touches next to nothing: for threads that mostly come to nothing.  Both are
 * static.  Some 10 us, and as much when the process ends. */
bool own_start_late(void (*fn)(void *arg), void *arg, const struct timespec *late,
                    const int *is_over);

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

/* A filter of system calls is going to be (or is not, after all): no more of our threads
 * begin, in forked children neither.  `for_all`: it holds for those that there are too, which
 * make no call but futex from here on. */
void own_forbid(bool yes, bool for_all);

/* In a forked child: they are not there. */
void own_reset(void);

#endif
