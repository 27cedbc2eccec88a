/* trace_take: the execution trace of a Go program that runs: by its own server where it has one
 * (/debug/pprof/trace), else by probes in its code.  INT, TERM and HUP end it early; what was
 * recorded remains.
 * Threads: one at a time.  Signals: those are handled meanwhile, then as before. */
#ifndef SONDE_UI_TRACE_TAKE_H
#define SONDE_UI_TRACE_TAKE_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/reader.h"
#include "collect/go_trace.h"

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

/* The trace, in *out and through its sink, with lines and progress on stderr.  False and *err:
 * ERR_USAGE: only probes would do; else as go_trace_record and http_ask. */
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
