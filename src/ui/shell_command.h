/* shell_command: what a line typed into the shell means.  The language is that of
 * pprof's shell: commands with arguments, assignments, shortcuts.
 * Ownership: texts that outlive the line are in the session's arena.
 * Threads: one session each.  Signals: no. */
#ifndef SONDE_UI_SHELL_COMMAND_H
#define SONDE_UI_SHELL_COMMAND_H

#include "base/arena.h"
#include "model/profile.h"
#include "report/report.h"

struct shell_config_command;

/* What lasts from line to line. */
struct shell_session {
    const struct profile *profile;
    struct arena arena;
    struct report_options options;
    const char *output;           /* "output=FILE"; NULL or "": the terminal */
    const char *tools;            /* -tools; NULL: not said */
    struct pipeline_cache *cache; /* of the profile's views; NULL: none */
    struct original original;     /* the file that the profile is, if it is one */
};

enum shell_action {
    SHELL_NOTHING, /* an empty line, or an assignment that is done */
    SHELL_REPORT,
    SHELL_OPTIONS, /* show them */
    SHELL_HELP,
    SHELL_CONFIG,
    SHELL_QUIT,
};

struct shell_command {
    enum shell_action action;
    const struct report_ops *report; /* SHELL_REPORT */
    const char *regexp;              /* its argument, or NULL */
    struct report_options options;   /* the session's, and what the line says beside them */
    const char *output;              /* NULL or "": the terminal */
    const char *topic;               /* SHELL_HELP: "" for all; SHELL_CONFIG: its name, or "" */
    const struct shell_config_command *config; /* SHELL_CONFIG */
};

/* `options` are the start; their texts are borrowed for the session. */
void shell_session_init(struct shell_session *session, const struct profile *profile,
                        const struct report_options *options);
void shell_session_release(struct shell_session *session);

/* Do what a line says as far as it is about the session (assignments, shortcuts), and
 * say in *command what else it wants.  False with ERR_USAGE, which says what is wrong;
 * the session is then as before. */
bool shell_command_parse(struct shell_session *session, const char *line,
                         struct shell_command *command, struct err *err);

/* "  name = value   //: choices", a line for each option. */
void shell_options_print(const struct shell_session *session, struct buf *out);

/* The help about a command or option, or about all for "".  False: unknown. */
bool shell_help_print(const struct shell_session *session, const char *topic, struct buf *out);

#endif
