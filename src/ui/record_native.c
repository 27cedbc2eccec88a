#include "ui/record_native.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".trace"

bool record_native_name(const struct profile_file *files, unsigned moment, char path[PATH_MAX],
                        struct err *err)
{
    if (files->output)
        return profile_file_name(files, "sonde", moment, SUFFIX, path, err);
    snprintf(path, PATH_MAX, moment ? "sonde.%u" SUFFIX : "sonde" SUFFIX, moment);
    return true;
}

bool record_native_write(struct recorder *recorder, const char *path,
                         struct native_trace_result *result, struct diag *diag, struct err *err)
{
    char target[PATH_MAX], beside[PATH_MAX] = "";
    struct stat st;
    int fd;
    if (!realpath(path, target)) /* a link stays, what it points at is replaced */
        snprintf(target, sizeof target, "%s", path);
    bool is_there = stat(target, &st) == 0;
    if (is_there && !S_ISREG(st.st_mode)) {
        fd = open(target, O_WRONLY | O_CLOEXEC);
    } else {
        if (snprintf(beside, sizeof beside, "%s.XXXXXX", target) >= (int)sizeof beside)
            return err_set(err, ERR_USAGE, "-o: the name is too long");
        fd = mkostemp(beside, O_CLOEXEC);
    }
    if (fd < 0)
        return err_sys(err, errno, "cannot write '%s'", path);
    if (*beside) {
        mode_t mask = umask(0);
        umask(mask);
        (void)fchmod(fd, is_there ? st.st_mode & 07777 : 0666 & ~mask);
    }
    bool ok = recorder_trace(recorder, fd, result, diag, err);
    if (close(fd) != 0 && ok)
        ok = err_sys(err, errno, "cannot write '%s'", path);
    if (ok && *beside && rename(beside, target) != 0)
        ok = err_sys(err, errno, "cannot write '%s'", path);
    if (!ok && *beside)
        unlink(beside);
    return ok;
}
