/* viewer: reports shown by another program, from a temporary file; URLs by a browser.
 * Threads: the main thread.  Signals: no. */
#ifndef SONDE_UI_VIEWER_H
#define SONDE_UI_VIEWER_H

#include "report/report.h"

/* Show `out` with the report's viewer: the first that can be started of those that may
 * be there.  With `wait`, until it ends; else it runs beside us.  The file goes when
 * the viewer ends, unless that handed it over to a program that was there already.
 * False with ERR_UNSUPPORTED: there is none; ERR_IO; ERR_NOMEM. */
bool viewer_show(const struct report_ops *report, const struct buf *out, bool wait,
                 struct err *err);

/* Show a URL with a browser, which runs beside us.  False: there is none, or no screen. */
bool viewer_open_url(const char *url);

#endif
