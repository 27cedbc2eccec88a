/* threads: every thread's stack at a moment, with its state and its name as labels: rows
 * of the kind WIRE_GOROUTINE.
 *
 * A thread that is blocked in a system call is read from outside (peer.h): not a call of
 * it fails with EINTR for that.  One that runs is sent a signal (signals.h) and walks its
 * stack itself; should it have begun to wait meanwhile, its call is begun again as if
 * nothing had been.
 *
 * Labels: `state` (running, runnable, sleeping, lock, io, or the name of a system call),
 * `thread` (its name), and those that the program has set.  Fibers that the program has told
 * of (fibers.h) and that are parked follow: `state` is parked, `fiber` their name.
 * Threads: any, one at a time takes a moment.  Signals: no, but the handler. */
#ifndef SONDE_AGENT_THREADS_H
#define SONDE_AGENT_THREADS_H

#include "agent/store.h"
#include "unwind/walk.h"

#include <signal.h>
#include <ucontext.h>

/* Signals by SIGURG with si_code SI_TIMER and this si_value. */
extern char threads_mark;

struct threads_options {
    uint32_t moment; /* the rows' keys: this << 32 */
    bool each;       /* a row for each thread: its id is in the key */
};

/* Takes a moment into `store`: the calling thread's stack from `self` on.  SIGURG has to
 * be taken over.  Some 13 us a thread; at most a second more for threads that get no
 * processor: those have no stack.  False and errno: no /proc, or system calls are forbidden. */
bool threads_take(struct store *store, const struct threads_options *options,
                  const struct walk_regs *self);

/* The handler's part, of the signal that asks the calling thread. */
void threads_asked(const siginfo_t *info, const ucontext_t *uc);

/* In a forked child: no moment is being taken. */
void threads_reset(void);

#endif
