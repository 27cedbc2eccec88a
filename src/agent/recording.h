/* recording: what is recorded in this process, kind by kind.
 *
 * Under `sonde record` from the start, into a file, in forked children too.  By the
 * program's wish (sonde/sonde.h): a CPU profile between begin and end, with a store of
 * its own; the standing kinds (all others), once asked for, into one store in memory
 * that is never given back, or into the file where there is one.
 * Threads: any.  Signals: no. */
#ifndef SONDE_AGENT_RECORDING_H
#define SONDE_AGENT_RECORDING_H

#include "agent/store.h"
#include "agent/threads.h"
#include "unwind/walk.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define RECORDING_HZ_DEFAULT 100
#define RECORDING_HZ_MAX 10000

/* Whether the functions of libc that threads and signals need are intercepted:
 * in libsonde.so (interpose.c), not in libsonde.a (plain.c). */
extern const bool recording_is_hooked;

/* Whether those of ours come before libc's for the whole program.  Not in libsonde.a, nor when
 * libsonde.so is loaded by dlopen or stands behind libc. */
bool recording_is_first(void);

/* pthread_create, of which nothing is recorded.  An error number, or 0. */
int recording_plain_thread(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                           void *arg);

/* The calling thread may make no system call any more, nor read a clock: nothing of it is
 * recorded from now on. */
extern __thread bool recording_is_bare;

/* Whether anything of this process is recorded, by either way. */
bool recording_is_on(void);
/* Whether what was recorded is of this process, though nothing may be now. */
bool recording_is_here(void);
/* Whether this kind is. */
bool recording_has(enum wire_kind kind);

/* Starts a CPU profile into memory.  False and errno on failure, nothing started:
 * EBUSY, ENOMEM, EAGAIN (no timer). */
bool recording_begin_cpu(uint32_t hz);

/* Ends it; the store is the caller's to read, until recording_release_cpu.  NULL when
 * recording_begin_cpu's is not on. */
struct store *recording_end_cpu(void);
void recording_release_cpu(void);

/* Whether `sonde record` has this kind recorded, into the file. */
bool recording_is_recorded(enum wire_kind kind);

/* The store of the standing kinds, made when it is first asked for; of `sonde record`,
 * if that records.  NULL and errno: ENOMEM, EBUSY (recorded by another libsonde). */
struct store *recording_store(void);

/* Starts a standing kind; `rate` is that of the heap, in bytes, of
 * block, in ns, or the fraction of mutex.  Already on: true.
 * False and errno: as recording_store; EBUSY also when it is recorded at another rate, or there
 * are heap samples of another one. */
bool recording_start(enum wire_kind kind, uint64_t rate);

/* No more samples of it; those there are stay.  False and EBUSY: `sonde record` wants it. */
bool recording_stop(enum wire_kind kind);

/* The program is about to forbid itself system calls: we make none any more but
 * those of the handler.  `all`: the calling thread keeps not even those, and nothing of
 * it is recorded any more.  What is to be undone by recording_thaw, when the program
 * could not: 0: nothing. */
uint32_t recording_freeze(bool all);
void recording_thaw(uint32_t frozen);

/* The calling thread made a thread in the function with these registers. */
void recording_thread_made(const struct walk_regs *regs);

/* Whether recording_program_ends is to be called. */
bool recording_watches_end(void);
/* The program is about to run what it registered for its end, in the function with these
 * registers. */
void recording_program_ends(const struct walk_regs *self);

/* Profiles may be asked for later, by a thread of ours; `wants_cpu`: from here on no thread
 * blocks SIGURG. */
void recording_prepare(bool wants_cpu);

/* threads_take, in a process that need not be recorded. */
bool recording_take_threads(struct store *store, const struct threads_options *which,
                            const struct walk_regs *self);

/* A new thread of the program began, or ends. */
void recording_thread_begin(void);
void recording_thread_end(void);

#endif
