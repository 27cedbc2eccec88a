/* profile_out: writes a store's samples as Go's runtime/pprof writes a CPU profile:
 * gzip'ed profile.proto (in stored blocks), not symbolised.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_AGENT_PROFILE_OUT_H
#define SONDE_AGENT_PROFILE_OUT_H

#include "agent/store.h"

/* To `fd`, which stays open.  False and errno on failure; part of the profile may
 * then be written. */
bool profile_out(const struct store *store, int fd);

#endif
