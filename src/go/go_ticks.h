/* go_ticks: how fast the clock runs that Go measures blocked time with.
 * In: a program.  Out: ticks a second.  Threads: any.  Signals: no. */
#ifndef SONDE_GO_TICKS_H
#define SONDE_GO_TICKS_H

#include "go/go_program.h"

/* What the program itself uses where it has found it out already; else measured here, in some
 * hundredths of a second.  False and *err for a core file without it. */
bool go_ticks_per_second(const struct go_program *program, int64_t *ticks, struct err *err);

#endif
