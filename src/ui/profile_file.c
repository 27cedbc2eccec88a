#include "ui/profile_file.h"

#include "base/gzip.h"
#include "base/reader.h"
#include "format/pprof_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GZIP_LEVEL 6

bool profile_file_name(const struct profile_file *files, const char *kind, unsigned moment,
                       const char *suffix, char path[PATH_MAX], struct err *err)
{
    char number[16] = "";
    if (moment)
        snprintf(number, sizeof number, ".%u", moment);
    const char *output = files->output;
    size_t n_suffix = strlen(suffix), len = output ? strlen(output) : 0, stem = len;
    bool has_slash = len && output[len - 1] == '/';
    if (len > n_suffix + 1 && strcmp(output + len - n_suffix, suffix) == 0)
        stem = len - n_suffix;
    int n = !output ? snprintf(path, PATH_MAX, "sonde.%s%s%s", kind, number, suffix)
            : !files->several
                ? snprintf(path, PATH_MAX, "%.*s%s%s", (int)stem, output, number, output + stem)
                : snprintf(path, PATH_MAX, "%s%s%s%s%s", output, has_slash ? "" : "/", kind, number,
                           suffix);
    return (n > 0 && n < PATH_MAX) ||
           err_set(err, ERR_USAGE, "-o: the name is too long: '%.64s...'", output ? output : kind);
}

bool profile_file_prepare(const struct profile_file *files, struct err *err)
{
    struct stat st;
    if (!files->output || !files->several || mkdir(files->output, 0777) == 0)
        return true;
    if (errno != EEXIST)
        return err_sys(err, errno, "cannot make the folder '%s'", files->output);
    if (stat(files->output, &st) == 0 && !S_ISDIR(st.st_mode))
        return err_sys(err, ENOTDIR, "several kinds go into a folder: '%s'", files->output);
    return true;
}

bool profile_file_check(const char *path, struct err *err)
{
    struct stat st;
    char real[PATH_MAX], dir[PATH_MAX];
    const char *target = path;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return err_sys(err, EISDIR, "cannot write '%s'", path);
        if (access(path, W_OK) != 0)
            return err_sys(err, errno, "cannot write '%s'", path);
        if (!S_ISREG(st.st_mode))
            return true;
        target = realpath(path, real); /* a link stays, what it points at is replaced */
        if (!target)
            return err_sys(err, errno, "cannot write '%s'", path);
    }
    snprintf(dir, sizeof dir, "%s", target);
    char *slash = strrchr(dir, '/');
    if (!slash)
        strcpy(dir, ".");
    else
        slash[slash == dir] = '\0';
    return access(dir, W_OK | X_OK) == 0 || err_sys(err, errno, "cannot write '%s'", path);
}

bool profile_file_elsewhere(unsigned i, const char *kind, const char *suffix, char path[PATH_MAX])
{
    const char *tmp = getenv("TMPDIR");
    const char *const dirs[PROFILE_FILE_ELSEWHERE] = {tmp && *tmp ? tmp : "/tmp", "/tmp",
                                                      "/dev/shm"};
    int n = snprintf(path, PATH_MAX, "%s/sonde.%s.XXXXXX%s", dirs[i], kind, suffix);
    AUTO_FD fd = n < PATH_MAX ? mkstemps(path, (int)strlen(suffix)) : -1;
    return fd >= 0;
}

/* False when all fail; see profile_file_write. */
static bool write_somewhere(const void *data, size_t len, const char *kind, const char *suffix,
                            char path[PATH_MAX], struct err *err)
{
    bool ok = file_write_atomic(path, data, len, err);
    for (unsigned i = 0; !ok && i < PROFILE_FILE_ELSEWHERE; i++) {
        char other[PATH_MAX];
        if (!profile_file_elsewhere(i, kind, suffix, other))
            continue;
        ok = file_write_atomic(other, data, len, NULL);
        if (ok)
            strcpy(path, other);
        else
            unlink(other);
    }
    return ok;
}

bool profile_file_write(const struct profile *profile, const char *kind, char path[PATH_MAX],
                        struct err *err)
{
    AUTO_BUF plain = {0};
    uint8_t *packed;
    size_t n_packed;
    if (!pprof_write(profile, &plain, err) ||
        !gzip_deflate(plain.data, plain.len, GZIP_LEVEL, &packed, &n_packed, err))
        return false;
    bool ok = write_somewhere(packed, n_packed, kind, PROFILE_FILE_SUFFIX, path, err);
    free(packed);
    return ok;
}

bool profile_file_write_text(const struct buf *text, const char *kind, char path[PATH_MAX],
                             struct err *err)
{
    if (text->failed)
        return err_nomem(err);
    return write_somewhere(text->data, text->len, kind, PROFILE_FILE_TEXT, path, err);
}
