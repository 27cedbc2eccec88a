/* web_download: reports of what the page shows, as files.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_WEB_DOWNLOAD_H
#define SONDE_UI_WEB_DOWNLOAD_H

#include "render/json.h"

/* "downloads": the menu. */
void web_download_write(struct json *j);

#endif
