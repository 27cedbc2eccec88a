/* web_answer: what answers as JSON have in common, on the pages of profiles and of traces.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_WEB_ANSWER_H
#define SONDE_UI_WEB_ANSWER_H

#include "base/diag.h"
#include "base/err.h"
#include "render/json.h"
#include "ui/web_server.h"

#define WEB_ANSWER_TYPE "application/json; charset=utf-8"

/* { "error": text } */
void web_answer_error(struct web_response *response, unsigned status, const char *text);
/* The same of an error, with the status that fits. */
void web_answer_fail(struct web_response *response, const struct err *err);

/* "notes": [...] */
void web_answer_notes(struct json *j, const struct diag *diag);

#endif
