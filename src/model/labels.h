/* labels: a sample's labels in the order in which Go shows and writes them:
 * texts before numbers, each by key; those with the same key as in the file.
 * Threads: one struct each.  Signals: no. */
#ifndef SONDE_MODEL_LABELS_H
#define SONDE_MODEL_LABELS_H

#include "model/profile.h"

struct labels_item {
    const struct profile_label *label; /* the profile's */
    struct str key;                    /* its text */
};

/* Zero it to begin with; release it after the last use. */
struct labels {
    struct labels_item *items;
    size_t n, cap;
};

/* The labels of one sample, in place of what was there.  False when memory runs
 * out.  O(n log n), O(n) when they are in order already. */
bool labels_load(struct labels *labels, const struct profile *profile, uint32_t sample);
void labels_release(struct labels *labels);

/* How many from `first` on have its key and kind. */
size_t labels_run(const struct labels *labels, size_t first);

#endif
