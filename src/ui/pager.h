/* pager: text that is longer than the terminal, page by page: PAGER, else less.
 * Threads: one at a time for each pager.  Signals: a pager that is left early is no
 * SIGPIPE to the caller; Ctrl-C reaches the pager and the caller. */
#ifndef SONDE_UI_PAGER_H
#define SONDE_UI_PAGER_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

struct pager {
    pid_t pid; /* 0: none runs */
    int fd;    /* what it reads */
};

/* Lines that fit on the terminal at stdout; 0: there is no terminal to page for, or no
 * pager. */
size_t pager_rows(void);

/* Start it.  False with ERR_IO. */
bool pager_open(struct pager *pager, struct err *err);
/* False: it has been left, and reads no more. */
bool pager_write(struct pager *pager, const char *data, size_t n);
/* Until the user leaves it. */
void pager_close(struct pager *pager);

#endif
