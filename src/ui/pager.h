/* pager: text that is longer than the terminal, page by page: PAGER, else less.
 * Threads: one at a time.  Signals: SIGINT and SIGPIPE are ignored meanwhile. */
#ifndef SONDE_UI_PAGER_H
#define SONDE_UI_PAGER_H

#include "base/buf.h"
#include "base/err.h"

/* Show `text` on stdout, through the pager if stdout is a terminal with fewer lines
 * and there is one.  False with ERR_IO, ERR_NOMEM. */
bool pager_show(const struct buf *text, struct err *err);

#endif
