/* go_quote: a text between double quotes, as Go's "%q" and strconv.Quote write it: what cannot
 * be printed is escaped.
 * Threads: any.  Signals: no. */
#ifndef SONDE_BASE_GO_QUOTE_H
#define SONDE_BASE_GO_QUOTE_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>

/* With `ascii` as Go's runtime prints quoted texts. */
void go_quote(struct buf *out, struct str s, bool ascii);

#endif
