/* pprof_write: a profile as profile.proto, as Go's profile.Write encodes it
 * (same field order and string table order).
 * Threads: calls are independent. */
#ifndef SONDE_FORMAT_PPROF_WRITE_H
#define SONDE_FORMAT_PPROF_WRITE_H

#include "base/buf.h"
#include "model/profile.h"

/* False when memory runs out. */
bool pprof_write(const struct profile *profile, struct buf *out, struct err *err);
/* The same, packed with gzip, as files are. */
bool pprof_write_packed(const struct profile *profile, struct buf *out, struct err *err);

#endif
