/* analysis_text: how summaries are written: tables in columns, lengths of time as pprof prints
 * them, and the same things as JSON.
 * Units: ns in, as text with a unit; members of JSON whose name ends in _ns are ns.
 * Threads: any.  Signals: no. */
#ifndef SONDE_ANALYSIS_ANALYSIS_TEXT_H
#define SONDE_ANALYSIS_ANALYSIS_TEXT_H

#include "analysis/analysis_facts.h"
#include "render/json.h"

/* A table is filled cell by cell, row after row, the headings first; then printed. */
struct analysis_table {
    const char *columns; /* 'l' or 'r' for each */
    struct buf text;
    VEC(size_t) ends; /* of cells in text */
};
void analysis_table_begin(struct analysis_table *t, const char *columns, const char *headings);
void analysis_table_text(struct analysis_table *t, const char *text);
void analysis_table_time(struct analysis_table *t, int64_t ns);
void analysis_table_count(struct analysis_table *t, uint64_t n);
void analysis_table_share(struct analysis_table *t, double part, double of); /* "12.34%" */
void analysis_table_printf(struct analysis_table *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Ends a cell that was written to the end of table->text. */
void analysis_table_cell(struct analysis_table *t);
/* Print it, two blanks in front of each line, and release it. */
void analysis_table_end(struct analysis_table *t, struct buf *out);

/* What things are called in this trace. */
struct analysis_words {
    const char *goroutine, *goroutines; /* "thread" in that of a native program */
    const char *runtime; /* who ends a wait when nobody else is known to: "the kernel" */
    bool is_native;
};
struct analysis_words analysis_words(const struct trace *trace); /* O(frames) */

void analysis_text_time(struct buf *out, int64_t ns);
void analysis_text_bytes(struct buf *out, uint64_t bytes);
/* "main.work file.go:12" of the frame that a reader looks for; `none` if there is no stack. */
void analysis_text_site(struct buf *out, const struct trace *trace, uint32_t stack,
                        const char *none);
/* Of a lock that nobody was seen to unlock for those who waited. */
#define ANALYSIS_NOBODY "nobody gave it up"
/* "held by main.save file.go:51", or of what is no lock "ended by ..."; `name`, a start function,
 * where there is no stack; nothing is known: the runtime, or of a lock "nobody gave it up". */
void analysis_text_by(struct buf *out, const struct trace *trace, enum analysis_wait_kind kind,
                      uint32_t stack, uint32_t name);
/* The same of one wait, with its goroutine. */
void analysis_text_wait_by(struct buf *out, const struct trace *trace,
                           const struct analysis_wait *w);
const char *analysis_text_name(const struct trace *trace, uint32_t name); /* of a goroutine */
const char *analysis_text_reason(const struct trace *trace, uint32_t reason);
/* Name of a range (ANALYSIS_RANGE_*); may be in `buf` (256 bytes). */
const char *analysis_text_range(const struct trace *trace, uint32_t key, char *buf);

/* Entries of a chain, the most first: at most `max`, how many there are. */
size_t analysis_parts_sorted(const struct analysis_parts *pool, uint32_t chain,
                             struct analysis_part *out, size_t max);

/* Columns "p50 p90 p99 p99.9 max" of a table. */
#define ANALYSIS_PERCENTILES "p50\0p90\0p99\0p99.9\0max"
void analysis_table_percentiles(struct analysis_table *t, const struct analysis_histogram *h);

/* The longest waits as a table; is_busy: but for those that are idle. */
void analysis_text_waits(struct buf *out, const struct analysis_facts *f,
                         const struct analysis_top *top, bool has_waker, bool is_busy);

/* --- JSON: members --- */
void analysis_json_string(struct json *j, const char *key, const struct trace *trace,
                          uint32_t string);
void analysis_json_lengths(struct json *j, const char *key, const struct analysis_histogram *h);
void analysis_json_exec(struct json *j, const struct analysis_facts *f,
                        const struct analysis_exec *exec); /* several members */
void analysis_json_exec_as(struct json *j, const char *key, const struct analysis_facts *f,
                           const struct analysis_exec *exec); /* one, with these in it */
void analysis_json_frame(struct json *j, const char *key, const struct trace *trace,
                         const struct trace_frame *frame); /* NULL: null */
void analysis_json_stack(struct json *j, const char *key, const struct trace *trace,
                         uint32_t stack);
/* A line for the times between runnable and running that the trace does not have, if there are any:
 * indented. */
void analysis_text_untold(struct buf *out, const struct analysis_facts *f);
/* The lengths of those that it has, null if it has none; and how many it does not have. */
void analysis_json_sched(struct json *j, const struct analysis_facts *f);
void analysis_json_wait(struct json *j, const struct analysis_facts *f,
                        const struct analysis_wait *wait); /* a value */
void analysis_json_waits(struct json *j, const char *key, const struct analysis_facts *f,
                         const struct analysis_top *top);

/* Indexes 0 to n by a key of theirs, the largest first, equal ones by index: the caller's
 * (free); NULL: no memory, and then `out` has failed, or n is 0. */
uint32_t *analysis_sorted(struct buf *out, size_t n, int64_t (*key)(const void *arg, size_t i),
                          const void *arg);

/* Kinds of tasks or regions: how many there are of all; their indexes, the most time first (as
 * analysis_sorted); the cells that both have; members n_kinds and kinds. */
uint64_t analysis_kinds_count(const struct analysis_kinds *kinds);
uint32_t *analysis_kinds_sorted(struct buf *out, const struct analysis_kinds *kinds);
void analysis_table_kind(struct analysis_table *table, const struct analysis_kind *kind);
void analysis_json_kinds(struct json *j, const struct analysis_facts *f,
                         const struct analysis_kinds *kinds, bool with_frames);

/* How many rows of n a table shows. */
size_t analysis_n_rows(const struct analysis_facts *f, size_t n);
void analysis_text_more(struct buf *out, size_t n, size_t shown); /* "... 12 more" */

#endif
