/* web_query: the query of a URL, and options of reports in it by pprof's names
 * (option_def.param).
 *
 * In: text from anywhere, bounded by the server.  Out: pairs in their order; options.
 * Ownership: texts are the arena's.  Threads: independent.  Signals: no. */
#ifndef SONDE_UI_WEB_QUERY_H
#define SONDE_UI_WEB_QUERY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "report/report.h"

struct web_pair {
    const char *key, *value; /* decoded */
};

struct web_query {
    const struct web_pair *pairs;
    size_t n;
};

/* Parse what is behind the '?'.  False with ERR_USAGE: a '%' without two digits, zero bytes,
 * too many pairs; ERR_NOMEM. */
bool web_query_parse(struct web_query *query, const char *text, struct arena *arena,
                     struct err *err);

/* The first value of the key; NULL: there is none, or it is empty, which means the same. */
const char *web_query_get(const struct web_query *query, const char *key);

/* Set the options that the query names.  False with ERR_USAGE in pprof's words. */
bool web_query_options(const struct web_query *query, struct report_options *options,
                       struct err *err);

/* Append the query with the options in place of those that it has: what is pprof's
 * default is left out, and so is what configurations do not hold.  Sorted by key if that
 * changes something, else it is `text`, of which `query` was made.  Returns whether it does. */
bool web_query_with(const struct web_query *query, const char *text,
                    const struct report_options *options, struct buf *out);

/* Append the value of an option as it stands in a query, "t" and "f" long. */
void web_query_value(const struct report_options *options, const struct option_def *def,
                     struct buf *out);

#endif
