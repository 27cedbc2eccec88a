/* output: where the bytes of a report go.
 * A reader that has left the pipe (`| head`) ends the program by SIGPIPE, silently,
 * as it ends any other.
 * Threads: one at a time.  Signals: between output_file_begin and output_file_end INT, TERM and HUP
 * take the unfinished file away before they end the program, unless somebody handles them. */
#ifndef SONDE_UI_OUTPUT_H
#define SONDE_UI_OUTPUT_H

#include "base/buf.h"
#include "base/err.h"

#include <limits.h>

/* Write everything to stdout.  False with ERR_IO (closed, disk full), or
 * ERR_NOMEM when `out` had failed. */
bool output_stdout(const struct buf *out, struct err *err);

/* Let `out` go to stdout piece by piece, as far as its writer drains it; output_stdout
 * then writes the rest.  A failure is in *err, and `out` is failed. */
void output_stream(struct buf *out, struct err *err);

/* Let `out` go to the file `path`, whole or not at all, piece by piece, as far as its writer
 * drains it: between output_file_begin and output_file_end it is at a name beside `path`.  A
 * failure while it is written is in *err, and `out` is failed.  False: nothing is left behind.  A
 * device or a pipe is written as it comes. */
struct output_file {
    int fd;
    char *path, *temporary; /* temporary NULL: written straight */
    struct err *err;
};
bool output_file_begin(struct output_file *file, const char *path, struct buf *out,
                       struct err *err);
/* `keep` false: it is of no use, take it away. */
bool output_file_end(struct output_file *file, struct buf *out, bool keep, struct err *err);

/* What output_file_begin makes of the sink of `out`, for sinks that do more. */
bool output_file_drain(struct output_file *file, struct buf *out);
/* Take away what is there while another thread drains; output_file_end is still to come. */
void output_file_drop(struct output_file *file);

/* A name that does not exist yet: profile001.EXT, profile002.EXT, ... in the
 * current directory.  False with ERR_IO when 9999 of them exist. */
bool output_free_name(char path[NAME_MAX + 1], const char *ext, struct err *err);

#endif
