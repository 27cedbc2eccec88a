/* zeros: takes out of a profile the samples that are all zero, and then the mappings, functions
 * and locations that no sample uses; the first mapping stays.  The others get new ids 1, 2, 3...
 * in order of use.  A profile without such samples stays as it is.
 *
 * In and out: a sealed profile that is not shared yet, without a parent, each location of which
 * has lines of its own.  Samples are moved where they are, strings stay.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_MODEL_ZEROS_H
#define SONDE_MODEL_ZEROS_H

#include "model/profile.h"

/* Are all values of a sample zero? */
bool zeros_is(const struct profile *profile, uint32_t sample);

/* False when memory runs out: the profile is then only good for profile_free.  O(the profile). */
bool zeros_drop(struct profile *profile);

#endif
