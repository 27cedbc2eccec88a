/* zstd: whole buffers out of zstd frames.  The library (libzstd.so.1) is loaded when
 * it is first needed.
 * Threads: calls are independent. */
#ifndef SONDE_BASE_ZSTD_H
#define SONDE_BASE_ZSTD_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

bool zstd_is(const void *data, size_t len); /* starts with the magic of a frame? */

/* Unpack all frames of data into *out (malloc'ed, the caller frees).
 * False with ERR_INPUT: truncated, damaged, or larger than max_bytes (a bomb);
 * ERR_UNSUPPORTED: the library is not there; ERR_NOMEM.  *out is NULL then. */
bool zstd_unpack(const void *data, size_t len, size_t max_bytes, uint8_t **out, size_t *out_len,
                 struct err *err);
/* The same of a stream that was only flushed, not ended: truncated is no error. */
bool zstd_unpack_open(const void *data, size_t len, size_t max_bytes, uint8_t **out,
                      size_t *out_len, struct err *err);

#endif
