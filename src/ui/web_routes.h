/* web_routes: the addresses of the web page of a profile: which file answers what.
 * Everything is below /ui/, and relative to it, so that it works behind a prefix too.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_WEB_ROUTES_H
#define SONDE_UI_WEB_ROUTES_H

#include "ui/web_cache.h"
#include "ui/web_query.h"
#include "ui/web_router.h"
#include "ui/web_session.h"
#include "ui/web_shell.h"

/* What all routes know; borrowed. */
struct web_site {
    struct web_session *session;
    struct web_cache *cache; /* of ./data/VIEW */
    const struct pprof_request *request;
    struct original original; /* the file that the profile is, if it is one */
    const char *title;        /* of the page before its data is there */
    const char *token;
};

/* The context of these routes' calls. */
static inline const struct web_site *web_site(const struct web_call *call)
{
    return call->context;
}

extern const struct web_route web_routes[];

/* The answers, each in its own file; they fill call->response. */
void web_page_shell(struct web_call *call);       /* /ui/VIEW */
void web_data_meta(struct web_call *call);        /* /ui/data/profile */
void web_data_view(struct web_call *call);        /* /ui/data/VIEW */
void web_download_profile(struct web_call *call); /* /ui/download */
void web_download_report(struct web_call *call);  /* /ui/download/NAME */
void web_config_save(struct web_call *call);
void web_config_delete(struct web_call *call);
void web_data_refresh(struct web_call *call);
void web_data_hold(struct web_call *call);

#endif
