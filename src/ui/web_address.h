/* web_address: where the web page is served: the argument of -http, "[host]:[port]".
 * Without a host it is this machine only, without a port (or 0) a free one.
 * Threads: independent.  Signals: no. */
#ifndef SONDE_UI_WEB_ADDRESS_H
#define SONDE_UI_WEB_ADDRESS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

struct web_address {
    char host[256]; /* as given, without brackets; "localhost" if it was not */
    uint16_t port;
    bool is_loopback; /* only programs of this machine can reach it */
    bool is_any;      /* every address of this machine */
    int fd;           /* that listens; -1: not yet */
};

/* False with ERR_USAGE: it is no such text. */
bool web_address_parse(struct web_address *address, const char *text, struct err *err);
/* Listen there; address->fd is the caller's, address->port becomes the one that it is.
 * False with ERR_USAGE (no such host), ERR_IO (taken), ERR_PERM. */
bool web_address_listen(struct web_address *address, struct err *err);
/* "http://HOST:PORT" */
void web_address_url(const struct web_address *address, struct buf *out);

/* May a request with this Host header be answered?  Else it came by a name that somebody
 * else gave to our address, from a page of theirs. */
bool web_address_allows(const struct web_address *address, const char *host);

#endif
