/* trace_web_sums: how answers of the page of a trace write what analyses have added up: times of
 * goroutines, spreads of lengths, waits; and tables of rows that are sorted and cut.
 * In: analyses.  Out: members of an open JSON object, as src/web/trace/data.ts names them.
 * Units: ns.  Threads: any.  Signals: no. */
#ifndef SONDE_UI_TRACE_WEB_SUMS_H
#define SONDE_UI_TRACE_WEB_SUMS_H

#include "analysis/analysis_facts.h"
#include "ui/trace_web_parts.h"

/* Since the first event; -1 for ANALYSIS_NEVER. */
int64_t trace_web_since(const struct analysis_facts *facts, int64_t ns);

/* KEY: Times; `parts` has the chains of exec. */
void trace_web_times(struct json *j, const char *key, const struct trace *trace,
                     const struct analysis_parts *parts, const struct analysis_exec *exec);

/* A sum of the request's own. */
struct trace_web_sum {
    struct analysis_parts parts;
    struct analysis_exec exec;
};
/* Add what is in the pool of the facts.  Out of memory is kept in sum->parts.failed. */
void trace_web_sum_add(struct trace_web_sum *sum, const struct analysis_facts *facts,
                       const struct analysis_exec *exec);
/* KEY: Percentiles; KEY: Histogram */
void trace_web_spread(struct json *j, const char *key, const struct analysis_histogram *h);
void trace_web_histogram(struct json *j, const char *key, const struct analysis_histogram *h);
/* "function main.work" of a string that is a start function. */
void trace_web_string(struct json *j, const char *key, const struct trace *trace, uint32_t string);

/* A Place. */
void trace_web_wait(struct json *j, const struct analysis_facts *facts,
                    const struct analysis_wait *w);
/* KEY: Place[] of struct analysis_wait. */
void trace_web_waits(struct json *j, const char *key, const struct analysis_facts *facts,
                     const struct analysis_top *top, size_t most);
/* The same of those that are not idle. */
void trace_web_busy_waits(struct json *j, const char *key, const struct analysis_facts *facts,
                          const struct analysis_top *top, size_t most);

/* What a goroutine, region or task is sorted by: a column of Times, or a reason.  False: there is
 * no such column. */
bool trace_web_column(const struct analysis_facts *facts, const struct analysis_exec *exec,
                      const char *column, int64_t *value);

/* Rows that are sorted and cut. */
struct trace_web_rows {
    VEC(struct trace_web_row {
        int64_t key;
        uint32_t row;
    })
    rows;
};
/* Sort; what the query wants of it is rows.items[*begin] up to *end; "more" is how many come
 * after them. */
void trace_web_rows_cut(struct trace_web_rows *rows, const struct trace_query *query,
                        bool is_ascending, size_t *begin, size_t *end);

#endif
