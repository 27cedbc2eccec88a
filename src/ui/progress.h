/* progress: a line on stderr, if that is a terminal, while something takes longer
 * than half a second: what it is and the seconds it has taken so far.  It is gone
 * afterwards.
 * Threads: one of its own between begin and end.  Signals: blocked in it. */
#ifndef SONDE_UI_PROGRESS_H
#define SONDE_UI_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what;
    uint64_t start_ns;
    pthread_mutex_t mutex;
    pthread_cond_t ended_cond;
    bool runs, ended;
    pthread_t thread;
};

/* `what` ("reading symbols") is borrowed.  Cannot fail: there is no line then. */
void progress_begin(struct progress *progress, const char *what);
void progress_end(struct progress *progress);

#endif
