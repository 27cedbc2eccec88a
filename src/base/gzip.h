/* gzip: whole buffers in and out.
 * Threads: calls are independent. */
#ifndef SONDE_BASE_GZIP_H
#define SONDE_BASE_GZIP_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

bool gzip_is(const void *data, size_t len); /* starts with the gzip magic? */

/* Inflate all members of data into *out (malloc'ed, the caller frees).
 * False with ERR_INPUT: truncated, damaged, or larger than max_bytes (a bomb);
 * ERR_NOMEM.  *out is NULL then. */
bool gzip_inflate(const void *data, size_t len, size_t max_bytes, uint8_t **out, size_t *out_len,
                  struct err *err);
/* The same; *n_members: of how many it was. */
bool gzip_inflate_members(const void *data, size_t len, size_t max_bytes, uint8_t **out,
                          size_t *out_len, size_t *n_members, struct err *err);

/* Deflate into *out (malloc'ed, the caller frees).  level: 1 fast .. 9 small. */
bool gzip_deflate(const void *data, size_t len, int level, uint8_t **out, size_t *out_len,
                  struct err *err);

#endif
