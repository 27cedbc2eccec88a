/* screen: what the shell shows on stdout: reports while they are being made, and texts
 * that are there as a whole.  Painted and paged as stdout permits.
 * Threads: the one that makes the report writes, another may stop it and end it.
 * Signals: a reader that has left stdout (`| head`) ends the program by SIGPIPE. */
#ifndef SONDE_UI_SCREEN_H
#define SONDE_UI_SCREEN_H

#include "ui/pager.h"

#include <pthread.h>
#include <stdatomic.h>

struct screen {
    pthread_mutex_t lock;
    struct pager pager;
    bool is_painted;
    bool is_begun;        /* something was shown */
    bool is_stopped;      /* nothing more is to be shown */
    bool is_left;         /* the user has left the pager */
    atomic_bool is_asked; /* the lock is wanted */
    struct buf line;      /* the beginning of one, to be painted when it is whole */
    struct err err;
};

/* `is_painted`: the report has no colours of its own. */
void screen_init(struct screen *screen, bool is_painted);
void screen_release(struct screen *screen);

/* A part of the report that is longer than a terminal: the pager begins with the first.
 * False: no more is wanted, or screen->err says why not. */
bool screen_write(struct screen *screen, const struct buf *part);
/* No more of it is shown from here on.  False: a pager shows it, and is left to the user. */
bool screen_stop(struct screen *screen);
/* The rest, or all; returns when the user leaves the pager.  False with ERR_IO, ERR_NOMEM. */
bool screen_end(struct screen *screen, const struct buf *rest, struct err *err);

#endif
