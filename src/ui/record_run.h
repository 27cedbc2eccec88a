/* record_run: run a command under a recorder until it ends.
 *
 * The command shares our terminal and process group.  From before its start to
 * the end of our process the signals below are blocked here, so that nothing
 * collected is lost to an impatient Ctrl-C:
 *  - SIGINT and SIGQUIT typed at the terminal reach the command from there; sent
 *    to us alone (kill) they are passed on;
 *  - SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 are passed on, but for one that asks for a moment.
 * Ctrl-Z stops both and `fg` continues both.
 *
 * While it runs a status line is on stderr, if that is a terminal in which we are
 * in the foreground and which the command has not switched to raw input.
 * Threads: the main thread, single-threaded until the command has been started. */
#ifndef SONDE_UI_RECORD_RUN_H
#define SONDE_UI_RECORD_RUN_H

#include "collect/recorder.h"

struct record_run {
    int exec_errno;  /* of an exec that failed: nothing ran */
    int wait_status; /* as waitpid gives it */
    uint64_t cpu_ns; /* of the command, and of the children it waited for if they count */
    uint64_t wall_ns;
    bool is_over; /* watch->over was called */
};

/* What happens while it runs. */
struct record_watch {
    int at_signal;    /* of a moment; it is not passed on.  0: none */
    uint64_t at_ns;   /* of a moment, from the start; 0: none */
    uint64_t over_ns; /* of the recording's end; 0: the command's */
    void (*moment)(void *arg, uint64_t wall_ns);
    void (*over)(void *arg, const struct record_run *run); /* so far; the command goes on */
    void *arg;
};

/* False and *err when the command could not be started or attached to; it has
 * then not run. */
bool record_run(struct recorder *recorder, char *const *argv, bool children,
                const struct record_watch *watch, struct record_run *run, struct err *err);

#endif
