/* answer: what the data of every view of the web page begins with: Answer in
 * src/web/data.ts.
 * In: a report's run.  Out: members of a JSON object that is open.
 * Threads: one at a time each.  Signals: no. */
#ifndef SONDE_REPORT_ANSWER_H
#define SONDE_REPORT_ANSWER_H

#include "render/json.h"
#include "report/report_run.h"

/* "title", "legend" (of the graph, with the hint how to read it where it is a picture; of the
 * profile alone if g is NULL) and "values".  Where no unit has been chosen
 * (report_select_unit), it is the one that suits the total.
 * False with ERR_NOMEM. */
bool answer_head(struct json *j, struct report_run *run, const struct graph *g,
                 const struct report_trim *trim, bool is_picture, struct err *err);

/* A text as an array, an element a line. */
void answer_lines(struct json *j, const char *key, struct str text);

#endif
