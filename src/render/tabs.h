/* tabs: text in columns, right-aligned, as Go's text/tabwriter lays it out (no minimal
 * width, one blank between, AlignRight).
 *
 * A cell ends with a tab; a column is a run of lines that have a cell there, as wide as
 * the widest.  What follows the last tab of a line belongs to no column.
 * Units: widths are those of render/columns.h.  Threads: any.  Signals: no. */
#ifndef SONDE_RENDER_TABS_H
#define SONDE_RENDER_TABS_H

#include "base/buf.h"
#include "base/str.h"

/* Add `text`, laid out, to *out.  False when memory runs out (out->failed tells of its
 * own).  O(text). */
bool tabs_right(struct buf *out, struct str text);

#endif
