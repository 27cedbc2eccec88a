/* record_native: the file of an execution trace that `sonde record -e trace -- COMMAND` makes.
 * Threads: the main thread.  Signals: no. */
#ifndef SONDE_UI_RECORD_NATIVE_H
#define SONDE_UI_RECORD_NATIVE_H

#include "collect/recorder.h"
#include "ui/profile_file.h"

/* Where it goes: sonde.trace, or as -o says; of a moment with its number. */
bool record_native_name(const struct profile_file *files, unsigned moment, char path[PATH_MAX],
                        struct err *err);
/* Writes it, whole or not at all; when that fails to a new file in TMPDIR, /tmp or /dev/shm, whose
 * name takes the place of `path`.  False when all fail; *err tells of the first in either case. */
bool record_native_write(struct recorder *recorder, char path[PATH_MAX],
                         struct native_trace_result *result, struct diag *diag, struct err *err);

#endif
