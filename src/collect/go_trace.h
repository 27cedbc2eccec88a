/* go_trace: an execution trace of a Go program that runs, unmodified, from outside: its scheduler
 * is watched by probes in its code (os/uprobe.h, go/go_trace_points.h), and what they tell becomes
 * a trace in Go's own format.
 *
 * A hit costs the program some 2 us.  So there is a budget a second: when it is spent, the probes
 * are taken out for the rest of the second, and the trace has a gap: goroutines are "not recorded"
 * meanwhile.  Nothing is written to the program; what the kernel put into its code goes with our
 * descriptors, by whatever end.
 *
 * In: a process.  Out: the trace, to a buffer and its sink.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_GO_TRACE_H
#define SONDE_COLLECT_GO_TRACE_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

#define GO_TRACE_HITS_A_SECOND 20000

struct go_trace_request {
    pid_t pid;
    double seconds;                           /* 0: until `stop` says so */
    uint64_t hits_a_second;                   /* 0: GO_TRACE_HITS_A_SECOND */
    bool (*stop)(void *arg);                  /* asked now and then; or NULL */
    void (*began)(void *arg, double seconds); /* the probes are in; or NULL */
    void *arg;
};

struct go_trace_result {
    uint64_t n_events, n_hits;
    uint64_t duration_ns, gap_ns;
};

/* True: a trace is in *out.  False and *err: ERR_INPUT: no such process, no Go program;
 * ERR_UNSUPPORTED, ERR_PERM with what would do, ERR_NOMEM; ERR_IO: the sink refused. */
bool go_trace_record(const struct go_trace_request *request, struct buf *out,
                     struct go_trace_result *result, struct diag *diag, struct err *err);

/* Is it a Go program with the handler of /debug/pprof/trace (net/http/pprof)? */
bool go_trace_has_handler(pid_t pid);

#endif
