/* record_trace: `sonde record -e trace -p PROCESS`: an execution trace of a Go program that runs:
 * by its own server where it has one (/debug/pprof/trace), else by probes in its code. INT, TERM
 * and HUP end it; what was recorded is written. Threads: the main thread.  Signals: see above. */
#ifndef SONDE_UI_RECORD_TRACE_H
#define SONDE_UI_RECORD_TRACE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct record_trace_request {
    pid_t pid;
    const char *output;     /* the trace's file; NULL: sonde.trace */
    double seconds;         /* 0: until a signal or its end */
    uint64_t hits_a_second; /* of the probes; 0: the usual */
    bool probes;            /* not by its own server */
};

/* Records and writes, telling what and where.  The exit status. */
int record_trace(const struct record_trace_request *request);

#endif
