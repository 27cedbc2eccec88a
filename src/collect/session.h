/* session: what a recording by libsonde needs in the file system and in the
 * environment: a private folder for the wire files and the variables that make
 * every process of the command load the library.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_SESSION_H
#define SONDE_COLLECT_SESSION_H

#include "base/arena.h"
#include "base/err.h"

#include <limits.h>

struct session_options {
    uint32_t kinds; /* mask of 1 << enum wire_kind */
    unsigned hz;
    uint64_t heap_rate, block_rate, mutex_fraction;
    bool children;
    uint64_t flight_bytes; /* of a trace, so much is kept; 0: all */
    bool moments;          /* they will be asked for: moment.h */
};

struct session {
    char dir[PATH_MAX]; /* "" before session_open and after session_release */
    int dir_fd;         /* locked as long as we live; meaningful if there is a dir */
    char **envp;        /* for the command */
    char *pid_slot;     /* see struct spawn_options; NULL when children are followed */
    struct arena arena; /* holds envp */
};

/* Also removes folders that recordings left behind which were killed.
 * False and *err on failure (no libsonde.so found, no folder); release it in
 * either case. */
bool session_open(struct session *session, const struct session_options *options, struct err *err);

/* Removes the folder; also fine on a zeroed struct.  Processes that still write
 * there keep their mapping, and it is freed with them. */
void session_release(struct session *session);

/* The wire files there are now, in the order of their names, as a NULL-terminated
 * array of paths in `arena`.  NULL and *err on failure. */
char **session_files(const struct session *session, struct arena *arena, struct err *err);

/* Whether this is the path of libsonde.so, or of one that stands in for fewer functions. */
bool session_is_library(const char *path);

#endif
