/* moment: asks the processes of a recording for what only they can tell of a moment, the
 * stacks of their threads, while they run.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_MOMENT_H
#define SONDE_COLLECT_MOMENT_H

#include "base/diag.h"
#include "collect/session.h"
#include "wire/wire.h"

#include <stdbool.h>
#include <sys/types.h>

/* Has each process that runs take a moment, and waits for them, a second or two at most: a
 * note tells how many did not answer (stopped, without a processor, or system calls are
 * forbidden there). */
void moment_ask(const struct session *session, struct diag *diag);

/* Alive, and not a zombie that nobody waits for. */
bool moment_is_alive(pid_t pid);

/* Of session_files' list: whether the process of file `i`, whose header is given, still runs,
 * and runs the program of this file: not one that it has become by exec since. */
bool moment_runs(char *const *files, size_t i, const struct wire_header *header);

#endif
