/* signals: the use of SIGURG, shared with the program: our timers' signals are
 * samples, all others go to the program's own handler.
 * SIGURG is ignored by default, so that nothing dies of a late one.
 * Threads: any.  Signals: the handler itself; the functions are not to be called
 * from one unless told. */
#ifndef SONDE_AGENT_SIGNALS_H
#define SONDE_AGENT_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* Takes SIGURG over; what the program had set is kept aside.  It stays taken when
 * a recording ends: a late signal of ours is not to reach the program.  False and
 * errno on failure. */
bool signals_install(void);

/* Whether SIGURG is taken over in this process: not in a child by vfork, nor in
 * one made without libc's fork. */
bool signals_installed(void);

/* In a forked child: it is taken over there too, or given back. */
void signals_follow_fork(bool keep);

/* As sigaction(SIGURG, ...), on what is kept aside.  Async-signal-safe. */
void signals_program_action(const struct sigaction *act, struct sigaction *old);

/* For handlers, with the context that they are handed: they do not run near the end of an alternate
 * stack. */
bool signals_have_room(const void *context);

/* Lets this thread get SIGURG. */
void signals_unblock(void);

/* Whether `info` is of one of our timers: not for the program's eyes. */
bool signals_is_ours(const siginfo_t *info);

/* A sample came out of sigwait instead of in the handler: count it as dropped. */
void signals_lost(const siginfo_t *info);

/* A thread of the program has an alternate signal stack of this size.  When that has no room
 * for a second signal's frame (some 3 KB each with AVX-512), handlers that run on such stacks
 * are from now on run with SIGURG blocked: their time is seen as that of the code they return
 * to. */
void signals_alternate_stack(size_t n_bytes);
/* What is to be set for a signal other than SIGURG: `act`, or a copy of it with SIGURG in
 * its mask. */
const struct sigaction *signals_to_set(const struct sigaction *act, struct sigaction *copy);
/* That was done (NULL: nothing was set); `old`, if not NULL, is made what the program knows. */
void signals_set(int signo, const struct sigaction *set, struct sigaction *old, bool is_copy);

/* A program that reads SIGURG from a signalfd (PostgreSQL's latches) has to find it there
 * when it has come, however short before it waits.  SIGURG itself is not blocked, and does not
 * stay pending: in its place SIGWINCH, which is ignored by default too, is made pending on the
 * thread that got it.  The program reads it as SIGWINCH.  Where the descriptor is older than
 * our handler, SIGURG stays blocked and in it: such threads have no samples. */
const sigset_t *signals_for_fd(const sigset_t *set, sigset_t *copy);
/* A mask that is to be set: without SIGURG, and with its stand-in where that is read. */
const sigset_t *signals_for_mask(const sigset_t *set, sigset_t *copy);

/* While a thread of the program waits for SIGURG in sigwait, one that comes to the
 * handler is sent on to it.  `tid` 0: the wait is over. */
void signals_set_waiter(int tid);

#endif
