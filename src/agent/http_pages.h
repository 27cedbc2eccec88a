/* http_pages: what the server answers: the pages of Go's net/http/pprof, with its
 * parameters and errors.  Some take a while: begin, wait, finish.
 * Threads: the server's.  Signals: no. */
#ifndef SONDE_AGENT_HTTP_PAGES_H
#define SONDE_AGENT_HTTP_PAGES_H

#include "agent/profiles.h"
#include "agent/request.h"

struct http_page {
    int status; /* 0: none yet */
    const char *type;
    const char *location;                 /* where to go instead; NULL: nowhere */
    const struct sonde_profile *attached; /* its name is the file's; NULL: shown, not saved */
    bool is_delta;
    bool is_recorded; /* the difference of what `sonde record` has */
    bool is_error;    /* of net/http/pprof: X-Go-Pprof */
    struct out body;

    bool waits;
    uint64_t until_ns;                   /* monotonic */
    const struct sonde_profile *profile; /* whose end is waited for */
    struct taken before;                 /* of a difference */
};

/* Nobody waits: in a child by fork. */
void http_pages_reset(void);

/* The answer to a request, or the wait for one (then http_pages_finish at `until_ns`, or
 * http_pages_give_up).  `checks_host`: no other names than this machine's. */
void http_pages_begin(struct http_page *page, const struct request *request, const char *body,
                      bool checks_host);
void http_pages_finish(struct http_page *page);
/* Nobody waits any more. */
void http_pages_give_up(struct http_page *page);

/* An answer of one line. */
void http_pages_error(struct http_page *page, int status, const char *text);
/* The status line and the header fields of an answer. */
void http_pages_head(const struct http_page *page, struct out *head);

#endif
