/* web: the web page of a profile, served until somebody ends it.
 * Threads: the main thread; others begin and end within.  Signals: INT, TERM and HUP end it. */
#ifndef SONDE_UI_WEB_H
#define SONDE_UI_WEB_H

#include "ui/pprof_request.h"

/* Read the sources of the request, which is taken over (*request is then empty, what its texts
 * are borrowed from has to stay), and serve them at its http; with a browser, unless no_browser.
 * An answer that takes too long does not hold up the end.  Says where on stderr.  True when it was
 * ended; false and *err: what fetch_profile fails with, ERR_UNSUPPORTED, ERR_IO, ERR_USAGE. */
bool web_run(struct pprof_request *request, struct err *err);

/* The same for a profile that was just written. */
bool web_show(const char *http, bool no_browser, const char *path, struct err *err);

/* Can the web page be served there, as far as can be told before?  False with ERR_USAGE,
 * ERR_UNSUPPORTED. */
bool web_check(const char *http, struct err *err);

#endif
