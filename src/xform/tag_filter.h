/* tag_filter: choose samples by their labels (tagfocus, tagignore), and which labels
 * show (tagshow, taghide).
 *
 * An expression is one of
 *   key=A,B     a text label `key` whose value matches regexp A or B
 *   A,B         for each regexp a text label that matches, written "key:value"
 *   key=RANGE   a number label `key` in the range; without "key=", any number label
 * A range is 5kb (equal), 5kb: (at least), :5kb (at most), 1kb:5kb (between).
 *
 * In: a view.  Out: the view, narrowed.
 * Threads: one view each.  Signals: no. */
#ifndef SONDE_XFORM_TAG_FILTER_H
#define SONDE_XFORM_TAG_FILTER_H

#include "base/diag.h"
#include "base/regex.h"
#include "xform/label_units.h"
#include "xform/view.h"

struct tag_filter;

/* `name` is the option, for messages; an expression that was taken as a range is a
 * note in *diag, as pprof has it.  NULL with ERR_USAGE or ERR_NOMEM. */
struct tag_filter *tag_filter_new(const char *name, const char *expression, struct diag *diag,
                                  struct err *err);
void tag_filter_free(struct tag_filter *filter); /* NULL is fine */

/* Keep samples that match `focus` and do not match `ignore`; either may be NULL.
 * *focused, *ignored: did any sample match?  False with ERR_NOMEM.  O(labels). */
bool tag_filter_samples(struct view *view, const struct label_units *units,
                        struct tag_filter *focus, struct tag_filter *ignore, bool *focused,
                        bool *ignored, struct err *err);

/* Hide the labels whose key does not match `show` or matches `hide`; either may be
 * NULL.  *shown, *hidden: did any key match?  False with ERR_NOMEM.  O(labels). */
bool tag_filter_keys(struct view *view, const struct regex *show, const struct regex *hide,
                     bool *shown, bool *hidden, struct err *err);

#endif
