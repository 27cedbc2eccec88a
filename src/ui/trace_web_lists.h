/* trace_web_lists: the lists of tracks that requests ask for, made once and kept, since most
 * requests are about the same few.
 * Threads: any.  Signals: no. */
#ifndef SONDE_UI_TRACE_WEB_LISTS_H
#define SONDE_UI_TRACE_WEB_LISTS_H

#include "timeline/timeline_view.h"
#include "ui/trace_query.h"

struct trace_web_lists;
struct trace_web_list;

struct trace_web_lists *trace_web_lists_new(void);        /* NULL: no memory */
void trace_web_lists_free(struct trace_web_lists *lists); /* NULL is fine */

/* What a query's view, goid, related, name, task, taskid and focustask choose; its texts are
 * borrowed from the query.  False with ERR_USAGE. */
bool trace_web_lists_select(const struct trace_query *query, struct timeline_selection *selection,
                            struct err *err);

/* The list of the query; give it back.  NULL and *err: ERR_USAGE for the query, ERR_NOMEM. */
struct trace_web_list *trace_web_lists_get(struct trace_web_lists *lists,
                                           const struct timeline *timeline,
                                           const struct trace_query *query, struct err *err);
void trace_web_lists_put(struct trace_web_lists *lists, struct trace_web_list *list);
const struct timeline_tracks *trace_web_list_tracks(const struct trace_web_list *list);

#endif
