/* web_view: what a request's parameters choose: the moment, its options, all that a view of
 * page/page.h needs.
 * Threads: each its own.  Signals: no. */
#ifndef SONDE_UI_WEB_VIEW_H
#define SONDE_UI_WEB_VIEW_H

#include "ui/web_routes.h"

struct web_view {
    struct web_query query;
    struct report_options options;
    struct web_pins pins;
    const struct web_moment *moment;
    struct page_ctx page; /* of all that */
    struct diag diag;     /* its notes */
};

/* Read the parameters.  False and *err: ERR_USAGE for what they ask for, ERR_NOMEM.  End it
 * in any case. */
bool web_view_begin(struct web_view *view, struct web_call *call, struct err *err);
void web_view_end(struct web_view *view, struct web_call *call);

#endif
