/* diag: notes about recoverable damage, collected for ui to print.
 * Equal texts are kept once; after DIAG_MAX further ones are only counted.
 * Threads: one at a time. */
#ifndef SONDE_BASE_DIAG_H
#define SONDE_BASE_DIAG_H

#include <stddef.h>

#define DIAG_MAX 32

struct diag {
    char *texts[DIAG_MAX]; /* malloc'ed lines */
    size_t n, n_suppressed;
};

void diag_init(struct diag *diag);
void diag_release(struct diag *diag); /* also fine on a zeroed struct */
/* Add one line.  `diag` may be NULL.  Memory running out only counts it. */
void diag_add(struct diag *diag, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
