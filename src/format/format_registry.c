#include "format/format.h"

#include "base/gzip.h"
#include "base/gzip_ahead.h"
#include "base/zstd.h"
#include "format/folded_read.h"
#include "format/jemalloc_read.h"
#include "format/legacy.h"
#include "format/perfdata_read.h"
#include "format/pprof_read.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const struct format_ops *const format_registry[] = {
    &perfdata_format,
    &pprof_format,
    &legacy_cpu_format,
    &legacy_heap_format,
    &jemalloc_format,
    &legacy_count_format,
    &legacy_thread_format,
    &legacy_java_format,
    &legacy_contention_format,
    &folded_format, /* last, as text that is anything could be this */
    NULL,
};

/* Where unpacking stops.  Profiles pack 3 to 20 times; deflate can reach 1032,
 * so what unpacks more than 200 times, from a size where it hurts, is a bomb.
 * Never more than half of the machine's memory, or 16 GiB. */
static size_t most_unpacked_bytes(size_t len)
{
    const uint64_t most = (uint64_t)16 << 30, harmless = (uint64_t)256 << 20;
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    uint64_t bound = len > most / 200 ? most : harmless + len * (uint64_t)200;
    uint64_t half = pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes / 2 : most;
    bound = bound > most ? most : bound;
    bound = bound > half ? half : bound;
    return bound > SIZE_MAX ? SIZE_MAX : (size_t)bound;
}

/* "go 1.N trace", of which `sonde trace` makes profiles. */
static bool is_trace(const uint8_t *data, size_t len)
{
    return len >= 16 && !memcmp(data, "go 1.", 5) && !memcmp(data + 13, "\0\0\0", 3);
}

/* `is_one`: gzip had packed it in one piece. */
static struct profile *read_unpacked(const uint8_t *data, size_t len, bool is_one,
                                     struct diag *diag, struct err *err)
{
    bool is_refused = false;
    for (const struct format_ops *const *ops = format_registry; len && *ops; ops++) {
        if (!(*ops)->probe(data, len))
            continue;
        struct profile *profile = (*ops)->read(data, len, diag, err);
        if (profile && *ops == &pprof_format)
            profile->is_packed_pprof = is_one;
        /* Text can look like the beginning of a protobuf message, not the other way round. */
        if (profile || *ops != &pprof_format)
            return profile;
        is_refused = true;
    }
    if (is_trace(data, len))
        err_set(err, ERR_INPUT, "it is an execution trace: see 'sonde trace'");
    else if (!is_refused)
        err_set(err, ERR_INPUT, len ? "unrecognized profile format" : "empty input file");
    return NULL;
}

/* The bytes that gzip, in *n_members pieces, or zstd packs, malloc'ed; NULL with *err. */
static uint8_t *unpack(const char *name, const uint8_t *data, size_t *len, size_t *n_members,
                       struct err *err)
{
    uint8_t *unpacked = NULL;
    size_t n = *len, most = most_unpacked_bytes(n);
    if (gzip_is(data, n) ? gzip_inflate_members(data, n, most, &unpacked, len, n_members, err)
                         : zstd_unpack(data, n, most, &unpacked, len, err))
        return unpacked;
    err_wrap(err, "cannot read '%s'", name);
    return NULL;
}

struct profile *format_read_ahead(int fd, bool without_stacks, struct diag *diag)
{
    struct stat st;
    struct gzip_ahead *ahead =
        fstat(fd, &st) == 0 ? gzip_ahead_begin(fd, most_unpacked_bytes((size_t)st.st_size)) : NULL;
    if (!ahead)
        return NULL;
    struct profile *profile = pprof_read_ahead(ahead, without_stacks, diag);
    if (!gzip_ahead_end(ahead) && profile) {
        profile_free(profile);
        profile = NULL;
    }
    if (profile)
        profile->is_packed_pprof = !without_stacks; /* it takes one piece only */
    return profile;
}

struct profile *format_read(const char *name, struct file *file, struct diag *diag, struct err *err)
{
    size_t n_members = 0;
    bool is_packed = gzip_is(file->data, file->len) || zstd_is(file->data, file->len);
    if (is_packed) {
        size_t len = file->len;
        uint8_t *unpacked = unpack(name, file->data, &len, &n_members, err);
        file_release(file);
        if (!unpacked)
            return NULL;
        *file = (struct file){unpacked, len, false};
    }
    struct profile *profile = read_unpacked(file->data, file->len, n_members == 1, diag, err);
    if (!profile)
        err_wrap(err, "cannot read '%s'%s", name, is_packed ? " (unpacked)" : "");
    return profile;
}
