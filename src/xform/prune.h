/* prune: cut stacks below (callees of) frames that match.
 * In: a view.  Out: the view, narrowed.
 * Threads: one view each.  Signals: no. */
#ifndef SONDE_XFORM_PRUNE_H
#define SONDE_XFORM_PRUNE_H

#include "base/regex.h"
#include "xform/view.h"

/* What the profile itself asks for: drop_frames and what they call, except
 * keep_frames.  Expressions that do not compile are passed over, as pprof does.
 * False with ERR_NOMEM. */
bool prune_uninteresting(struct view *view, struct err *err);

/* Cut below the innermost frame that matches; the frame itself stays.
 * False with ERR_NOMEM. */
bool prune_from(struct view *view, const struct regex *re, struct err *err);

#endif
