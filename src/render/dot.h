/* dot: Graphviz's DOT language.
 * Threads: any.  Signals: no. */
#ifndef SONDE_RENDER_DOT_H
#define SONDE_RENDER_DOT_H

#include "base/buf.h"
#include "base/str.h"
#include "render/picture.h"

/* Add s for use between double quotes; newlines end a left-aligned line. */
void dot_escape(struct buf *out, struct str s);

/* Add the picture, as pprof writes it. */
void dot_write(struct buf *out, const struct picture *picture);

/* The colour of a share of -1 (green) over 0 (grey) to 1 (red): a light one for the
 * background of text, or a strong one. */
uint32_t dot_color(double share, bool is_background);

#endif
