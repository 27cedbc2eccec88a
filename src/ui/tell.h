/* tell: the lines that go to stderr, each "sonde: TEXT".
 * Control characters in a text are shown as \xNN, so that a line stays one line
 * and a hostile file cannot drive the terminal.
 * Threads: any, a line is written at once.  Signals: no. */
#ifndef SONDE_UI_TELL_H
#define SONDE_UI_TELL_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"

/* `text` with \xNN for control characters, appended to *out. */
void tell_visibly(struct buf *out, const char *text);

void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int tell_err(const struct err *err);     /* returns its exit status */
void tell_diag(const struct diag *diag); /* a line for each note */

#endif
