/* trace_web: the page of an execution trace, served until somebody ends it.
 * Threads: the main thread; others begin and end within.  Signals: INT, TERM and HUP end it. */
#ifndef SONDE_UI_TRACE_WEB_H
#define SONDE_UI_TRACE_WEB_H

#include "analysis/analysis.h"
#include "base/err.h"

/* Texts are borrowed until the call is over. */
struct trace_web_request {
    const char *path;   /* a trace: a file, or a server's address */
    const char *binary; /* what a trace of Go 1.5 is of; NULL: not given */
    const char *http;   /* where to serve, [HOST]:[PORT]; NULL: any free port of this machine */
    bool no_browser;
    struct analysis_options options; /* what the browser shows at first */
};

/* The page answers at once, while the trace is read.  True when it was ended; false and *err:
 * no such trace, nothing in it that can be shown, ERR_USAGE, ERR_UNSUPPORTED, ERR_IO. */
bool trace_web_run(const struct trace_web_request *request, struct err *err);

#endif
