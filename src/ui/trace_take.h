/* trace_take: the execution trace of a Go program that runs: by its own server where it has one
 * (/debug/pprof/trace), else by probes in its code.  INT, TERM and HUP end it early; what was
 * recorded remains.
 * Threads: one at a time.  Signals: those are handled from trace_take_catch on, until they are let
 * go. */
#ifndef SONDE_UI_TRACE_TAKE_H
#define SONDE_UI_TRACE_TAKE_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/reader.h"
#include "collect/go_trace.h"

#include <signal.h>

struct trace_take_request {
    pid_t pid;
    double seconds;         /* 0: until a signal or its end */
    uint64_t hits_a_second; /* of the probes; 0: the usual */
    bool only_probes;       /* not by its own server */
    bool may_probe;         /* breakpoints may be put into its code */
};

struct trace_take_result {
    bool by_server;
    struct go_trace_result probes; /* of the other way */
};

#define TRACE_TAKE_SIGNALS 3
struct trace_take_signals {
    struct sigaction before[TRACE_TAKE_SIGNALS];
};
/* Around trace_take: with a file that is not whole yet, from before it is there until it is. */
void trace_take_catch(struct trace_take_signals *signals);
void trace_take_let_go(const struct trace_take_signals *signals);

/* The trace, in *out and through its sink, with lines and progress on stderr.  False and *err:
 * ERR_USAGE: only probes would do; else as go_trace_record and http_ask.  What a server sent until
 * it went away is a trace, with a note. */
bool trace_take(const struct trace_take_request *request, struct buf *out,
                struct trace_take_result *result, struct diag *diag, struct err *err);

/* Is it a name like "pid:PROCESS?PARAMETERS" or "pid:PROCESS/trace?PARAMETERS"? */
bool trace_take_is_name(const char *source);
/* Is it one of the parameters of such a name? */
bool trace_take_is_parameter(const char *name);
/* The trace that such a name asks for: seconds=N (5), enable=1: breakpoints may be put into its
 * code, rate=N, probes=1.  In *body; release it.  False and *err as above. */
bool trace_take_name(const char *source, struct file *body, struct err *err);

#endif
