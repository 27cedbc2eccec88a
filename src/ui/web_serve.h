/* web_serve: a page is served until somebody ends it.
 * Threads: the main thread; others begin and end within.  Signals: INT, TERM and HUP end it. */
#ifndef SONDE_UI_WEB_SERVE_H
#define SONDE_UI_WEB_SERVE_H

#include "ui/web_address.h"
#include "ui/web_server.h"

#define WEB_SERVE_TOKEN 33 /* bytes of a token */

/* A text that nobody can guess. */
bool web_serve_token(char token[WEB_SERVE_TOKEN], struct err *err);

/* Serve at the address, which listens; its fd is then not the caller's any more.  `announce` is
 * called with the URL once requests are answered.  True when a signal came; *is_over: nothing of
 * it runs any more, else what the handler uses has to stay as it is.  False and *err: as
 * web_server_start. */
bool web_serve(struct web_address *address, const struct web_handler *handler,
               void (*announce)(void *arg, const char *url), void *arg, bool *is_over,
               struct err *err);

#endif
