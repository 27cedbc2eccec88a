#include "ui/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const char *path, const char *data, size_t len, struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, data + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, path ? "cannot write '%s'" : "cannot write to stdout", path);
        done += (size_t)n;
    }
    return true;
}

static bool write_stdout(const char *data, size_t len, struct err *err)
{
    return write_all(STDOUT_FILENO, NULL, data, len, err);
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

/* What is not whole goes with us. */
static const int endings[] = {SIGINT, SIGTERM, SIGHUP};
static const char *volatile unfinished;

static void on_ending(int signo)
{
    if (unfinished)
        unlink(unfinished);
    raise(signo); /* as it would have been */
}

static void guard(const char *path)
{
    struct sigaction action = {.sa_handler = on_ending, .sa_flags = SA_RESETHAND | SA_NODEFER};
    struct sigaction before;
    unfinished = path;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (sigaction(endings[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(endings[i], &action, NULL);
}

static void unguard(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL}, now;
    unfinished = NULL;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (sigaction(endings[i], NULL, &now) == 0 && now.sa_handler == on_ending)
            sigaction(endings[i], &action, NULL);
}

bool output_file_drain(struct output_file *file, struct buf *out)
{
    bool ok = write_all(file->fd, file->path, out->data, out->len, file->err);
    buf_clear(out);
    return ok;
}

static bool drain_file(void *arg, struct buf *out)
{
    return output_file_drain(arg, out);
}

bool output_file_begin(struct output_file *file, const char *path, struct buf *out, struct err *err)
{
    struct stat st;
    bool exists = stat(path, &st) == 0;
    *file = (struct output_file){.fd = -1, .err = err};
    file->path = exists && S_ISREG(st.st_mode) ? realpath(path, NULL) : strdup(path);
    if (!file->path)
        return err_nomem(err);
    if (exists && !S_ISREG(st.st_mode)) {
        file->fd = open(path, O_WRONLY | O_CLOEXEC);
    } else if (!exists || access(path, W_OK) == 0) {
        if (asprintf(&file->temporary, "%s.XXXXXX", file->path) < 0)
            file->temporary = NULL;
        else
            file->fd = mkostemp(file->temporary, O_CLOEXEC);
    }
    if (file->fd < 0) {
        err_sys(err, errno, "cannot write '%s'", path);
        free(file->temporary);
        free(file->path);
        return false;
    }
    mode_t mask = umask(0);
    umask(mask);
    if (file->temporary)
        (void)fchmod(file->fd, exists ? st.st_mode & 07777 : 0666 & ~mask);
    if (file->temporary)
        guard(file->temporary);
    out->sink = drain_file;
    out->sink_arg = file;
    return true;
}

bool output_file_end(struct output_file *file, struct buf *out, bool keep, struct err *err)
{
    bool ok = keep && !out->failed && write_all(file->fd, file->path, out->data, out->len, err);
    if (keep && out->failed && !err->code)
        err_nomem(err);
    if (close(file->fd) != 0 && ok)
        ok = err_sys(err, errno, "cannot write '%s'", file->path);
    if (file->temporary && ok && rename(file->temporary, file->path) != 0)
        ok = err_sys(err, errno, "cannot write '%s'", file->path);
    if (file->temporary && ok)
        unguard();
    else
        output_file_drop(file);
    free(file->temporary);
    free(file->path);
    return ok;
}

void output_file_drop(struct output_file *file)
{
    if (!file->temporary)
        return;
    unlink(file->temporary);
    unguard();
    free(file->temporary);
    file->temporary = NULL;
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
