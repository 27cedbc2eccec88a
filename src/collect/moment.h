/* moment: asks the processes of a recording for what only they can tell of a moment, the
 * stacks of their threads, while they run.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_COLLECT_MOMENT_H
#define SONDE_COLLECT_MOMENT_H

#include "base/diag.h"
#include "collect/session.h"

/* Has each process that runs take a moment, and waits for them, a second or two at most: a
 * note tells how many did not answer (stopped, without a processor, or system calls are
 * forbidden there). */
void moment_ask(const struct session *session, struct diag *diag);

#endif
