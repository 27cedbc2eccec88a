/* web_router: addresses of a web page, a table: what answers which path.  The pages of a profile
 * (web_routes) and of a trace (trace_web) each have one.
 * In: a request.  Out: its answer.  Threads: any.  Signals: no. */
#ifndef SONDE_UI_WEB_ROUTER_H
#define SONDE_UI_WEB_ROUTER_H

#include "base/arena.h"
#include "ui/web_server.h"

/* A request on its way. */
struct web_call {
    void *context; /* of the router */
    const struct web_request *request;
    const char *name; /* what the path has in place of the route's '*'; "" */
    struct web_response *response;
    struct arena arena; /* of the texts of the query */
};

enum web_methods { WEB_GET = 1, WEB_CHANGE = 2 };

struct web_route {
    const char *path; /* with "*" at the end: that is call->name, which has no '/' */
    unsigned methods; /* enum web_methods */
    enum web_weight weight;
    void (*answer)(struct web_call *call); /* fills call->response */
    const char *place; /* in place of an answer: go there, with the query; else NULL */
    unsigned status;   /* of that */
};

struct web_router {
    const struct web_route *routes; /* the first that fits counts; path NULL: the end */
    void *context;                  /* borrowed */
    const char *first;              /* the page that people are told of: "/ui/" */
};

/* The route's weight and answer, for struct web_handler; `arg` is a struct web_router. */
enum web_weight web_router_weigh(void *arg, const struct web_request *request);
void web_router_answer(void *arg, const struct web_request *request, struct web_response *response);

#endif
