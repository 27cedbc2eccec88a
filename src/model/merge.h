/* merge: several profiles into one, as `go tool pprof` does it with several
 * sources.
 *
 * First all are cut to the sample types they have in common, by name, in the
 * first one's order; a type name that occurs twice in each counts as not common,
 * as in Go.  Then Go's profile.Merge: samples with equal stacks and labels are
 * added up; samples that are all zero go, before and after; mappings, locations
 * and functions that no sample uses go (the first mapping stays), equal ones
 * become one, and all get new ids 1, 2, 3... in order of use.  Addresses move to
 * the load address of the first profile that has the mapping.
 *
 * Header: period and sample units must agree (Go's driver converts units of the
 * same dimension first; this does not); the largest period, the earliest time,
 * the sum of durations, each comment once, the first default type and doc_url,
 * drop_frames and keep_frames of the first.
 *
 * A single source is NOT merged by pprof: its ids, order, unused rows and zero
 * samples stay, so do not call this for one.  All it gets is the cut above: a
 * profile without sample types is refused ("profiles have empty common sample
 * type list") and a type name that occurs twice is dropped.
 *
 * Threads: calls are independent.  Signals: no. */
#ifndef SONDE_MODEL_MERGE_H
#define SONDE_MODEL_MERGE_H

#include "model/profile.h"

/* A profile, and what is to become of it on the way. */
struct merge_source {
    const struct profile *profile;
    /* Not NULL: where the profile also is, to be taken over by the merge, then NULL, if that is
     * worth while; only the first source's is looked at. */
    struct profile **taken;
    /* [n_types of the profile] What values are multiplied by, rounded; samples of which
     * nothing is left of what was multiplied go, as Go's Profile.ScaleN has it.  NULL:
     * values stay. */
    const double *ratios;
    /* Its samples get this text label with the value "true", in place of others with
     * the key; NULL: none. */
    const char *mark;
};

/* A new profile; the inputs are borrowed and stay as they are, but for what is taken.  NULL with
 * ERR_INPUT when their types do not fit together, or ERR_NOMEM.
 * Time and scratch memory are linear in the inputs. */
struct profile *merge_sources(const struct merge_source *sources, size_t n, struct err *err);
/* The same of profiles as they are. */
struct profile *merge_profiles(const struct profile *const *profiles, size_t n, struct err *err);

/* The same one after the other, each of which can go once it is added: for profiles that all
 * have the same types, of different names, and units.
 *
 * merge_begin: with the first one, as it is, of about n.  NULL when its types are not fit for it,
 * or memory runs out. merge_add: false, and nothing is added, when its types or units are not those
 * of the first. merge_end: the result; NULL and ERR_NOMEM.  `merge` is gone in any case.
 * merge_free: gives up; NULL is fine. */
struct merge;
struct merge *merge_begin(const struct merge_source *first, size_t n);
bool merge_add(struct merge *merge, const struct profile *profile);
struct profile *merge_end(struct merge *merge, struct err *err);
void merge_free(struct merge *merge);

/* *profile, which may be taken over (NULL then), less `base`.  With `mark`, as in merge_source, the
 * samples of the base stay apart.  With `normalize`, the values of *profile are first multiplied so
 * that they add up to what those of the base do; then the types of both must be the same. A new
 * profile; failures as above. */
struct profile *merge_difference(struct profile **profile, const struct profile *base,
                                 const char *mark, bool normalize, struct err *err);

#endif
