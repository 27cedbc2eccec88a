/* attach_threads: where every thread of a native process is, from outside, or was when a core was
 * written: its stack, with the labels `state` and `thread` (its name).
 *
 * Threads that wait in the kernel are read without a stop: where they go on is known from /proc,
 * the rest from memory and the unwind tables, and their clocks tell whether they have run
 * meanwhile. Those that run are stopped for a moment (os/ptrace.h), so that no call of any thread
 * is broken off.
 *
 * In: memory of a process or a core file.  Out: a profile as libsonde's `goroutine`, or texts.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_ATTACH_THREADS_H
#define SONDE_COLLECT_ATTACH_THREADS_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "model/profile.h"
#include "os/mem.h"

struct attach_threads_options {
    bool consistent; /* stop all threads, for one moment of all */
    bool debuginfod; /* ask the servers in DEBUGINFOD_URLS for names */
};

/* The profile, sealed and with its symbols; the caller's.  Notes (threads without a stack, ...) go
 * to *diag.  NULL and *err: ERR_INPUT: it has ended, or the core has no threads; ERR_PERM with what
 * would do (only of a stop of all threads); ERR_NOMEM.  Some 30 us a thread. */
struct profile *attach_threads(struct mem *mem, const struct attach_threads_options *options,
                               struct diag *diag, struct err *err);

/* Its text, added to *out, as libsonde's server has it: debug 1, stacks with how many threads have
 * them; 2, a thread after another. */
bool attach_threads_text(struct mem *mem, const struct attach_threads_options *options,
                         unsigned debug, struct buf *out, struct diag *diag, struct err *err);

#endif
