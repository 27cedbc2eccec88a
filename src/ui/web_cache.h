/* web_cache: the last answers, packed, so that going back and forth in the page, and its
 * other tabs, cost nothing.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_WEB_CACHE_H
#define SONDE_UI_WEB_CACHE_H

#include "ui/web_server.h"

struct web_cache;

struct web_cache *web_cache_new(void);        /* NULL: out of memory */
void web_cache_free(struct web_cache *cache); /* NULL is fine */

/* The answer of that key into response->packed and ->etag; false: it is not there. */
bool web_cache_get(struct web_cache *cache, const struct buf *key, struct web_response *response);
/* Pack response->body, and keep a copy under the key; what was not used for the longest time
 * goes.  Where memory is short nothing is kept. */
void web_cache_put(struct web_cache *cache, const struct buf *key, struct web_response *response);

#endif
