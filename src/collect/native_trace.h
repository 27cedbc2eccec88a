/* native_trace: the execution trace of a command's processes, which libsonde notes in memory that
 * is shared with us (wire/trace_raw.h), as one trace: threads of all processes are its
 * goroutines.
 *
 * While the command runs a thread of ours reads and orders what is noted, and keeps the events in a
 * file without a name; when it is over, the functions of all stacks are looked up, and the
 * trace is put together.  A flight recorder's memory is read when its trace is asked for.
 *
 * In: the files of a session, which are not trusted.  Out: a trace in Go's format.
 * Threads: one caller at a time; one of its own.  Signals: SIGBUS is ours while one is open: a
 * file that another process makes shorter reads as zeros then. */
#ifndef SONDE_COLLECT_NATIVE_TRACE_H
#define SONDE_COLLECT_NATIVE_TRACE_H

#include "base/diag.h"
#include "collect/collect.h"
#include "collect/session.h"

#include <sys/types.h>

struct native_trace;

struct native_trace_result {
    uint64_t n_events, n_lost, n_bytes;
    uint64_t n_turns_lost, n_repairs; /* of what the kernel told */
    bool is_cut;                      /* it ends early, for want of room */
};

/* `flight_ns`: only the last events are kept, of that long; 0: all.  The session is borrowed.
 * NULL and *err on failure. */
struct native_trace *native_trace_new(const struct session *session, uint64_t flight_ns,
                                      struct err *err);
void native_trace_free(struct native_trace *trace); /* NULL is fine */

/* The processors that threads are on, and when, and who wakes them are those that the kernel tells
 * of this command, which waits at its gate; to be called before native_trace_start.  False and
 * *err: what cannot be (all of it, or the wake-ups), why, and what would do; then times are those
 * that the threads note.  Of a flight recorder it does nothing. */
bool native_trace_watch(struct native_trace *trace, pid_t pid, bool children, struct err *err);
/* Begins to read, on a thread. */
bool native_trace_start(struct native_trace *trace, struct err *err);
/* What there is now, to `fd`, as a whole trace; of a flight recorder as often as wanted, else
 * it is over then, and can be written once more only when it could not be.  False and *err: it
 * could not be written, or there is no memory. */
bool native_trace_write(struct native_trace *trace, pid_t main_pid, int fd,
                        struct native_trace_result *result, struct diag *diag, struct err *err);
/* Events so far. */
uint64_t native_trace_n_events(struct native_trace *trace);

extern const struct collect_ops collect_trace;

#endif
