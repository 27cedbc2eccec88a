/* target: what kind of program a command would run: can libsonde be preloaded
 * into it?
 * In: a command name, looked up in PATH as execvp does; for a script its
 * interpreter is looked at.  Out: a verdict.  Threads: any.  Signals: no. */
#ifndef SONDE_COLLECT_TARGET_H
#define SONDE_COLLECT_TARGET_H

#include <limits.h>
#include <stdbool.h>

enum target_kind {
    TARGET_DYNAMIC, /* preloading works */
    TARGET_STATIC,  /* no dynamic linker that would load anything */
    TARGET_GO,      /* Go's runtime has signals and stacks of its own */
    TARGET_SECURE,  /* setuid, setgid or file capabilities: the linker ignores preloads */
    TARGET_FOREIGN, /* of another machine or word size than libsonde */
    TARGET_UNKNOWN, /* not found or not readable: exec will tell, or try */
};

struct target {
    enum target_kind kind;
    char path[PATH_MAX]; /* the file looked at; "" if none was found */
};

/* The name of malloc in the allocator that the program has in itself, out of our sight; NULL
 * when it has none that is known, or no symbols. */
const char *target_own_malloc(const struct target *target);

/* Whether the program waits on futexes by instructions of its own, out of our sight, as far
 * as its code tells. */
bool target_own_futex(const struct target *target);

/* Never fails: what cannot be found out is TARGET_UNKNOWN. */
void target_inspect(struct target *target, const char *command);

#endif
