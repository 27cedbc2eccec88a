/* pprof: the command `sonde pprof`, a drop-in for `go tool pprof`.
 * Flags come from the tables of the reports (report/report.h) and its own.
 * Threads: the main thread.  Signals: no. */
#ifndef SONDE_UI_PPROF_H
#define SONDE_UI_PPROF_H

#include "ui/command.h"

extern const struct command_ops command_pprof;

#endif
