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

#include "base/gzip_ahead.h"
#include "format/format.h"

/* NULL and *err: ERR_INPUT, "malformed profile: what at byte N", or ERR_NOMEM.
 * Memory is at most a small multiple of `len`.  O(len). */
struct profile *pprof_read(const uint8_t *data, size_t len, struct diag *diag, struct err *err);

/* The same of bytes that are being unpacked, whose samples are decoded meanwhile, on another
 * processor.  The caller ends `ahead`: whether it was unpacked well shows then.  NULL without a
 * message: it is none, or is damaged, or has to be read as a whole.  Needs memory for the
 * profile, but not for the bytes.  without_stacks: as of format_read_ahead; stacks are checked
 * nevertheless. */
struct profile *pprof_read_ahead(struct gzip_ahead *ahead, bool without_stacks, struct diag *diag);

extern const struct format_ops pprof_format;

#endif
