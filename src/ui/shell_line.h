/* shell_line: lines that a user types.  On a terminal with editing, a history that
 * outlives the session, and completion: libedit does it, loaded when there is a
 * terminal; without it lines are read as they come.
 * Threads: one at a time.  Signals: Ctrl-C at the prompt drops the line. */
#ifndef SONDE_UI_SHELL_LINE_H
#define SONDE_UI_SHELL_LINE_H

#include "base/buf.h"

/* Append to *out the NUL-terminated words that could stand in place of
 * line[start .. strlen(line)), the last word that was begun. */
typedef void shell_complete_fn(void *arg, const char *line, size_t start, struct buf *out);

/* `complete` is asked when TAB is pressed. */
void shell_line_begin(shell_complete_fn *complete, void *arg);
/* The next line, without its end, in *line; false at the end of input. */
bool shell_line_read(const char *prompt, struct buf *line);
void shell_line_end(void);

/* Was Ctrl-C pressed since the last time this was asked, or a line was read? */
bool shell_line_interrupted(void);

#endif
