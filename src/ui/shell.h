/* shell: reports on a loaded profile, one after the other, as pprof's shell makes them.
 * Lines come from stdin; reports go to stdout (paged and coloured on a terminal), all
 * else to stderr.
 * Threads: a report is made on a thread of its own, so that Ctrl-C stops it and not
 * the shell.  Signals: SIGINT is its own meanwhile. */
#ifndef SONDE_UI_SHELL_H
#define SONDE_UI_SHELL_H

#include "report/report.h"

/* Until the user leaves.  `original`: the file that the profile is, if it is one; `tools`: the
 * value of -tools, or NULL.  Takes `profile` over; it stays where it is when a report that was
 * stopped still reads it.  False with ERR_NOMEM. */
bool shell_run(struct profile *profile, const struct original *original,
               const struct report_options *options, const char *tools, struct err *err);

#endif
