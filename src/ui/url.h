/* url: is a source a URL, and which one is asked for?  By the rules of go tool pprof:
 * "host:port/path" is one too, a URL without a path means a CPU profile,
 * -seconds becomes a parameter.  Beyond pprof: "unix:SOCKET/path" asks the server at
 * a Unix socket.
 * In: text.  Out: text.  Threads: independent.  Signals: no. */
#ifndef SONDE_UI_URL_H
#define SONDE_UI_URL_H

#include "base/buf.h"

struct url {
    struct buf text;     /* what is asked for, as it is shown; http:, https: or https+insecure: */
    struct buf socket;   /* path of the Unix socket; empty: none */
    int seconds;         /* how long the server collects; 0: it is not said */
    int timeout_seconds; /* how long it may take to answer */
    bool is_process;     /* a process of this machine, which can be asked again */
};

/* False: `source` is no URL (or memory is short: url->text.failed).  `seconds` and
 * `timeout_seconds` are the flags, 0 or less: not given.  Release it in any case. */
bool url_of_source(struct url *url, const char *source, int seconds, int timeout_seconds);
void url_release(struct url *url); /* also fine on a zeroed struct */

/* Where the server that gave the profile of `url` names its addresses (pprof's rule:
 * "symbol" or "symbolz" beside it), appended to *out; false if there is no such place. */
bool url_of_symbols(const char *url, struct buf *out);

#endif
