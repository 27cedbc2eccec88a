/* profile_file: the files that `sonde record` writes: their names, whether they can be written,
 * and writing them so that nothing collected is lost.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_UI_PROFILE_FILE_H
#define SONDE_UI_PROFILE_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "model/profile.h"

#include <limits.h>

#define PROFILE_FILE_SUFFIX ".pb.gz"
#define PROFILE_FILE_TEXT ".txt"

struct profile_file {
    const char *output; /* -o: a file, of several kinds a folder; NULL: not said */
    bool several;       /* kinds */
};

/* Where the profile of a kind goes; of a moment (1...), with its number before the suffix.
 * False with ERR_USAGE: the name is too long. */
bool profile_file_name(const struct profile_file *files, const char *kind, unsigned moment,
                       const char *suffix, char path[PATH_MAX], struct err *err);

/* Make the folder, where there are several.  False and *err. */
bool profile_file_prepare(const struct profile_file *files, struct err *err);
/* Can it be written?  Better told before a command runs than after it. */
bool profile_file_check(const char *path, struct err *err);

/* Where else, when a file cannot be written: in TMPDIR, /tmp or /dev/shm, by `i`, an empty file of
 * a new name.  False: not there. */
#define PROFILE_FILE_ELSEWHERE 3
bool profile_file_elsewhere(unsigned i, const char *kind, const char *suffix, char path[PATH_MAX]);

/* Write to `path`; when that fails to a new file in TMPDIR, /tmp or /dev/shm, whose name takes
 * its place.  False when all fail; *err tells of the first in either case. */
bool profile_file_write(const struct profile *profile, const char *kind, char path[PATH_MAX],
                        struct err *err);
bool profile_file_write_text(const struct buf *text, const char *kind, char path[PATH_MAX],
                             struct err *err);

#endif
