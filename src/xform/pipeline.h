/* pipeline: from a profile to the view that a report works on, in pprof's order:
 * the profile's own drop_frames, tagroot, tagleaf, total, focus, ignore, hide, show, show_from,
 * tagfocus, tagignore, tagshow, taghide, prune_from, granularity.
 *
 * The profile given is as decoded (merged, symbolised), its drop_frames not yet
 * applied: that happens here, on the view.
 * Threads: one at a time each; a finished one may be read by many.  Signals: no. */
#ifndef SONDE_XFORM_PIPELINE_H
#define SONDE_XFORM_PIPELINE_H

#include "base/diag.h"
#include "base/regex.h"
#include "xform/label_units.h"
#include "xform/view.h"

/* Strings are borrowed for the call; NULL and "" mean "not set". */
struct pipeline_options {
    const char *sample_index;
    const char *focus, *ignore, *hide, *show, *show_from, *prune_from;
    const char *tagfocus, *tagignore, *tagshow, *taghide, *tagroot, *tagleaf;
    const char *unit;     /* that tagroot and tagleaf write numbers in */
    const char *argument; /* the regexp that list and peek take; NULL if none */
    enum granularity granularity;
    bool noinlines, showcolumns, relative_percentages, mean;
};

struct pipeline {
    struct view view;
    struct label_units label_units;
    struct regex *argument;  /* NULL if none */
    int64_t total;           /* of all samples, or of those left (relative_percentages) */
    const char *type, *unit; /* of the chosen column; "mean_TYPE" of a mean */
};

/* False with ERR_USAGE (regexps, sample_index), ERR_INPUT, ERR_NOMEM, in pprof's
 * words; release it in any case.  Expressions that match nothing are notes in
 * *diag.  O(frames). */
bool pipeline_run(struct pipeline *p, const struct profile *profile,
                  const struct pipeline_options *options, struct diag *diag, struct err *err);
/* Compile an argument for a pipeline that has none.  Failures as of pipeline_run. */
bool pipeline_take_argument(struct pipeline *p, const char *argument, struct err *err);
void pipeline_release(struct pipeline *p); /* also fine on a zeroed struct */

#endif
