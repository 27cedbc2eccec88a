/* web_shell: what a page begins with, one HTML text, and the files that it loads
 * (src/web/dist, in the program).
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_WEB_SHELL_H
#define SONDE_UI_WEB_SHELL_H

#include "base/str.h"
#include "ui/web_router.h"

/* The page NAME.css and NAME.js draw.  `without`: HTML for those who have no JavaScript. */
void web_shell_write(struct web_response *response, const char *name, struct str title,
                     const char *without);

/* The answer of assets/NAME. */
void web_shell_asset(struct web_call *call);

#endif
