/* wakers: who ended the waits of a process's threads: the stacks with which others set them going,
 * as labels of the waits.
 *
 * `waker` is the function, the innermost one that is not the C or C++ library's; "[timer]" where a
 * time was over, "[kernel]" of other interrupts and the kernel's own threads; "[exit]" of a process
 * that ends.  `waker_stack` has the functions up to it and below, outermost first, with ";" between
 * them; `waker_thread` the name of the thread, `waker_process` that of its process where it is
 * another one.
 *
 * In: waits, by thread and time.  Out: sets of labels of a gather, which become true at the end.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_WAKERS_H
#define SONDE_COLLECT_WAKERS_H

#include "base/err.h"
#include "collect/gather.h"

struct wakers;

/* The gather of the waits is borrowed.  NULL and *err: ERR_PERM with what would do, ERR_UNSUPPORTED
 * (see perf_wakes_new), ERR_NOMEM.  Some 0.2 s. */
struct wakers *wakers_new(struct gather *gather, pid_t pid, struct err *err);
void wakers_free(struct wakers *wakers); /* NULL is fine */
void wakers_add_process(struct wakers *wakers, pid_t pid);

/* Take in what happened up to `limit_ns` (CLOCK_MONOTONIC). */
void wakers_round(struct wakers *wakers, uint64_t limit_ns);
/* The set for a thread's wait between these times, of which the later one is in the rounds; 0: it
 * is not known.  Those of a thread are asked for in the order of time. */
uint32_t wakers_of(struct wakers *wakers, pid_t tid, uint64_t since_ns, uint64_t until_ns);

/* No further ones. */
void wakers_stop(struct wakers *wakers);
/* Gives the gather's samples their labels.  False and *err when memory runs out. */
bool wakers_finish(struct wakers *wakers, bool debuginfod, struct diag *diag, struct err *err);

#endif
