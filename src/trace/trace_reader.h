/* trace_reader: the events of a trace file in the order in which they happened, a block at a time.
 * Reads all versions: Go 1.5 to 1.21 (v1) and 1.22 to 1.27 (v2).  A trace of v2 is read
 * generation by generation, so memory is bounded by the largest of them and by what is
 * different in the trace; ordering runs on a thread of its own, ahead of the caller.
 *
 * In: a path, or memory.  Out: blocks of events; struct trace with what they refer to.
 * A trace that is broken or cut off is read up to there: reader_next tells why, once, after
 * the last good event.
 * Threads: one caller at a time.  Signals: no. */
#ifndef SONDE_TRACE_TRACE_READER_H
#define SONDE_TRACE_TRACE_READER_H

#include "base/err.h"
#include "trace/trace.h"
#include "trace/trace_event.h"

struct trace_reader;
struct trace_marks;

/* NULL and *err: no such file, no trace, a version that is not known.  The path is borrowed
 * for the call; the file must not be changed while it is read. */
struct trace_reader *trace_reader_open(const char *path, struct err *err);
/* The same; `marks` (trace_mark.h) gets what is needed to read pieces again, and lives until the
 * reader is freed.  Nothing is added for traces of v1. */
struct trace_reader *trace_reader_open_marked(const char *path, struct trace_marks *marks,
                                              struct err *err);
/* What is at addresses, for traces of Go 1.5, which hold no names. */
struct trace_names {
    void *arg;
    /* False: it is not known.  The texts are borrowed until the next call.  Called on a thread of
     * the reader's, by one at a time. */
    bool (*look_up)(void *arg, uint64_t address, const char **func, const char **file,
                    uint64_t *line);
    void (*free)(void *arg);
};
/* The same as trace_reader_open, with names, which become the reader's, also on failure. */
struct trace_reader *trace_reader_open_named(const char *path, struct trace_names names,
                                             struct err *err);
/* The same of memory, which is borrowed until the reader is freed. */
struct trace_reader *trace_reader_open_memory(const void *data, size_t n, const char *name,
                                              struct err *err);
void trace_reader_free(struct trace_reader *reader); /* the trace as well, unless it was taken */

/* The next events; *n = 0 at the end.  They are valid until the next call; what they refer
 * to, as long as the trace.  False and *err: broken or cut off there ("truncated at byte N of
 * M"); what was handed out before stands, and the calls after it say that it is the end. */
bool trace_reader_next(struct trace_reader *reader, const struct trace_event **events, size_t *n,
                       struct err *err);

const struct trace *trace_reader_trace(const struct trace_reader *reader);
/* The caller keeps it: trace_free when done with it, after the reader. */
struct trace *trace_reader_take_trace(struct trace_reader *reader);

unsigned trace_reader_version(const struct trace_reader *reader); /* 22: Go 1.22's format */
/* Bytes of the file whose events were handed out, and all: for progress. */
void trace_reader_progress(const struct trace_reader *reader, uint64_t *done, uint64_t *total);

/* Clocks of the generation that the last block began with (Go 1.25 and later). */
struct trace_clock {
    bool is_known;
    int64_t trace_ns; /* the trace's clock */
    uint64_t mono_ns; /* the system's monotonic clock at that moment */
    int64_t wall_s;   /* seconds and ns of the wall clock */
    uint32_t wall_ns;
};
struct trace_clock trace_reader_clock(const struct trace_reader *reader);

#endif
