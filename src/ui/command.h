/* command: what `sonde COMMAND` can be.  A command is one file in ui with one
 * `const struct command_ops` and a line in command_registry.c; help, the error for an
 * unknown command, completion and manual pages come from there.
 * Threads: commands run one at a time.  Signals: a command's own matter. */
#ifndef SONDE_UI_COMMAND_H
#define SONDE_UI_COMMAND_H

#include "base/buf.h"

/* One flag of a command, as help, completion and manual tell of it. */
struct flag_doc {
    const char *group; /* its title in the help; those of a group stand together */
    const char *name;  /* without '-' */
    const char *value; /* what it takes ("REGEXP", "FILE", ...), NULL: nothing */
    const char *words; /* what may stand there, with blanks between, or NULL; "@configs",
                          "@processes": what `sonde registry configs` (processes) prints */
    const char *help;  /* one line */
};
/* The texts are borrowed for the call. */
typedef void flag_doc_fn(const struct flag_doc *flag, void *arg);

struct command_ops {
    const char *name;
    const char *help; /* one line, in the list of commands */
    bool is_hidden;   /* not in that list */
    /* Call fn for each flag of the command, in the order of its help; NULL: it has none. */
    void (*each_flag)(flag_doc_fn *fn, void *arg);
    /* The whole of `sonde COMMAND -help`, onto *out. */
    void (*usage)(struct buf *out);
    /* Run with argv[0] the command's name.  Prints its own errors; returns the
     * exit status of the process (err_exit_status for a failure). */
    int (*run)(int argc, char **argv);
};

extern const struct command_ops *const command_registry[]; /* in help's order; NULL-terminated */
const struct command_ops *command_find(const char *name);  /* NULL if unknown */

#endif
