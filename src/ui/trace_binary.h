/* trace_binary: the names that a program gives the addresses of a trace of Go 1.5, which has none.
 *
 * In: the program's file.  Out: names for a reader of traces.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_UI_TRACE_BINARY_H
#define SONDE_UI_TRACE_BINARY_H

#include "base/err.h"
#include "trace/trace_reader.h"

/* False and *err: the file cannot be read.  The reader that gets the names frees them. */
bool trace_binary_open(const char *path, struct trace_names *names, struct err *err);

#endif
