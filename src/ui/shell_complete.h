/* shell_complete: what could be meant by the word that is being typed: commands,
 * options and their values, functions, tags, files.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_UI_SHELL_COMPLETE_H
#define SONDE_UI_SHELL_COMPLETE_H

#include "base/buf.h"
#include "model/profile.h"

/* As shell_complete_fn (shell_line.h); `profile` is the arg. */
void shell_complete(void *profile, const char *line, size_t start, struct buf *out);

#endif
