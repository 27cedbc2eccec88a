/* web_config: saved configurations in the menu of the web page, as pprof's has them.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_WEB_CONFIG_H
#define SONDE_UI_WEB_CONFIG_H

#include "render/json.h"
#include "ui/web_query.h"

/* "configs": each with the query ("?...") that chooses it from the page whose query that is.
 * A file that cannot be read has none. */
void web_config_write(struct json *j, const struct web_query *query, const char *text);

#endif
