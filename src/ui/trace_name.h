/* trace_name: the names of sources that are execution traces: "trace:FILE/KIND?PARAMETERS", the
 * profile KIND (sched, sync, ...) of a trace, which may also be a server's (a URL in place of
 * FILE).
 *
 * In: text.  Out: what is asked for; the trace opened; the profile.  The parameters are those
 * of the command `sonde trace`: start=TIME, end=TIME, goroutine=ID, name=FUNCTION, task=ID,
 * and binary=FILE, what a trace of Go 1.5 is of.  In their values %, &, / and ? may be %25, %26,
 * %2F and %3F.
 * Threads: any number of calls at a time.  Signals: no. */
#ifndef SONDE_UI_TRACE_NAME_H
#define SONDE_UI_TRACE_NAME_H

#include "analysis/analysis.h"
#include "base/diag.h"
#include "trace/trace_reader.h"
#include "ui/source.h"

/* Does `source` begin like such a name? */
bool trace_name_is(const char *source);

/* The profile, the caller's.  NULL and *err: ERR_USAGE for a kind or parameter that is not known,
 * else as trace_reader_open.  A trace that is broken further on is a note. */
struct profile *trace_name_profile(const char *source, const struct source_options *options,
                                   struct diag *diag, struct err *err);

/* Set an option by its name, as a flag and as a parameter; texts are borrowed.  False with
 * ERR_USAGE: no such option, or a value that is none. */
bool trace_name_option(struct analysis_options *options, const char *name, const char *value,
                       struct err *err);

/* Append a parameter to the query of a name: "?start=1s", "&name=f". */
void trace_name_parameter(struct buf *query, const char *name, const char *value);

/* A trace to read: a file, or what a server sends, which is then in *body; release that after
 * the reader.  `binary` (or NULL) names the addresses of a file of Go 1.5.  NULL and *err on
 * failure. */
struct trace_reader *trace_name_open(const char *path, const char *binary,
                                     const struct source_options *options, struct file *body,
                                     struct err *err);

#endif
