#include "ui/record_trace.h"

#include "collect/go_trace.h"
#include "ui/http.h"
#include "ui/profile_file.h"
#include "ui/progress.h"
#include "ui/tell.h"
#include "ui/trace_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "sonde.trace"
#define PIECE_BYTES (256u << 10)
#define LATE_SECONDS 30 /* that the server may need longer than it was asked to trace */

static volatile sig_atomic_t is_over;

static void on_signal(int signo)
{
    (void)signo;
    is_over = 1;
}

static bool stop(void *arg)
{
    (void)arg;
    return is_over;
}

struct recording {
    const struct record_trace_request *request;
    struct progress progress;
    bool has_begun;
    char what[64];
    /* the file, beside the one that it becomes */
    char path[PATH_MAX], beside[PATH_MAX];
    int fd;
    uint64_t n_bytes;
    struct err err; /* of writing */
};

static void began(void *arg, double seconds)
{
    struct recording *r = arg;
    if (seconds > 0)
        snprintf(r->what, sizeof r->what, "tracing for %g s", seconds);
    else
        snprintf(r->what, sizeof r->what, "tracing until Ctrl-C");
    if (seconds <= 0 && !isatty(STDERR_FILENO))
        tell("%s", r->what);
    progress_begin(&r->progress, r->what);
    r->has_begun = true;
}

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

/* --- the two ways --- */

static bool by_server(struct recording *r, const char *address, struct buf *out, struct err *err)
{
    AUTO_BUF url = {0};
    double seconds = r->request->seconds;
    buf_printf(&url, "http://%s/debug/pprof/trace?seconds=%g", address, seconds);
    const struct http_options options = {0};
    const struct http_request ask = {
        .url = buf_str(&url), .timeout_seconds = (int)seconds + LATE_SECONDS, .options = &options};
    tell("by its own server, %s (--probes: by probes in its code)", buf_str(&url));
    began(r, seconds);
    if (!http_ask(&ask, out, err))
        return false;
    return (out->len >= 16 && memcmp(out->data, "go 1.", 5) == 0) ||
           err_set(err, ERR_INPUT, "%s: that is no trace", buf_str(&url));
}

static bool by_probes(struct recording *r, struct buf *out, struct go_trace_result *result,
                      struct diag *diag, struct err *err)
{
    const struct go_trace_request request = {.pid = r->request->pid,
                                             .seconds = r->request->seconds,
                                             .hits_a_second = r->request->hits_a_second,
                                             .stop = stop,
                                             .began = began,
                                             .arg = r};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    out->sink = sink;
    out->sink_arg = r;
    if (go_trace_record(&request, out, result, diag, err))
        return true;
    if (r->err.code)
        *err = r->err;
    return false;
}

int record_trace(const struct record_trace_request *request)
{
    struct recording r = {.request = request, .fd = -1};
    struct go_trace_result result = {0};
    struct err err = {0};
    struct diag diag;
    AUTO_BUF out = {0};
    char address[64];
    bool is_asked = !request->probes && trace_server_find(request->pid, address, sizeof address);
    if (!open_file(&r, &err))
        return tell_err(&err);
    diag_init(&diag);
    if (is_asked && request->seconds <= 0) {
        tell("it has /debug/pprof/trace, which --seconds makes use of; until Ctrl-C by probes");
        is_asked = false;
    }
    bool ok =
        is_asked ? by_server(&r, address, &out, &err) : by_probes(&r, &out, &result, &diag, &err);
    if (r.has_begun)
        progress_end(&r.progress);
    if (ok && !write_all(&r, out.data, out.len)) {
        err = r.err;
        ok = false;
    }
    ok = close_file(&r, ok, &err);
    tell_diag(&diag);
    diag_release(&diag);
    if (!ok)
        return tell_err(&err);
    const char *output = request->output ? request->output : FILE_NAME;
    if (is_asked)
        tell("%llu bytes: %s (sonde trace %s)", (unsigned long long)r.n_bytes, output, output);
    else
        tell("%llu events in %.2fs: %s (sonde trace %s)", (unsigned long long)result.n_events,
             (double)result.duration_ns / 1e9, output, output);
    return 0;
}
