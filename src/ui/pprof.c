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

static bool make_report(const struct pprof_request *request, struct buf *out, struct err *err)
{
    struct original original;
    struct diag diag;
    diag_init(&diag);
    struct profile *profile = fetch_with_original(&request->fetch, &original, &diag, err);
    struct report_ctx ctx = {profile, &request->options, request->regexp, &diag,
                             .original = &original};
    if (!request->output)
        ctx.screen = paint_screen(STDOUT_FILENO);
    bool ok = profile && graphviz_report(request->report, &ctx, request->tools, out, err);
    profile_free(profile);
    tell_diag(&diag);
    diag_release(&diag);
    return ok;
}

static bool to_file(const struct pprof_request *request, struct err *err)
{
    AUTO_BUF out = {0};
    char name[NAME_MAX + 1];
    const char *path = request->output ? request->output : name;
    struct output_file file;
    struct err why = {0};
    if ((!request->output && !output_free_name(name, request->report->ext, err)) ||
        !output_file_begin(&file, path, &out, err))
        return false;
    file.err = &why;
    bool ok = make_report(request, &out, err);
    if (why.code)
        *err = why;
    ok = output_file_end(&file, &out, ok && !why.code, err);
    if (ok)
        tell("wrote the report to %s", path);
    return ok;
}

static bool run_request(const struct pprof_request *request, struct err *err)
{
    AUTO_BUF out = {0};
    struct err why = {0};
    bool is_shown = is_for_stdout(request);
    if (!is_shown && (request->output || !request->report->viewer))
        return to_file(request, err);
    if (is_shown)
        output_stream(&out, &why);
    bool ok = make_report(request, &out, err);
    if (why.code)
        *err = why;
    if (!ok || why.code)
        return false;
    return is_shown ? output_stdout(&out, err) : viewer_show(request->report, &out, true, err);
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
