/* attach_block: where the threads of a native process that runs wait, from outside: the stack with
 * which a thread leaves its processor, the time until it is on one again, and who ended that (as
 * labels; collect/wakers.h).  That is all waiting: for locks, input, time; not being out of the
 * processor while it could run.
 *
 * Where BPF is permitted, the kernel measures each wait, and copies stacks up to a rate
 * (os/perf_waits.h).  Number n and time t of all waits of a site are exact; of one with stacks i
 * that were chosen with weights w (1, where all are), each has n * sum(w of i) / sum(w of all)
 * waits, and  t * sum(w * length of i) / sum(w * length of all) of time.  A site without any stack
 * is in the row "[waits without a stack]".  Else the stack is copied at each switch, and who ended
 * the waits is not known.
 *
 * In: a pid.  Out: a profile as libsonde's `block`, of the waits that ended meanwhile.
 * Threads: one at a time; one of its own between begin and end.  Signals: no. */
#ifndef SONDE_COLLECT_ATTACH_BLOCK_H
#define SONDE_COLLECT_ATTACH_BLOCK_H

#include "base/diag.h"
#include "base/err.h"
#include "model/profile.h"

#include <sys/types.h>

struct attach_block_request {
    pid_t pid;
    uint64_t rate_ns;     /* waits of that time and longer all count, some of the shorter ones for
                             the others; 0: all count, or without BPF it is 10000 */
    uint64_t duration_ns; /* 0, and at most: until attach_block_end */
    bool no_children;     /* only the process itself */
    bool debuginfod;      /* ask the servers in DEBUGINFOD_URLS for names */
};

struct attach_block;

/* NULL and *err: ERR_PERM with the capability or sysctl that would do, ERR_INPUT: there is no such
 * process, ERR_UNSUPPORTED, ERR_NOMEM. */
struct attach_block *attach_block_begin(const struct attach_block_request *request,
                                        struct err *err);
/* The profile, sealed and with its symbols; the caller's.  Notes go to *diag.  NULL and *err when
 * memory runs out. */
struct profile *attach_block_end(struct attach_block *block, struct diag *diag, struct err *err);
void attach_block_free(struct attach_block *block); /* NULL is fine */

#endif
