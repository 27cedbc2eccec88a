/* timers: a timer on the CPU clock of each thread, which signals that thread.
 * Threads: any.  Signals: timers_rescan and timers_arm are async-signal-safe. */
#ifndef SONDE_AGENT_TIMERS_H
#define SONDE_AGENT_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

/* Signals by SIGURG with si_code SI_TIMER and this si_value. */
extern char timers_mark, timers_rescan_mark;

/* From now on timers_arm works.  `failures` counts timers that could not be had;
 * borrowed until timers_stop. */
void timers_start(uint64_t period_ns, uint64_t *failures);

/* Also signals the process with timers_rescan_mark after each 100 ms of its CPU
 * time, so that threads are found even while all known ones sleep.  For programs
 * in which thread creation is not intercepted: before Linux 6.4 such a signal may
 * interrupt a sleeping thread's system call.  False if it cannot. */
bool timers_start_process_timer(void);

/* Arms a timer for the thread `tid` unless it has one; `replace`: it is new, so
 * one there is is of a thread that died.  Its first signal comes at a random time
 * within a period, so that short threads count without bias. */
void timers_arm(int tid, bool replace);

/* Deletes the timer of `tid`. */
void timers_disarm(int tid);

/* Arms every thread of the process, and drops the timers of dead ones. */
void timers_scan(void);

/* How many threads have a timer. */
uint32_t timers_count(void);

/* timers_scan if 100 ms of CPU time went by since, and threads came or went. */
void timers_rescan(void);

/* From now on, in this process and its children, no call is made to make or to
 * look at timers: threads to come have none.  Waits for those that are being made. */
void timers_freeze(void);
void timers_thaw(void);
bool timers_frozen(void);

/* Deletes all timers. */
void timers_stop(void);

/* In a forked child: it has no timers. */
void timers_reset(void);

#endif
