/* wakers: who ended the waits of a process's threads: the stacks with which others set them going,
 * as labels of the waits.
 *
 * `waker` is the function, the innermost one that is not the C or C++ library's; "[timer]" where a
 * time was over, "[kernel]" of other interrupts and the kernel's own threads; "[exit]" of a process
 * that ends.  `waker_stack` has the functions up to it and below, outermost first, with ";" between
 * them; `waker_thread` the name of the thread, `waker_process` that of its process where it is
 * another one.
 *
 * In: notes on waits (os/perf_waits.h).  Out: sets of labels of a gather, which become true at the
 * end.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_WAKERS_H
#define SONDE_COLLECT_WAKERS_H

#include "base/err.h"
#include "collect/gather.h"
#include "os/perf_waits.h"

struct wakers;

/* The gather of the waits is borrowed.  NULL and *err: ERR_PERM with what would do, ERR_NOMEM.
 * Some 0.2 s. */
struct wakers *wakers_new(struct gather *gather, pid_t pid, struct err *err);
void wakers_free(struct wakers *wakers); /* NULL is fine */

/* A wake-up, of the kind PERF_WAIT_WOKEN. */
void wakers_take(struct wakers *wakers, const struct perf_record *record,
                 const struct perf_wait_note *note);
/* Any other record that is no sample. */
void wakers_record(struct wakers *wakers, const struct perf_record *record);
/* The set for a wait that has ended; 0: it is not known. */
uint32_t wakers_of(struct wakers *wakers, const struct perf_wait_note *note);

/* Gives the gather's samples their labels.  False and *err when memory runs out. */
bool wakers_finish(struct wakers *wakers, bool debuginfod, struct diag *diag, struct err *err);

#endif
