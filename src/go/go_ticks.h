/* go_ticks: how fast the clock runs that Go measures blocked time with.
 * In: a program.  Out: ticks a second.  Threads: any.  Signals: no. */
#ifndef SONDE_GO_TICKS_H
#define SONDE_GO_TICKS_H

#include "base/diag.h"
#include "go/go_program.h"

/* What the program itself uses where it has found it out already; else measured here, in some
 * hundredths of a second, once.  Where that is for a core file, which may be of another machine, a
 * note says so.  False and *err when the program has ended. */
bool go_ticks_per_second(struct go_program *program, int64_t *ticks, struct diag *diag,
                         struct err *err);

#endif
