/* source_files: the source files that a profile names, found and cut into lines.
 *
 * In: file names as graphs have them.  Out: lines of text.
 * Ownership: files stay in memory until release.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_REPORT_SOURCE_FILES_H
#define SONDE_REPORT_SOURCE_FILES_H

#include "base/buf.h"
#include "base/reader.h"
#include "base/vec.h"

struct source_file {
    struct file file;
    VEC(struct str) lines; /* lines.items[0] is line 1; ends of lines are not part of it */
};

/* Find and read the file.  An absolute name is taken as it is; others are looked for
 * in each folder of search_path (separated by ':') and in all folders above it.
 * What is a folder, a device, a pipe, a file of /proc or larger than 32 MB reads as an empty
 * file, and *why tells so; reading stops at a line longer than 64 KiB, as pprof's does.
 * False when it is not there, with Go's words for it in *why, or when memory runs
 * out, with *why empty.  Release it in any case. */
bool source_file_read(struct source_file *source, struct str name, const char *search_path,
                      struct buf *why);
void source_file_release(struct source_file *source); /* also fine on a zeroed struct */

/* Line `number` (from 1) into *line; false when there is no such line. */
bool source_file_line(const struct source_file *source, int64_t number, struct str *line);

#endif
