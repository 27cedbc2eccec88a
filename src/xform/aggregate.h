/* aggregate: set a view's granularity.
 * Threads: one view each.  Signals: no. */
#ifndef SONDE_XFORM_AGGREGATE_H
#define SONDE_XFORM_AGGREGATE_H

#include "xform/view.h"

/* Say what nodes keep of a frame; with `noinlines` each location keeps only
 * the function that is physically there.  O(locations). */
void aggregate(struct view *view, enum granularity granularity, bool noinlines);

#endif
