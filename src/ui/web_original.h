/* web_original: the file that a profile was read from, to be handed on as it is.
 *
 * Where the profile that is shown is that of one packed file of profile.proto, and nothing
 * was added to it or taken from it, the file is the profile: it need not be made again.
 * Ownership: the file stays open as long as the struct.
 * Threads: any, but for open and release.  Signals: no. */
#ifndef SONDE_UI_WEB_ORIGINAL_H
#define SONDE_UI_WEB_ORIGINAL_H

#include "base/buf.h"
#include "ui/fetch.h"

#include <sys/stat.h>

struct web_original {
    int fd; /* -1: there is none */
    struct stat was;
};

/* `profile` is what fetch_profile made of the request. */
void web_original_open(struct web_original *original, const struct fetch_request *fetch,
                       const struct profile *profile);
void web_original_release(struct web_original *original);

/* Append the file to *out.  False: there is none, or it is no more what it was; *out is then as
 * before.  O(bytes). */
bool web_original_read(const struct web_original *original, struct buf *out);

#endif
