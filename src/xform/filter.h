/* filter: choose which samples and frames a report sees (focus, ignore, hide,
 * show, show_from).
 * In: a view.  Out: the view, narrowed.
 * Threads: one view each.  Signals: no. */
#ifndef SONDE_XFORM_FILTER_H
#define SONDE_XFORM_FILTER_H

#include "base/regex.h"
#include "xform/view.h"

/* Which of the expressions matched any location. */
struct filter_found {
    bool focus, ignore, hide, show;
};

/* Keep samples with a frame that matches `focus` and none that matches `ignore`;
 * take out the frames that match `hide` and those that do not match `show`.
 * A regexp may be NULL.  Function names, file names and mapping files are asked.
 * False with ERR_NOMEM.  O(strings + lines + frames). */
bool filter_names(struct view *view, const struct regex *focus, const struct regex *ignore,
                  const struct regex *hide, const struct regex *show, struct filter_found *found,
                  struct err *err);

/* Drop the frames above (callers of) the outermost one that matches; samples
 * without a match go.  *found: did it match any location?  False with ERR_NOMEM. */
bool filter_show_from(struct view *view, const struct regex *re, bool *found, struct err *err);

#endif
