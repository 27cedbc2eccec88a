/* trace: the command `sonde trace`, a drop-in for `go tool trace`.
 * Summaries, profiles and exports come from the registry of analyses (analysis/analysis.h).
 * Threads: the main thread.  Signals: no. */
#ifndef SONDE_UI_TRACE_H
#define SONDE_UI_TRACE_H

#include "ui/command.h"

extern const struct command_ops command_trace;

#endif
