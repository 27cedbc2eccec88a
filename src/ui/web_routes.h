/* web_routes: the addresses of the web page, a table: which file answers what.
 * Everything is below /ui/, and relative to it, so that it works behind a prefix too.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_WEB_ROUTES_H
#define SONDE_UI_WEB_ROUTES_H

#include "ui/web_cache.h"
#include "ui/web_query.h"
#include "ui/web_server.h"
#include "ui/web_session.h"

/* What all routes know; borrowed. */
struct web_site {
    struct web_session *session;
    struct web_cache *cache; /* of ./data/VIEW */
    const struct pprof_request *request;
    const char *title; /* of the page before its data is there */
    const char *token;
};

/* A request on its way. */
struct web_call {
    const struct web_site *site;
    const struct web_request *request;
    const char *name; /* what the path has behind the route's */
    struct web_response *response;
    struct arena arena; /* of the texts of the query */
};

/* The route's weight and answer, for struct web_handler; `arg` is a struct web_site. */
enum web_weight web_routes_weigh(void *arg, const struct web_request *request);
void web_routes_answer(void *arg, const struct web_request *request, struct web_response *response);

/* The answers, each in its own file; they fill call->response. */
void web_page_shell(struct web_call *call);       /* /ui/VIEW */
void web_page_asset(struct web_call *call);       /* /ui/assets/NAME */
void web_data_meta(struct web_call *call);        /* /ui/data/profile */
void web_data_view(struct web_call *call);        /* /ui/data/VIEW */
void web_download_profile(struct web_call *call); /* /ui/download */
void web_download_report(struct web_call *call);  /* /ui/download/NAME */
void web_config_save(struct web_call *call);
void web_config_delete(struct web_call *call);
void web_data_refresh(struct web_call *call);
void web_data_hold(struct web_call *call);

#endif
