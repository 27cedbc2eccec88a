/* spawn: start a command that waits at a gate, then let it run.
 * Between the two the caller knows its pid and can attach to it (perf events
 * that begin at exec).  The child keeps the caller's terminal, process group
 * and folder, so that Ctrl-C and job control reach it as they would without us.
 *
 * In: argument and environment vectors.  Out: a child process.
 * Threads: one struct per command; start from a single-threaded process.
 * Signals: the child gets `mask` and the dispositions the caller has. */
#ifndef SONDE_OS_SPAWN_H
#define SONDE_OS_SPAWN_H

#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#define SPAWN_PID_ROOM 12 /* bytes a pid slot needs, its NUL included */

struct spawn {
    pid_t pid;
    int gate_fd; /* writing a byte lets the child exec; closing it ends the child */
    int exec_fd; /* read end: errno of an exec that failed, or end of file */
};

struct spawn_options {
    char *const *argv; /* argv[0] is searched for in PATH, as execvp does */
    char *const *envp;
    char *pid_slot; /* NULL, or SPAWN_PID_ROOM bytes inside an envp string: gets the pid */
    const sigset_t *mask;
    bool ignore_sigchld; /* the caller was started with SIGCHLD ignored: hand that on */
};

/* Fork; the child waits.  False with *err when that fails; *spawn is then empty. */
bool spawn_start(struct spawn *spawn, const struct spawn_options *options, struct err *err);

/* Let it exec.  0 when the command runs now, else the errno of exec (the child
 * has then ended and is reaped). */
int spawn_go(struct spawn *spawn);

/* Closes the pipes; a child still at the gate ends and is reaped.  Also fine on
 * a struct that spawn_start left empty. */
void spawn_release(struct spawn *spawn);

#endif
