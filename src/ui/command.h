/* command: what `sonde COMMAND` can be.  A command is one file in ui with one
 * `const struct command_ops` and a line in command_registry.c; help and the
 * error for an unknown command come from there.
 * Threads: commands run one at a time.  Signals: a command's own matter. */
#ifndef SONDE_UI_COMMAND_H
#define SONDE_UI_COMMAND_H

#include "base/buf.h"

struct command_ops {
    const char *name;
    const char *help; /* one line, in the list of commands */
    /* The whole of `sonde COMMAND -help`, onto *out. */
    void (*usage)(struct buf *out);
    /* Run with argv[0] the command's name.  Prints its own errors; returns the
     * exit status of the process (err_exit_status for a failure). */
    int (*run)(int argc, char **argv);
};

extern const struct command_ops *const command_registry[]; /* in help's order; NULL-terminated */
const struct command_ops *command_find(const char *name);  /* NULL if unknown */

#endif
