/* trace_query: the parameters of the page of a trace, those that several answers take (see
 * src/web/trace/data.ts), and readers of the others.
 * In: text from anywhere, bounded by the server.  Out: numbers within bounds.
 * Units: ns.  Ownership: texts are the arena's.  Threads: independent.  Signals: no. */
#ifndef SONDE_UI_TRACE_QUERY_H
#define SONDE_UI_TRACE_QUERY_H

#include "ui/web_query.h"

#define TRACE_QUERY_ROWS 100      /* of a table, where n is not given */
#define TRACE_QUERY_ROWS_MAX 5000 /* and at most */

struct trace_query {
    struct web_query pairs;
    int64_t start_ns, end_ns; /* since the first event; INT64_MAX: to the end */
    bool has_range;           /* one of them is given */
    const int64_t *goids;     /* those of goid=, ascending, each once */
    size_t n_goids;
    const char *name; /* NULL: not given, as below */
    uint64_t task;    /* of task=; 0 */
    uint32_t n_rows, offset;
    const char *sort;
    bool is_ascending, has_direction;
};

/* Read the query.  False with ERR_USAGE and one line that tells what is wrong; ERR_NOMEM. */
bool trace_query_parse(struct trace_query *query, const char *text, struct arena *arena,
                       struct err *err);

/* The value of a parameter; NULL: it is not given. */
const char *trace_query_text(const struct trace_query *query, const char *key);
/* A whole number from `least` to `most`; *value stays what it was if it is not given.  False
 * with ERR_USAGE. */
bool trace_query_int(const struct trace_query *query, const char *key, int64_t least, int64_t most,
                     int64_t *value, struct err *err);
/* The same of a length of time, as Go writes them ("1.5ms", "1h2m") or in ns. */
bool trace_query_duration(const struct trace_query *query, const char *key, int64_t *ns,
                          struct err *err);
/* The same of a program counter, hexadecimal with or without 0x. */
bool trace_query_pc(const struct trace_query *query, const char *key, uint64_t *pc,
                    struct err *err);

#endif
