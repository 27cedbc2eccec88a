/* shell_config: the shell's commands about named configurations (settings.h): a table, as
 * for reports.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_UI_SHELL_CONFIG_H
#define SONDE_UI_SHELL_CONFIG_H

#include "base/buf.h"
#include "base/err.h"

struct shell_session;

struct shell_config_command {
    const char *name, *help;
    bool takes_name;
    /* Do it; `path` is the file.  What is to be told is appended to *out. */
    bool (*run)(struct shell_session *session, const char *name, const char *path, struct buf *out,
                struct err *err);
};

extern const struct shell_config_command shell_config_commands[]; /* ends with name NULL */

/* By name, NULL if it is none of them. */
const struct shell_config_command *shell_config_find(const char *name);

/* Does a line begin with a command that takes a configuration, of `n` characters? */
bool shell_config_at(const char *line, size_t n);

/* Is a name given where one has to be, and only there?  False with ERR_USAGE. */
bool shell_config_check(const struct shell_config_command *command, const char *name,
                        struct err *err);

/* False with the errors of settings.h; the session is then as before. */
bool shell_config_run(struct shell_session *session, const struct shell_config_command *command,
                      const char *name, struct buf *out, struct err *err);

/* All names there are, each followed by a NUL, appended to *out; none when the file is bad. */
void shell_config_names(struct buf *out);

#endif
