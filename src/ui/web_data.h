/* web_data: answers as JSON.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_WEB_DATA_H
#define SONDE_UI_WEB_DATA_H

#include "base/err.h"
#include "ui/web_server.h"

/* { "error": why }, with the status that fits. */
void web_data_fail(struct web_response *response, const struct err *err);

#endif
