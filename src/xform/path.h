/* path: file names of a profile, handled as Go's path/filepath does.
 * Threads: any.  Signals: no. */
#ifndef SONDE_XFORM_PATH_H
#define SONDE_XFORM_PATH_H

#include "base/buf.h"
#include "base/str.h"

/* The last element: "." for "", "/" for a path of slashes only.  A slice of
 * `path` or a static text. */
struct str path_base(struct str path);

/* The shortest equal path ("a//b/../c" is "a/c", "" is ".").  Writes to *scratch
 * only when the answer is not `path` itself; the answer is valid until the next
 * change of either. */
struct str path_clean(struct str path, struct buf *scratch);

/* What pprof's trim_path and source_path options take off the front: a slice of
 * `path`.  Either may be NULL. */
struct str path_trim(struct str path, const char *trim_path, const char *source_path);

#endif
