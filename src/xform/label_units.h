/* label_units: one unit for each numeric label of a profile.
 * Threads: read by many once made.  Signals: no. */
#ifndef SONDE_XFORM_LABEL_UNITS_H
#define SONDE_XFORM_LABEL_UNITS_H

#include "base/diag.h"
#include "base/map.h"
#include "xform/view.h"

struct label_units {
    const struct profile *profile; /* borrowed */
    struct map units;              /* key string -> unit string; 0 = none given */
};

/* The first unit that is seen for a key counts; others are notes in *diag.
 * False with ERR_NOMEM; release it in any case.  O(labels). */
bool label_units_init(struct label_units *u, const struct profile *profile, struct diag *diag,
                      struct err *err);
void label_units_release(struct label_units *u); /* also fine on a zeroed struct */
/* The unit of `key` (a string), guessed from its name where the profile has none. */
const char *label_units_get(const struct label_units *u, uint32_t key);

#endif
