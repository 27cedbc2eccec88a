/* http: the server of the profiles: one thread, which has its descriptors to itself (the
 * program can neither close them nor get their numbers), waits for all of its clients at
 * once and for none of them, and is in no profile.
 * Threads: any.  Signals: no. */
#ifndef SONDE_AGENT_HTTP_H
#define SONDE_AGENT_HTTP_H

#include "agent/http_listen.h"

#include <stdbool.h>
#include <stddef.h>

/* Serves at `address` (http_listen.h; NULL: nowhere else) and on the process's own socket,
 * until the process ends; a child by fork does not, by itself.  False and errno on failure, nothing
 * started: EBUSY: it serves already; EINVAL, EADDRINUSE, EACCES...; ENOSYS: Linux before
 * 5.9.  Without a socket of its own (no folder) an address is still served. */
bool http_serve(const char *address);

/* The same at its own socket, in a process that has not asked for it itself, until http_serve
 * comes.  `is_late`: from when it has lived for a tenth of a second, without waiting for that.
 * Tells of nothing.  Some 50 us. */
void http_serve_unasked(bool is_late);

/* Whether it serves, or is about to. */
bool http_is_on(void);

/* Where: the address, or else the own socket.  NULL: it does not serve. */
const char *http_address(void);

/* The program is about to forbid system calls to all of its threads, ours too, to do what
 * a process with several threads may not, or to become another: serves no more on return.
 * What http_resume needs to serve again where it did, as who the calling thread is.
 * errno is kept. */
struct http_pause {
    bool serves, is_unasked;
    char address[HTTP_ADDRESS_MAX]; /* "": its own socket */
};
void http_pause(struct http_pause *pause);
void http_resume(const struct http_pause *pause);

/* The process ends: sockets in the file system go.  Async-signal-safe. */
void http_end(void);

#endif
