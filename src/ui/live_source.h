/* live_source: the profile of a source that is a program (live_name.h).
 * Threads: any number of calls at a time, of different programs.  Signals: no. */
#ifndef SONDE_UI_LIVE_SOURCE_H
#define SONDE_UI_LIVE_SOURCE_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "model/profile.h"
#include "ui/live_name.h"

/* Has the process a server of libsonde's?  Then *url becomes the source that asks it; what of
 * the name makes no difference to it is a note. */
bool live_source_server(const struct live_name *name, struct buf *url, struct diag *diag);

/* The profile, read from outside; the caller's.  Waits for as long as it takes, and tells so
 * on stderr.  NULL and *err as of collect/live.h. */
struct profile *live_source_profile(const struct live_name *name, struct diag *diag,
                                    struct err *err);

#endif
