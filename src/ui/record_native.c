#include "ui/record_native.h"

#include "ui/output.h"

#include <stdio.h>
#include <string.h>
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

static bool write_to(struct recorder *recorder, const char *path,
                     struct native_trace_result *result, struct diag *diag, struct err *err)
{
    struct output_file file;
    AUTO_BUF none = {0};
    if (!output_file_begin(&file, path, &none, err))
        return false;
    return output_file_end(&file, &none, recorder_trace(recorder, file.fd, result, diag, err), err);
}

bool record_native_write(struct recorder *recorder, char path[PATH_MAX],
                         struct native_trace_result *result, struct diag *diag, struct err *err)
{
    bool ok = write_to(recorder, path, result, diag, err);
    for (unsigned i = 0; !ok && err->code == ERR_IO && i < PROFILE_FILE_ELSEWHERE; i++) {
        char other[PATH_MAX];
        struct err why = {0};
        struct diag again; /* it has told all already */
        if (!profile_file_elsewhere(i, "trace", SUFFIX, other))
            continue;
        diag_init(&again);
        ok = write_to(recorder, other, result, &again, &why);
        diag_release(&again);
        if (ok)
            strcpy(path, other);
        else
            unlink(other);
    }
    return ok;
}
