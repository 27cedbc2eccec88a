#include "base/zstd.h"

#include "base/pages.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* As in zstd.h, whose ABI is stable. */
struct zstd_in {
    const void *data;
    size_t size, pos;
};
struct zstd_out {
    void *data;
    size_t size, pos;
};

struct library {
    void *(*create)(void);
    size_t (*release)(void *);
    size_t (*unpack)(void *, struct zstd_out *, struct zstd_in *);
    unsigned (*is_error)(size_t);
    const char *(*error_name)(size_t);
};

bool zstd_is(const void *data, size_t len)
{
    return len >= 4 && memcmp(data, "\x28\xb5\x2f\xfd", 4) == 0;
}

/* Not unloaded: the next file may need it too. */
static bool load(struct library *library)
{
    void *handle = dlopen("libzstd.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return false;
    *(void **)&library->create = dlsym(handle, "ZSTD_createDCtx");
    *(void **)&library->release = dlsym(handle, "ZSTD_freeDCtx");
    *(void **)&library->unpack = dlsym(handle, "ZSTD_decompressStream");
    *(void **)&library->is_error = dlsym(handle, "ZSTD_isError");
    *(void **)&library->error_name = dlsym(handle, "ZSTD_getErrorName");
    return library->create && library->release && library->unpack && library->is_error &&
           library->error_name;
}

/* More room, at most max_bytes in all. */
static bool grow(struct zstd_out *out, size_t max_bytes, struct err *err)
{
    if (out->size >= max_bytes)
        return err_set(err, ERR_INPUT, "zstd data unpacks to more than %zu bytes", max_bytes);
    size_t size = out->size > max_bytes / 2 ? max_bytes : out->size * 2;
    void *grown = realloc(out->data, size);
    if (!grown)
        return err_nomem(err);
    out->data = grown;
    out->size = size;
    return true;
}

static bool unpack_all(const struct library *library, void *context, struct zstd_in *in,
                       struct zstd_out *out, size_t max_bytes, bool has_end, struct err *err)
{
    size_t more;
    do {
        if (out->pos == out->size && !grow(out, max_bytes, err))
            return false;
        size_t in_pos = in->pos, out_pos = out->pos;
        more = library->unpack(context, out, in);
        if (library->is_error(more))
            return err_set(err, ERR_INPUT, "zstd data is damaged: %s", library->error_name(more));
        /* It asks for more than there is. */
        if (more && in->pos == in_pos && out->pos == out_pos)
            return !has_end || err_set(err, ERR_INPUT, "zstd data is truncated");
    } while (more || in->pos < in->size);
    return true;
}

static bool unpack(const void *data, size_t len, size_t max_bytes, bool has_end, uint8_t **out,
                   size_t *out_len, struct err *err)
{
    struct library library;
    struct zstd_in in = {data, len, 0};
    struct zstd_out unpacked = {NULL, len < 64 ? 256 : len * (size_t)4, 0};
    *out = NULL;
    *out_len = 0;
    if (!load(&library))
        return err_set(
            err, ERR_UNSUPPORTED,
            "it is packed with zstd, and libzstd.so.1 cannot be loaded (package libzstd1)");
    if (unpacked.size > max_bytes)
        unpacked.size = max_bytes;
    void *context = library.create();
    unpacked.data = malloc(unpacked.size);
    pages_prepare(unpacked.data, unpacked.size);
    bool ok = context && unpacked.data
                  ? unpack_all(&library, context, &in, &unpacked, max_bytes, has_end, err)
                  : err_nomem(err);
    library.release(context);
    if (ok) {
        *out = unpacked.data;
        *out_len = unpacked.pos;
    } else {
        free(unpacked.data);
    }
    return ok;
}

bool zstd_unpack(const void *data, size_t len, size_t max_bytes, uint8_t **out, size_t *out_len,
                 struct err *err)
{
    return unpack(data, len, max_bytes, true, out, out_len, err);
}

bool zstd_unpack_open(const void *data, size_t len, size_t max_bytes, uint8_t **out,
                      size_t *out_len, struct err *err)
{
    return unpack(data, len, max_bytes, false, out, out_len, err);
}
