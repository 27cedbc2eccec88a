#include "format/original.h"

#include "base/reader.h"

#include <fcntl.h>
#include <unistd.h>

void original_note(struct original *o, const char *path)
{
    *o = (struct original){0};
    if (stat(path, &o->was) == 0 && S_ISREG(o->was.st_mode))
        o->path = path;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_as_noted(const struct original *o, int fd)
{
    struct stat now;
    return fstat(fd, &now) == 0 && now.st_dev == o->was.st_dev && now.st_ino == o->was.st_ino &&
           now.st_size == o->was.st_size && same_time(&now.st_mtim, &o->was.st_mtim) &&
           same_time(&now.st_ctim, &o->was.st_ctim);
}

bool original_read(const struct original *o, struct buf *out)
{
    AUTO_FD fd = o->path ? open(o->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    size_t size = (size_t)o->was.st_size, n = 0;
    char *to = fd >= 0 && is_as_noted(o, fd) ? buf_reserve(out, size) : NULL;
    for (ssize_t got; to && n < size; n += (size_t)got) {
        got = pread(fd, to + n, size - n, (off_t)n);
        if (got <= 0)
            return false;
    }
    if (!to || !is_as_noted(o, fd))
        return false;
    out->len += n;
    return true;
}
