/* percent: names and values of a URL's query, encoded as Go's net/url does it.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_PERCENT_H
#define SONDE_UI_PERCENT_H

#include "base/buf.h"
#include "base/str.h"

/* Append what `text` says.  False: a '%' without two digits; *out is then as before. */
bool percent_decode(struct buf *out, struct str text);
/* Append `text` so that it can stand in a query: ' ' is '+'. */
void percent_encode(struct buf *out, struct str text);

#endif
