/* recording: the life of a CPU recording in this process: under `sonde record`
 * (from the start, into a file, forked children too) or between
 * sonde_start_cpu_profile and sonde_stop_cpu_profile (into memory).
 * Threads: begin and end under the caller's lock, the rest any.  Signals: no. */
#ifndef SONDE_AGENT_RECORDING_H
#define SONDE_AGENT_RECORDING_H

#include "agent/store.h"
#include "unwind/walk.h"

#include <stdbool.h>
#include <stdint.h>

#define RECORDING_HZ_DEFAULT 100
#define RECORDING_HZ_MAX 10000

/* Whether the functions of libc that threads and signals need are intercepted:
 * in libsonde.so (interpose.c), not in libsonde.a (plain.c). */
extern const bool recording_is_hooked;

/* Whether this process is recorded, by either way. */
bool recording_is_on(void);

/* Starts recording into memory.  False and errno on failure, nothing started:
 * EBUSY, ENOMEM, EAGAIN (no timer). */
bool recording_begin(uint32_t hz);

/* Stops it; the store is the caller's to read, until recording_release.  NULL when
 * recording_begin's recording is not on. */
struct store *recording_end(void);
void recording_release(void);

/* The program is about to forbid itself system calls: we make none any more but
 * those of the handler.  False: nothing is recorded.  `all`: the calling thread
 * keeps not even those, and is not sampled any more.  Undone by recording_thaw,
 * when the program could not. */
bool recording_freeze(bool all);
void recording_thaw(void);

/* The calling thread made a thread in the function with these registers. */
void recording_thread_made(const struct walk_regs *regs);

/* Whether recording_program_ends is to be called. */
bool recording_watches_end(void);
/* The program is about to run what it registered for its end. */
void recording_program_ends(void);

/* A new thread of the program began, or ends. */
void recording_thread_begin(void);
void recording_thread_end(void);

#endif
