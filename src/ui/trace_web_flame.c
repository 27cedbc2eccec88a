/* Profiles of the trace: as flame graphs, and as files of pprof. */
#include "ui/trace_web_site.h"

#include "format/pprof_write.h"
#include "page/page.h"
#include "ui/web_answer.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH_MAX 100000

/* What go tool trace has at these addresses. */
static const struct {
    const char *page, *profile;
} pages[] = {
    {"io", "net"},
    {"block", "sync"},
    {"syscall", "syscall"},
    {"sched", "sched"},
    {"cpu", "cpu"},
    {"regionio", "regionnet"},
    {"regionblock", "regionsync"},
    {"regionsyscall", "regionsyscall"},
    {"regionsched", "regionsched"},
};

/* One profile of a request. */
struct wanted {
    struct trace_query query;
    struct diag diag;
    const struct trace_web_profile *profile;
};

/* End it in any case. */
static bool begin(struct wanted *w, struct web_call *call, const char *name, struct err *err)
{
    const struct trace_web_site *site = trace_web_site(call);
    *w = (struct wanted){0};
    diag_init(&w->diag);
    if (!trace_web_load_wait(site->load, err) ||
        !trace_query_parse(&w->query, call->request->query, &call->arena, err))
        return false;
    if (!name)
        name = trace_query_text(&w->query, "profile");
    if (!name)
        return err_set(err, ERR_USAGE, "the parameter profile is needed");
    w->profile = trace_web_profiles_get(site->profiles, site->load, name, &w->query, &w->diag, err);
    return w->profile != NULL;
}

static void end(struct wanted *w, struct web_call *call)
{
    if (w->profile)
        trace_web_profiles_put(trace_web_site(call)->profiles, w->profile);
    diag_release(&w->diag);
}

/* --- flame graphs --- */

static bool write_flame(const struct wanted *w, struct json *j, struct err *err)
{
    int64_t width = 0;
    struct report_options options;
    const struct trace_query *q = &w->query;
    report_options_init(&options);
    if (!web_query_options(&q->pairs, &options, err) ||
        !trace_query_int(q, "w", 0, WIDTH_MAX, &width, err))
        return false;
    struct diag diag;
    diag_init(&diag);
    const struct page_ctx page = {.report = {.profile = w->profile->profile,
                                             .options = &options,
                                             .diag = &diag,
                                             .cache = w->profile->cache},
                                  .pivot = trace_query_text(q, "p"),
                                  .zoom = trace_query_text(q, "z"),
                                  .search = trace_query_text(q, "q"),
                                  .width = (unsigned)width};
    json_open(j, '{');
    json_member(j, "view", str_of(page_flamegraph.name));
    json_member_int(j, "moment", 1);
    bool ok = page_flamegraph.write(&page, j, err);
    if (ok) {
        for (size_t i = 0; i < w->diag.n; i++)
            diag_add(&diag, "%s", w->diag.texts[i]);
        web_answer_notes(j, &diag);
        json_close(j, '}');
    }
    diag_release(&diag);
    return ok;
}

void trace_web_flame(struct web_call *call)
{
    struct err err = {0};
    struct wanted w;
    struct json j = {.out = &call->response->body};
    bool ok = begin(&w, call, NULL, &err) && write_flame(&w, &j, &err);
    end(&w, call);
    if (ok)
        call->response->type = WEB_ANSWER_TYPE;
    else
        web_answer_fail(call->response, &err);
}

/* --- files --- */

static void send_raw(struct web_call *call, const char *name)
{
    struct err err = {0};
    struct wanted w;
    struct web_response *response = call->response;
    bool ok = begin(&w, call, name, &err) &&
              pprof_write_packed(w.profile->profile, &response->body, &err);
    end(&w, call);
    if (ok) {
        response->type = "application/vnd.google.protobuf+gzip";
        response->is_packed = true;
        buf_printf(&response->file_name, "%s.pb.gz", name);
    } else {
        web_answer_fail(response, &err);
    }
}

void trace_web_raw(struct web_call *call)
{
    send_raw(call, call->name);
}

/* A page, or with raw= the profile that it shows, as of go tool trace. */
void trace_web_profile_page(struct web_call *call)
{
    struct err err = {0};
    struct web_query query;
    const char *path = call->request->path + 1;
    if (!web_query_parse(&query, call->request->query, &call->arena, &err)) {
        web_answer_fail(call->response, &err);
        return;
    }
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (web_query_get(&query, "raw") && !strcmp(path, pages[i].page)) {
            send_raw(call, pages[i].profile);
            return;
        }
    trace_web_page(call);
}
