/* remote: what profiles from servers need beyond those from files: names for their
 * addresses, which the server knows (its "symbol" or "symbolz" page), and a copy kept
 * on this machine.
 * Threads: one at a time.  Signals: no. */
#ifndef SONDE_UI_REMOTE_H
#define SONDE_UI_REMOTE_H

#include "base/diag.h"
#include "base/vec.h"
#include "model/profile.h"
#include "sym/resolve.h"
#include "ui/http.h"
#include "ui/url.h"

/* The mappings of the profiles that came from servers, before they were merged. */
struct remote_mapping {
    char *key; /* build ID, else file, else the URL */
    char *url, *socket;
    uint64_t start;
};

struct remote {
    VEC(struct remote_mapping) mappings;
    bool wants_copy; /* some came from another machine, as far as is known */
};

void remote_release(struct remote *remote); /* also fine on a zeroed struct */

/* `profile` came from `url`.  A mapping without file and build ID gets the URL as its
 * file, so that it is told from those of others.  Takes `profile` over; NULL with
 * ERR_NOMEM. */
struct profile *remote_note(struct remote *remote, struct profile *profile, const struct url *url,
                            struct err *err);

/* Ask the servers for the names of addresses that have none, if `ask`, and take the
 * URLs out of the mappings again.  `force`: also in mappings that have names.  Servers
 * that do not answer are notes in *diag.  Takes `profile` over; NULL with ERR_NOMEM. */
struct profile *remote_finish(const struct remote *remote, struct profile *profile, bool ask,
                              const struct resolve_options *options,
                              const struct http_options *http, struct diag *diag, struct err *err);

/* Keep a copy in PPROF_TMPDIR, $HOME/pprof or /tmp, and tell its name on stderr, or
 * why there is none. */
void remote_save(const struct profile *profile);

#endif
