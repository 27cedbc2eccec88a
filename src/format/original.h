/* original: the file that a profile was read from, to be handed on as it is.
 *
 * Where a profile is that of one packed file of profile.proto, and nothing was added to it or
 * taken from it, the file is the profile: it need not be made again.
 * Ownership: the path is borrowed.
 * Threads: any number of readers.  Signals: no. */
#ifndef SONDE_FORMAT_ORIGINAL_H
#define SONDE_FORMAT_ORIGINAL_H

#include "base/buf.h"

#include <sys/stat.h>

struct original {
    const char *path; /* NULL: there is none */
    struct stat was;
};

/* Before it is read: which file it is.  What is no regular file is none. */
void original_note(struct original *original, const char *path);

/* Append the file to *out.  False: there is none, or it is no more what it was; *out is then as
 * before.  O(bytes). */
bool original_read(const struct original *original, struct buf *out);

#endif
