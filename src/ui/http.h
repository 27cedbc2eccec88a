/* http: what a web server answers, over HTTP, HTTPS and Unix sockets.  libcurl does
 * it, loaded when first used.  Proxies of the environment (http_proxy, ...) are
 * honoured, ten redirects followed.
 * Errors: ERR_IO with the reason; ERR_UNSUPPORTED without libcurl; ERR_INPUT for what
 * is too large.
 * Threads: any number of calls at a time.  Signals: SIGPIPE is blocked meanwhile. */
#ifndef SONDE_UI_HTTP_H
#define SONDE_UI_HTTP_H

#include "base/buf.h"
#include "base/err.h"

struct http_options {
    const char *tls_cert, *tls_key, *tls_ca; /* PEM files; NULL or "": none */
};

struct http_request {
    const char *url;     /* http:, https:, or https+insecure:, which checks no certificate */
    const char *socket;  /* path of a Unix socket to go through; NULL or "": none */
    const char *post;    /* body of a POST; NULL: a GET */
    int timeout_seconds; /* without an answer, or without a byte of it */
    /* Asked about once a second: true: what has come is all that is wanted.  NULL: never. */
    bool (*stop)(void *arg);
    void *stop_arg;
    bool keeps_part; /* what has come of an answer that breaks off is in *body all the same */
    const struct http_options *options;
};

/* Do the files of the options fit together?  False with ERR_USAGE. */
bool http_check(const struct http_options *options, struct err *err);

/* Ask, and append the answer to *body.  An answer other than "200" is an error, with
 * the text that a pprof server sends with it. */
bool http_ask(const struct http_request *request, struct buf *body, struct err *err);

#endif
