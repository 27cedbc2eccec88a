/* view: what a report sees of a sealed profile: which samples, which part of
 * each stack, which lines of each location, and at what granularity.
 *
 * In: a sealed profile, never changed.  Out: flat columns that the transforms
 * (filter, tag_filter, prune, aggregate) narrow and reports read; pipeline.h runs them in
 * pprof's order.
 * Ownership: the view owns its arena and borrows the profile.
 * Threads: one view each; a finished view may be read by many.  Signals: no. */
#ifndef SONDE_XFORM_VIEW_H
#define SONDE_XFORM_VIEW_H

#include "base/arena.h"
#include "base/err.h"
#include "model/labels.h"
#include "model/profile.h"

/* What samples are merged by.  0 = not chosen: functions, unless the report says otherwise. */
enum granularity {
    GRANULARITY_DEFAULT,
    GRANULARITY_FUNCTIONS,
    GRANULARITY_FILEFUNCTIONS,
    GRANULARITY_FILES,
    GRANULARITY_LINES,
    GRANULARITY_ADDRESSES,
};

/* A location's lines that are left: view.lines[first .. first + n), innermost
 * first.  A hidden location is to be skipped in every stack; one that is not
 * hidden and has no lines was never symbolised and counts as one frame. */
struct view_location {
    uint32_t first, n;
    bool hidden;
};

/* A sample that is left: its frames locs[0 .. n_locs), leaf first. */
struct view_sample {
    const uint32_t *locs; /* location indexes; into profile.stack_locs */
    uint32_t n_locs;
    uint32_t sample; /* index in the profile: values and labels */
};

/* The label, "true", of the samples of a profile that others are compared with. */
#define VIEW_BASE_KEY "pprof::base"

struct view {
    const struct profile *profile; /* borrowed */
    struct arena arena;
    const struct profile_line *lines; /* the profile's, until a filter takes lines out */
    struct view_location *locations;  /* [profile->n_locations] */
    struct view_sample *samples;
    uint32_t n_samples;
    const uint8_t *hidden_keys; /* [n_strings] 1: labels with this key do not show; NULL: all do */
    /* What a node keeps of a frame (aggregate.h); all true in a new view. */
    bool has_function, has_filename, has_line, has_column, has_address;
    uint32_t type; /* the column of values that is looked at */
    bool is_mean;  /* values are means: to be divided by those of column 0 */
};

/* Everything of `profile`.  False with ERR_NOMEM; release it in any case. */
bool view_init(struct view *view, const struct profile *profile, struct err *err);
void view_release(struct view *view); /* also fine on a zeroed struct */

static inline int64_t view_value(const struct view *view, const struct view_sample *s)
{
    return view->profile->values[(size_t)s->sample * view->profile->n_types + view->type];
}

/* What a mean of values is divided by; 0 where there is no mean. */
static inline int64_t view_divisor(const struct view *view, const struct view_sample *s)
{
    return view->is_mean ? view->profile->values[(size_t)s->sample * view->profile->n_types] : 0;
}

/* A sum as it is shown: divided, unless the divisor is 0. */
static inline int64_t view_mean(int64_t sum, int64_t divisor)
{
    if (divisor == -1)
        return (int64_t)(0 - (uint64_t)sum);
    return divisor ? sum / divisor : sum;
}

static inline bool view_shows_key(const struct view *view, uint32_t key)
{
    return !view->hidden_keys || !view->hidden_keys[key];
}

/* The labels of a sample that show: those of labels_load (model/labels.h).  False when
 * memory runs out. */
bool view_load_labels(const struct view *view, uint32_t sample, struct labels *labels);

/* The sum of the absolute values of the samples that are left, as a mean if the view is
 * one; of the base alone (VIEW_BASE_KEY) when the profile is compared with one and its
 * sum is not 0.  O(samples). */
int64_t view_total(const struct view *view);

/* All frames of the samples that are left.  O(samples). */
uint64_t view_count_frames(const struct view *view);

/* The column that `name` (a number, a sample type, "" = the default) means.
 * False with ERR_USAGE in pprof's words. */
bool view_find_type(const struct profile *profile, const char *name, uint32_t *type,
                    struct err *err);

#endif
