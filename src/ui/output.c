#include "ui/output.h"

#include "base/reader.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static bool write_stdout(const char *data, size_t len, struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(STDOUT_FILENO, data + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "cannot write to stdout");
        done += (size_t)n;
    }
    return true;
}

bool output_stdout(const struct buf *out, struct err *err)
{
    if (out->failed)
        return err_nomem(err);
    return write_stdout(out->data, out->len, err);
}

static bool drain(void *arg, struct buf *out)
{
    bool ok = write_stdout(out->data, out->len, arg);
    buf_clear(out);
    return ok;
}

void output_stream(struct buf *out, struct err *err)
{
    out->sink = drain;
    out->sink_arg = err;
}

bool output_file(const char *path, const struct buf *out, struct err *err)
{
    if (out->failed)
        return err_nomem(err);
    return file_write_atomic(path, out->data, out->len, err);
}

bool output_free_name(char path[NAME_MAX + 1], const char *ext, struct err *err)
{
    for (int i = 1; i < 10000; i++) {
        snprintf(path, NAME_MAX + 1, "profile%03d.%s", i, ext);
        if (access(path, F_OK) != 0 && errno == ENOENT)
            return true;
    }
    return err_set(err, ERR_IO, "cannot name the report: profile001.%s to profile9999.%s exist",
                   ext, ext);
}
