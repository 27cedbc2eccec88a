/* filter: bytes through another program: its stdin is given, its stdout collected; what
 * it says on stderr is shown.
 * Threads: any.  Signals: a program that reads no further is no SIGPIPE to the caller. */
#ifndef SONDE_UI_FILTER_H
#define SONDE_UI_FILTER_H

#include "base/buf.h"
#include "base/err.h"

/* Run argv[0] (looked for in PATH), add what it writes to `out`.  False with ERR_IO:
 * it cannot be started (err->sys_errno says why), or ended in failure; ERR_NOMEM. */
bool filter_run(char *const argv[], const struct buf *in, struct buf *out, struct err *err);

#endif
