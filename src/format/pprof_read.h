/* pprof_read: profile.proto, not compressed, into columns.
 *
 * Accepts and refuses exactly what Go's profile.Parse does: packed and single
 * repeated fields, unknown fields skipped, wire types checked, no concatenated
 * profiles, every reference checked (a location's unknown mapping is "none").
 * A label whose text, number and unit are all zero is dropped, as there.
 *
 * In: bytes, borrowed for the call.  Out: sealed profile.
 * Threads: calls are independent; large inputs use several.  Signals: no. */
#ifndef SONDE_FORMAT_PPROF_READ_H
#define SONDE_FORMAT_PPROF_READ_H

#include "format/format.h"

/* NULL and *err: ERR_INPUT, "malformed profile: what at byte N", or ERR_NOMEM.
 * Memory is at most a small multiple of `len`.  O(len). */
struct profile *pprof_read(const uint8_t *data, size_t len, struct diag *diag, struct err *err);

extern const struct format_ops pprof_format;

#endif
