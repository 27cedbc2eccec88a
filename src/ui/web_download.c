#include "ui/web_download.h"

#include "format/pprof_write.h"
#include "ui/web_answer.h"
#include "ui/web_routes.h"
#include "ui/web_view.h"

#include <string.h>

#define PROFILE_TYPE "application/vnd.google.protobuf+gzip"

/* The reports that are files for other programs, or to be sent to people. */
static const struct download {
    const char *report, *title, *ext, *type;
} downloads[] = {
    {"proto", "Profile, filtered", "pb.gz", PROFILE_TYPE},
    {"html", "Flame graph, one HTML file", "html", "text/html; charset=utf-8"},
    {"flame", "Flame graph, SVG", "flame.svg", "image/svg+xml"},
    {"svg", "Graph, SVG", "svg", "image/svg+xml"},
    {"folded", "Folded stacks", "folded", "text/plain; charset=utf-8"},
    {"speedscope", "Speedscope", "speedscope.json", "application/json"},
    {"firefox", "Firefox Profiler", "firefox.json", "application/json"},
    {"topcsv", "Top, CSV", "csv", "text/csv; charset=utf-8"},
    {"dot", "Graph, DOT", "dot", "text/vnd.graphviz; charset=utf-8"},
    {"callgrind", "Callgrind", "callgrind", "text/plain; charset=utf-8"},
    {"raw", "Raw text", "txt", "text/plain; charset=utf-8"},
};
#define N_DOWNLOADS (sizeof downloads / sizeof *downloads)

static void put_name(struct buf *out, const struct download *d)
{
    buf_printf(out, "profile.%s", d->ext);
}

void web_download_write(struct json *j)
{
    json_key(j, "downloads");
    json_open(j, '[');
    for (size_t i = 0; i < N_DOWNLOADS; i++) {
        AUTO_BUF file = {0};
        put_name(&file, &downloads[i]);
        json_open(j, '{');
        json_member(j, "name", str_of(downloads[i].report));
        json_member(j, "title", str_of(downloads[i].title));
        json_member(j, "file", (struct str){buf_str(&file), file.len});
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void finish(struct web_call *call, struct web_view *view, const struct download *d, bool ok,
                   const struct err *err)
{
    if (!ok) {
        web_answer_fail(call->response, err);
    } else {
        call->response->type = d->type;
        call->response->is_packed = !strcmp(d->type, PROFILE_TYPE);
        put_name(&call->response->file_name, d);
    }
    web_view_end(view, call);
}

/* The moment's profile as it is, as pprof has it. */
void web_download_profile(struct web_call *call)
{
    struct err err = {0};
    struct web_view view;
    struct buf *body = &call->response->body;
    bool ok = web_view_begin(&view, call, &err) &&
              (original_read(&web_site(call)->original, body) ||
               pprof_write_packed(view.page.report.profile, body, &err));
    finish(call, &view, &downloads[0], ok, &err);
}

void web_download_report(struct web_call *call)
{
    struct err err = {0};
    struct web_view view;
    size_t i = 0;
    while (i < N_DOWNLOADS && strcmp(downloads[i].report, call->name) != 0)
        i++;
    const struct report_ops *report = i < N_DOWNLOADS ? report_find(call->name) : NULL;
    if (!report) {
        web_response_text(call->response, 404, "there is no such download");
        return;
    }
    bool ok = web_view_begin(&view, call, &err) &&
              report->write(&view.page.report, &call->response->body, &err);
    finish(call, &view, &downloads[i], ok, &err);
}
