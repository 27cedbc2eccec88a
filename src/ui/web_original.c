#include "ui/web_original.h"

#include "base/gzip.h"

#include <fcntl.h>
#include <unistd.h>

static bool is_as_read(const struct fetch_request *fetch, const struct profile *profile)
{
    return fetch->n_sources == 1 && fetch->n_bases == 0 && !fetch->binary && !fetch->build_id &&
           !fetch->comment && !fetch->all_frames && profile->is_pprof && !profile->parent;
}

static bool is_packed(int fd)
{
    uint8_t begin[18];
    return pread(fd, begin, sizeof begin, 0) == sizeof begin && gzip_is(begin, sizeof begin);
}

void web_original_open(struct web_original *o, const struct fetch_request *fetch,
                       const struct profile *profile)
{
    o->fd = -1;
    if (!is_as_read(fetch, profile))
        return;
    o->fd = open(fetch->sources[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (o->fd >= 0 && fstat(o->fd, &o->was) == 0 && S_ISREG(o->was.st_mode) && is_packed(o->fd))
        return;
    web_original_release(o);
}

void web_original_release(struct web_original *o)
{
    if (o->fd >= 0)
        close(o->fd);
    o->fd = -1;
}

bool web_original_read(const struct web_original *o, struct buf *out)
{
    struct stat now;
    if (o->fd < 0 || fstat(o->fd, &now) != 0 || now.st_size != o->was.st_size ||
        now.st_mtim.tv_sec != o->was.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != o->was.st_mtim.tv_nsec)
        return false;
    size_t begin = out->len, size = (size_t)now.st_size, n = 0;
    if (!buf_reserve(out, size))
        return false;
    for (ssize_t got; n < size; n += (size_t)got) {
        got = pread(o->fd, out->data + begin + n, size - n, (off_t)n);
        if (got <= 0)
            return false;
    }
    out->len += n;
    return true;
}
