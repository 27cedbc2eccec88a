/* perfdata_read: recordings of Linux's perf (perf.data) as profiles.
 *
 * As perf_to_profile has it: of each event a number of samples, EVENT_sample/count, and
 * what they stand for, EVENT_event/count, the last of which is the default; return
 * addresses are moved into the call; perf's version and command are comments.
 * Otherwise than there:
 * - Events without a sample get no columns, and those that are clocks count nanoseconds.
 * - Samples of several processes have the labels pid and comm (the name of the process),
 *   those of threads with a name of their own thread_comm.
 * - A piece of a file is one mapping, wherever processes had it.
 * - What was lost is a note, not samples in "[lost]".
 * - Duration, and the time of day where the recording knows it (perf record -k), are set.
 * - Copies of stacks (--call-graph dwarf) are unwound, as far as the files are here
 *   (perfdata_unwind.h).
 *
 * In: bytes, borrowed for the call.  Out: sealed profile.
 * Threads: calls are independent.  Signals: no. */
#ifndef SONDE_FORMAT_PERFDATA_READ_H
#define SONDE_FORMAT_PERFDATA_READ_H

#include "format/format.h"

extern const struct format_ops perfdata_format;

#endif
