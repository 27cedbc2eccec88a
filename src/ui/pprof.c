#include "ui/pprof.h"

#include "ui/graphviz.h"
#include "ui/output.h"
#include "ui/paint.h"
#include "ui/pprof_request.h"
#include "ui/shell.h"
#include "ui/tell.h"
#include "ui/viewer.h"
#include "ui/web.h"

#include <unistd.h>

static bool is_for_stdout(const struct pprof_request *request)
{
    const struct report_ops *report = request->report;
    return !request->output && !report->viewer &&
           !((report->flags & REPORT_BINARY) && isatty(STDOUT_FILENO));
}

static bool write_out(const struct pprof_request *request, const struct buf *out, struct err *err)
{
    char path[NAME_MAX + 1];
    const char *to = request->output;
    if (is_for_stdout(request))
        return output_stdout(out, err);
    if (!to && request->report->viewer)
        return viewer_show(request->report, out, true, err);
    if (!to) {
        if (!output_free_name(path, request->report->ext, err))
            return false;
        to = path;
    }
    if (!output_file(to, out, err))
        return false;
    tell("wrote the report to %s", to);
    return true;
}

static bool make_report(const struct pprof_request *request, struct buf *out, struct diag *diag,
                        struct err *err)
{
    struct original original;
    struct profile *profile = fetch_with_original(&request->fetch, &original, diag, err);
    if (!profile)
        return false;
    struct report_ctx ctx = {profile, &request->options, request->regexp, diag,
                             .original = &original};
    if (!request->output)
        ctx.screen = paint_screen(STDOUT_FILENO);
    bool ok = graphviz_report(request->report, &ctx, request->tools, out, err);
    profile_free(profile);
    return ok;
}

static bool run_request(const struct pprof_request *request, struct err *err)
{
    AUTO_BUF out = {0};
    struct err why = {0};
    struct diag diag;
    diag_init(&diag);
    if (is_for_stdout(request))
        output_stream(&out, &why);
    bool ok = make_report(request, &out, &diag, err);
    tell_diag(&diag);
    diag_release(&diag);
    if (why.code)
        *err = why;
    return ok && !why.code && write_out(request, &out, err);
}

static bool run_shell(const struct pprof_request *request, struct err *err)
{
    struct diag diag;
    diag_init(&diag);
    struct original original;
    struct profile *profile = fetch_with_original(&request->fetch, &original, &diag, err);
    tell_diag(&diag);
    diag_release(&diag);
    return profile && shell_run(profile, &original, &request->options, request->tools, err);
}

static int run(int argc, char **argv)
{
    struct err err = {0};
    struct pprof_request request;
    AUTO_BUF text = {0};
    bool help = false;
    bool ok = pprof_request_parse(&request, argc, argv, &help, &err);
    if (ok && help) {
        pprof_usage(&text);
        ok = output_stdout(&text, &err);
    } else if (ok) {
        ok = request.http     ? web_run(&request, &err)
             : request.report ? run_request(&request, &err)
                              : run_shell(&request, &err);
    }
    pprof_request_release(&request);
    return ok ? 0 : tell_err(&err);
}

const struct command_ops command_pprof = {
    .name = "pprof",
    .help = "Read profiles and print reports, as 'go tool pprof' does",
    .each_flag = pprof_each_flag,
    .usage = pprof_usage,
    .run = run,
};
