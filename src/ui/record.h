/* record: the command `sonde record`: run a program and write its profile.
 * Kinds of profiles come from the registry of collectors (collect/collect.h).
 * Threads: the main thread.  Signals: see ui/record_run.h. */
#ifndef SONDE_UI_RECORD_H
#define SONDE_UI_RECORD_H

#include "ui/command.h"

extern const struct command_ops command_record;

#endif
