/* web_server: HTTP for the web page, by libmicrohttpd, which is loaded when it is first
 * needed.
 *
 * One thread moves bytes for all connections.  What an answer takes is said by
 * handler->weigh: light ones are made at once in that thread, heavy ones by two others, so that
 * many tabs do not ask for more than the machine has, and those that wait for a program
 * by one of their own.
 *
 * In: requests, bounded; those of other sites are turned away (web_guard).
 * Out: answers with headers that keep other sites out.
 * Threads: the handler is called from several at a time.  Signals: blocked in all. */
#ifndef SONDE_UI_WEB_SERVER_H
#define SONDE_UI_WEB_SERVER_H

#include "base/buf.h"
#include "base/str.h"
#include "ui/web_address.h"

#include <stdint.h>

#define WEB_TOKEN_MAX 64

enum web_weight {
    WEB_LIGHT,
    WEB_HEAVY,
    WEB_LONG, /* one after the other */
};

/* What was asked for; texts are borrowed for the call. */
struct web_request {
    const char *method; /* "HEAD" is "GET" here */
    const char *path;   /* as it was sent */
    const char *query;  /* as it was sent, without '?'; "" */
    bool is_change;     /* it has passed as one that may change something: POST or DELETE */
    uint64_t came_ns;   /* when, CLOCK_MONOTONIC */
};

/* An answer, zeros at first. */
struct web_response {
    unsigned status;      /* 0: 200 */
    const char *type;     /* of the content; static */
    struct buf body;      /* released by the server */
    struct buf packed;    /* the same, or instead of it: gzip'ed */
    struct str gzip;      /* instead: static, gzip'ed */
    bool is_packed;       /* the body will not get smaller */
    struct buf place;     /* where to go instead, with a status that says so */
    const char *allow;    /* of status 405; static */
    struct buf file_name; /* to be saved under it */
    char etag[24];        /* "\"...\""; "": made of the answer */
    bool is_lasting;      /* the same name has the same content for ever */
};

struct web_handler {
    enum web_weight (*weigh)(void *arg, const struct web_request *request);
    void (*answer)(void *arg, const struct web_request *request, struct web_response *response);
    void *arg;
    const char *token; /* that changes must show; borrowed */
};

struct web_server;

/* One line of text as the body. */
void web_response_text(struct web_response *response, unsigned status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Make response->etag of what is packed, or else of the body. */
void web_response_etag(struct web_response *response);

/* Is libmicrohttpd there?  False with ERR_UNSUPPORTED, which says what to install. */
bool web_server_available(struct err *err);

/* Serve at address->fd, which is then the server's.  `address` and `handler` are borrowed until
 * web_server_stop.  NULL and *err: ERR_UNSUPPORTED, ERR_IO, ERR_NOMEM. */
struct web_server *web_server_start(const struct web_address *address,
                                    const struct web_handler *handler, struct err *err);

/* No more requests.  Waits for what is being made for at most two seconds: false when
 * something still is, which then uses the handler's data until the process ends. */
bool web_server_stop(struct web_server *server);

#endif
