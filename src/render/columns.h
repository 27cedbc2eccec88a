/* columns: text in columns of a fixed width.
 * Units: widths are in characters of UTF-8, a broken byte counting as one.
 * Threads: any.  Signals: no. */
#ifndef SONDE_RENDER_COLUMNS_H
#define SONDE_RENDER_COLUMNS_H

#include "base/buf.h"
#include "base/str.h"

/* How many columns a text takes. */
size_t columns_width(struct str s);
/* Add s after as many blanks as make it `width` wide. */
void columns_right(struct buf *out, struct str s, size_t width);

#endif
