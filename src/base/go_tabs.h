/* go_tabs: text in columns, as Go's text/tabwriter lays it out for runtime/pprof: cells are
 * padded with tabs to columns of eight.
 *
 * A cell ends with a tab; a column is a run of lines that have a cell there, as wide as the
 * widest.  What follows the last tab of a line belongs to no column.
 * Units: a character of UTF-8 is one wide.  Threads: any.  Signals: no. */
#ifndef SONDE_BASE_GO_TABS_H
#define SONDE_BASE_GO_TABS_H

#include "base/buf.h"
#include "base/str.h"

/* Add `text`, laid out, to *out.  Columns of earlier calls do not go on: a text ends before
 * a line without tabs, or after one.  False when memory runs out (out->failed tells of its
 * own).  O(text). */
bool go_tabs(struct buf *out, struct str text);

#endif
