/* request: an HTTP/1 request as it comes from a network, and its parts.
 * In: bytes that nobody vouches for.
 * Threads: any.  Signals: no.  Memory: none. */
#ifndef SONDE_AGENT_REQUEST_H
#define SONDE_AGENT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_HEAD_MAX 16384u /* request line and header fields */
#define REQUEST_BODY_MAX (1u << 20)

enum request_method { REQUEST_GET, REQUEST_POST, REQUEST_OTHER };

/* Texts are NUL-terminated, in the bytes that were parsed. */
struct request {
    enum request_method method;
    const char *path;  /* %XX decoded */
    const char *query; /* as it came, "" if none */
    const char *host;  /* of the field; NULL: none */
    bool needs_host;   /* HTTP/1.1 */
    size_t n_head, n_body;
};

/* Parses a head that is complete; the bytes are changed.  Else 0: more is needed; or the
 * status to answer with: 400, 413, 431, 501, 505. */
#define REQUEST_COMPLETE 200
int request_parse(char *bytes, size_t n, struct request *r);

/* The value of the first parameter `key`, decoded, in `to`; "" if there is none or it does
 * not fit. */
void request_param(const char *query, const char *key, char *to, size_t size);

/* A decimal number, as strconv.ParseInt reads it; false: it is none. */
bool request_number(const char *text, int64_t *number);

/* Whether a web page of elsewhere could not have made its own name stand for this machine
 * (DNS rebinding): the host is an address or localhost.  `host` may have a port. */
bool request_host_is_local(const char *host);

#endif
