#include "ui/record_trace.h"

#include "ui/output.h"
#include "ui/profile_file.h"
#include "ui/tell.h"
#include "ui/trace_take.h"

#include <stdio.h>

#define FILE_NAME "sonde.trace"

/* What was taken goes to `output`, whole or not at all.  False and *err. */
static bool take_to(const char *output, const struct trace_take_request *take,
                    struct trace_take_result *result, uint64_t *n_bytes, struct diag *diag,
                    struct err *err)
{
    struct output_file file;
    struct err why = {0}; /* of writing on the way */
    AUTO_BUF out = {0};
    if (!profile_file_check(output, err))
        return false;
    if (!output_file_begin(&file, output, &out, &why)) {
        *err = why;
        return false;
    }
    bool ok = trace_take(take, &out, result, diag, err);
    *n_bytes = out.len; /* of a server: all of it */
    if (why.code) {
        *err = why;
        ok = false;
    }
    return output_file_end(&file, &out, ok, err);
}

int record_trace(const struct record_trace_request *request)
{
    const struct trace_take_request take = {.pid = request->pid,
                                            .seconds = request->seconds,
                                            .hits_a_second = request->hits_a_second,
                                            .only_probes = request->probes,
                                            .may_probe = true};
    const char *output = request->output ? request->output : FILE_NAME;
    struct trace_take_signals signals;
    struct trace_take_result result;
    uint64_t n_bytes = 0;
    struct err err = {0};
    struct diag diag;
    diag_init(&diag);
    trace_take_catch(&signals);
    bool ok = take_to(output, &take, &result, &n_bytes, &diag, &err);
    trace_take_let_go(&signals);
    tell_diag(&diag);
    diag_release(&diag);
    if (!ok)
        return tell_err(&err);
    if (result.by_server)
        tell("%llu bytes: %s (sonde trace %s)", (unsigned long long)n_bytes, output, output);
    else
        tell("%llu events in %.2fs: %s (sonde trace %s)",
             (unsigned long long)result.probes.n_events, (double)result.probes.duration_ns / 1e9,
             output, output);
    return 0;
}
