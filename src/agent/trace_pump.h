/* trace_pump: execution traces that the program asks for: a thread of ours (own.h) makes of what
 * was noted (trace.h) a trace in Go's format, with the names of functions as the symbol tables
 * have them; and the flight recorder, whose memory is read when it is asked for.
 *
 * There is one of both at a time: a trace, or the flight recorder.
 * Threads: any; a lock of their own.  Signals: no.  Memory: mapped, given back. */
#ifndef SONDE_AGENT_TRACE_PUMP_H
#define SONDE_AGENT_TRACE_PUMP_H

#include "agent/out.h"

#include <stdbool.h>
#include <stdint.h>

/* Begins a trace, which goes to `fd`, or (-1) to memory.  False and errno: EBUSY (one is on,
 * or the flight recorder, or `sonde record` has it), ENOMEM, EAGAIN, EPERM (no thread). */
bool trace_pump_start(int fd);
/* Ends it, when all is written.  False and errno: that could not be, or (with *was_on false)
 * none was on.  `out`: takes what went to memory (empty on failure); NULL: a trace to fd. */
bool trace_pump_stop(struct out *out, bool *was_on);
/* Whether a trace is on: of the program's, or of `sonde record`. */
bool trace_pump_is_on(void);

/* Keeps the last events in n_bytes of memory.  False and errno, as above. */
bool trace_flight_start(uint64_t min_age_ns, uint64_t n_bytes);
/* Writes those of the last min_age, as a trace of their own.  False and errno; EINVAL: it is not
 * on. */
bool trace_flight_write(int fd);
void trace_flight_stop(void);
bool trace_flight_is_on(void);

/* In a forked child: neither is on. */
void trace_pump_reset(void);

#endif
