#include "base/gzip.h"

#include "base/pages.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#define LARGE_BYTES (4u << 20) /* what is smaller would be touched as a whole */

bool gzip_is(const void *data, size_t len)
{
    const uint8_t *p = data;
    return len >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

/* The length that the last member's trailer claims: exact for one member
 * below 4 GiB.  It is only a first guess, bounded by what deflate can reach. */
static size_t guess_size(const uint8_t *data, size_t len)
{
    uint32_t isize = 0;
    if (len >= 18)
        memcpy(&isize, data + len - 4, 4);
    size_t most = len > SIZE_MAX / 1032 ? SIZE_MAX : len * 1032, guess = isize;
    return guess > most ? most : guess;
}

bool gzip_inflate_members(const void *data, size_t len, size_t max_bytes, uint8_t **out,
                          size_t *out_len, size_t *n_members, struct err *err)
{
    const uint8_t *in = data;
    size_t cap = guess_size(in, len), done = 0;
    if (cap > max_bytes)
        cap = max_bytes;
    if (cap < 64)
        cap = 64;
    *out = NULL;
    *out_len = *n_members = 0;
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    uint8_t *buf = malloc(cap);
    if (!d || !buf) {
        err_nomem(err);
        goto fail;
    }
    pages_prepare(buf, cap);
    while (len) {
        size_t used = 0, made = 0;
        enum libdeflate_result r =
            libdeflate_gzip_decompress_ex(d, in, len, buf + done, cap - done, &used, &made);
        if (r == LIBDEFLATE_INSUFFICIENT_SPACE) {
            if (cap >= max_bytes) {
                err_set(err, ERR_INPUT, "gzip data unpacks to more than %zu bytes", max_bytes);
                goto fail;
            }
            cap = cap > max_bytes / 2 ? max_bytes : cap * 2;
            uint8_t *grown = realloc(buf, cap);
            if (!grown) {
                err_nomem(err);
                goto fail;
            }
            buf = grown;
            continue;
        }
        if (r != LIBDEFLATE_SUCCESS || used == 0) {
            err_set(err, ERR_INPUT, "gzip data is truncated or damaged");
            goto fail;
        }
        if (made > max_bytes - done) {
            err_set(err, ERR_INPUT, "gzip data unpacks to more than %zu bytes", max_bytes);
            goto fail;
        }
        ++*n_members;
        done += made;
        in += used;
        len -= used;
    }
    libdeflate_free_decompressor(d);
    *out = buf;
    *out_len = done;
    return true;
fail:
    libdeflate_free_decompressor(d);
    free(buf);
    return false;
}

bool gzip_inflate(const void *data, size_t len, size_t max_bytes, uint8_t **out, size_t *out_len,
                  struct err *err)
{
    size_t n_members;
    return gzip_inflate_members(data, len, max_bytes, out, out_len, &n_members, err);
}

bool gzip_deflate(const void *data, size_t len, int level, uint8_t **out, size_t *out_len,
                  struct err *err)
{
    *out = NULL;
    *out_len = 0;
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);
    size_t cap = c ? libdeflate_gzip_compress_bound(c, len) : 0;
    uint8_t *buf = cap ? malloc(cap) : NULL;
    if (cap >= LARGE_BYTES)
        pages_prepare(buf, cap);
    size_t n = buf ? libdeflate_gzip_compress(c, data, len, buf, cap) : 0;
    libdeflate_free_compressor(c);
    if (!n) {
        free(buf);
        return err_nomem(err);
    }
    *out = buf;
    *out_len = n;
    return true;
}
