/* paint: text reports in colours, for terminals: what weighs much is seen at once.
 * Threads: independent.  Signals: no. */
#ifndef SONDE_UI_PAINT_H
#define SONDE_UI_PAINT_H

#include "base/buf.h"
#include "report/report.h"

/* Are colours wanted on this file descriptor?  A terminal that has them, and no
 * NO_COLOR (https://no-color.org). */
bool paint_is_wanted(int fd);

/* What a report can draw on there: the terminal's width, or what COLUMNS says. */
struct report_screen paint_screen(int fd);

/* `text` with colours, appended to *out: headers and rules faint, titles of columns
 * bold, shares of the total by their size. */
void paint(const struct buf *text, struct buf *out);

#endif
