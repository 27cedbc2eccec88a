/* convert: bring profiles that are to be merged to common units (milliseconds and
 * nanoseconds, kilobytes and bytes), as pprof does before it merges.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_UI_CONVERT_H
#define SONDE_UI_CONVERT_H

#include "model/profile.h"

/* Give the sample types that all profiles have, and the period, the smallest of
 * their units; what is converted replaces its profile in the array.  Units without
 * a common dimension stay as they are.  False with ERR_NOMEM; a profile that could
 * not be converted is NULL then. */
bool convert_units(struct profile **profiles, size_t n, struct err *err);

#endif
