/* trace_crash: what the flight recorder has is written when the program crashes: by a signal that
 * is none of its doing (SIGSEGV, SIGBUS, SIGILL, SIGFPE) or of abort (SIGABRT).
 *
 * A thread of ours (own.h) waits for that from the beginning, since the one that crashes may have
 * neither a stack nor anything else in order.  The handler lets it write, waits for it (for so long
 * at most), puts back what was set before, and returns: then the same happens again, and the
 * program's own handler, or the kernel's core file, finds it as if we had not been there.
 *
 * The last that the trace has of the thread that crashes is a log message "crash": the signal, the
 * address, and the instruction, whose function is its stack; unless the thread noted nothing
 * before, or its alternate stack has no room for more than the rest.
 *
 * Threads: any; on and off one at a time.  Signals: the handler takes some 500 bytes of stack; it
 * takes no lock but that of a module that is met for the first time, which is given up on after a
 * while, and else makes system calls only. */
#ifndef SONDE_AGENT_TRACE_CRASH_H
#define SONDE_AGENT_TRACE_CRASH_H

#include <stdbool.h>

/* From now on a crash is written to the file `fd`, of which a copy is kept.  Signals that the
 * program ignores are left alone.  Asked for again, the file of before is given up.  False and
 * errno: EAGAIN, EPERM (no thread), EBUSY (one is being written), and what dup says. */
bool trace_crash_on(int fd);
void trace_crash_off(void);

/* In a forked child: it is off. */
void trace_crash_reset(void);

#endif
