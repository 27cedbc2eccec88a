#include "ui/record_trace.h"

#include "ui/profile_file.h"
#include "ui/tell.h"
#include "ui/trace_take.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "sonde.trace"
#define PIECE_BYTES (256u << 10)

struct recording {
    const struct record_trace_request *request;
    /* the file, beside the one that it becomes */
    char path[PATH_MAX], beside[PATH_MAX];
    int fd;
    uint64_t n_bytes;
    struct err err; /* of writing */
};

/* --- the file --- */

static bool write_all(struct recording *r, const char *data, size_t n)
{
    while (n) {
        ssize_t n_written = write(r->fd, data, n);
        if (n_written < 0 && errno == EINTR)
            continue;
        if (n_written <= 0)
            return err_sys(&r->err, n_written ? errno : ENOSPC, "cannot write '%s'", r->path);
        data += n_written;
        n -= (size_t)n_written;
        r->n_bytes += (size_t)n_written;
    }
    return true;
}

static bool sink(void *arg, struct buf *buf)
{
    if (buf->len < PIECE_BYTES)
        return true;
    bool ok = write_all(arg, buf->data, buf->len);
    buf_clear(buf);
    return ok;
}

/* A link stays, what it points at is replaced; what is no file is written directly. */
static bool open_file(struct recording *r, struct err *err)
{
    const char *output = r->request->output ? r->request->output : FILE_NAME;
    struct stat st;
    if (!profile_file_check(output, err))
        return false;
    if (!realpath(output, r->path))
        snprintf(r->path, sizeof r->path, "%s", output);
    if (stat(r->path, &st) == 0 && !S_ISREG(st.st_mode)) {
        r->fd = open(r->path, O_WRONLY | O_CLOEXEC);
        return r->fd >= 0 || err_sys(err, errno, "cannot write '%s'", r->path);
    }
    if (snprintf(r->beside, sizeof r->beside, "%s.XXXXXX", r->path) >= (int)sizeof r->beside)
        return err_set(err, ERR_USAGE, "-o: the name is too long");
    r->fd = mkostemp(r->beside, O_CLOEXEC);
    if (r->fd < 0)
        return err_sys(err, errno, "cannot write '%s'", r->path);
    mode_t mask = umask(0);
    umask(mask);
    (void)fchmod(r->fd, stat(r->path, &st) == 0 ? st.st_mode & 07777 : 0666 & ~mask);
    return true;
}

static bool close_file(struct recording *r, bool keep, struct err *err)
{
    if (r->fd < 0)
        return keep;
    if (close(r->fd) != 0 && keep)
        keep = err_sys(err, errno, "cannot write '%s'", r->path);
    r->fd = -1;
    if (keep && *r->beside && rename(r->beside, r->path) != 0)
        keep = err_sys(err, errno, "cannot write '%s'", r->path);
    if (!keep && *r->beside)
        unlink(r->beside);
    return keep;
}

/* --- --- */

int record_trace(const struct record_trace_request *request)
{
    const struct trace_take_request take = {.pid = request->pid,
                                            .seconds = request->seconds,
                                            .hits_a_second = request->hits_a_second,
                                            .only_probes = request->probes,
                                            .may_probe = true};
    struct recording r = {.request = request, .fd = -1};
    struct trace_take_result result;
    struct err err = {0};
    struct diag diag;
    AUTO_BUF out = {0};
    if (!open_file(&r, &err))
        return tell_err(&err);
    diag_init(&diag);
    out.sink = sink;
    out.sink_arg = &r;
    bool ok = trace_take(&take, &out, &result, &diag, &err) && write_all(&r, out.data, out.len);
    if (r.err.code)
        err = r.err;
    ok = close_file(&r, ok, &err);
    tell_diag(&diag);
    diag_release(&diag);
    if (!ok)
        return tell_err(&err);
    const char *output = request->output ? request->output : FILE_NAME;
    if (result.by_server)
        tell("%llu bytes: %s (sonde trace %s)", (unsigned long long)r.n_bytes, output, output);
    else
        tell("%llu events in %.2fs: %s (sonde trace %s)",
             (unsigned long long)result.probes.n_events, (double)result.probes.duration_ns / 1e9,
             output, output);
    return 0;
}
