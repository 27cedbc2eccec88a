/* profile_out: writes a profile as Go's runtime/pprof does: gzip'ed profile.proto (in
 * stored blocks), not symbolised.
 * Threads: any.  Signals: no. */
#ifndef SONDE_AGENT_PROFILE_OUT_H
#define SONDE_AGENT_PROFILE_OUT_H

#include "agent/profiles.h"

/* False: no memory; errors of `out` are in `out`. */
bool profile_out(const struct sonde_profile *profile, const struct taken *taken, struct out *out);

#endif
