#include "ui/web.h"

#include "report/report_run.h"
#include "ui/tell.h"
#include "ui/viewer.h"
#include "ui/web_query.h"
#include "ui/web_routes.h"
#include "ui/web_serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "File type", as pprof titles its page; the options of the command line are seen to fit the
 * profile. */
static bool make_title(const struct pprof_request *request, const struct profile *profile,
                       struct buf *title, struct err *err)
{
    struct report_options options;
    struct report_run run;
    report_options_init(&options);
    options.sample_index = request->options.sample_index;
    options.divide_by = request->options.divide_by;
    const struct report_ctx ctx = {profile, &options, NULL, NULL};
    bool ok = report_begin(&run, &report_top, &ctx, err);
    if (ok) {
        struct str file = report_title(&run);
        buf_printf(title, "%.*s%s%s", (int)file.len, file.p, file.len ? " " : "",
                   run.pipeline.type);
    }
    report_end(&run);
    return ok && (!title->failed || err_nomem(err));
}

/* With the options of the command line, so that what the browser shows can be sent on. */
static void show_in_browser(const struct pprof_request *request, const char *url)
{
    AUTO_BUF text = {0}, query = {0};
    const struct web_query none = {0};
    web_query_with(&none, "", &request->options, &query);
    buf_printf(&text, "%s/ui/%s%s", url, query.len ? "?" : "", buf_str(&query));
    if (!viewer_open_url(buf_str(&text)))
        fprintf(stderr, "%s\n", buf_str(&text));
}

/* All of it, with what it was asked for; left as it is when the program ends while an answer is
 * still being made. */
struct web {
    struct pprof_request request;
    char *argv[6]; /* of web_show, malloc'ed; the request borrows them */
    struct web_address address;
    struct web_site site;
    struct web_router router;
    struct web_handler handler;
    struct buf title;
    char token[WEB_SERVE_TOKEN];
};

static struct web *web_new(struct err *err)
{
    struct web *web = calloc(1, sizeof *web);
    if (web)
        web->address.fd = -1;
    else
        err_nomem(err);
    return web;
}

static void web_free(struct web *web)
{
    if (web->address.fd >= 0)
        close(web->address.fd);
    web_session_free(web->site.session);
    web_cache_free(web->site.cache);
    buf_release(&web->title);
    pprof_request_release(&web->request);
    for (char **arg = web->argv; *arg; arg++)
        free(*arg);
    free(web);
}

/* Read the sources and make of them what is served. */
static bool make_site(struct web *web, struct err *err)
{
    const struct pprof_request *request = &web->request;
    struct diag diag;
    diag_init(&diag);
    struct profile *profile = fetch_with_original(&request->fetch, &web->site.original, &diag, err);
    bool ok = profile && make_title(request, profile, &web->title, err);
    if (ok)
        web->site.session = web_session_new(request, profile, &diag, err);
    else
        profile_free(profile);
    tell_diag(&diag);
    diag_release(&diag);
    web->site.cache = web_cache_new();
    web->site.request = request;
    web->site.title = buf_str(&web->title);
    web->site.token = web->token;
    web->router = (struct web_router){web_routes, &web->site, "/ui/"};
    web->handler =
        (struct web_handler){web_router_weigh, web_router_answer, &web->router, web->token};
    if (ok && !web->site.cache)
        return err_nomem(err);
    return web->site.session && web_serve_token(web->token, err);
}

/* It is served: say where. */
static void announce(void *arg, const char *url)
{
    struct web *web = arg;
    fprintf(stderr, "Serving web UI on %s\n", url);
    if (!web->address.is_loopback)
        tell("whoever reaches this address sees the profile and the source files it names");
    if (!web->request.no_browser)
        show_in_browser(&web->request, url);
}

/* Frees it, unless something of it still runs. */
static bool run(struct web *web, struct err *err)
{
    const char *http = web->request.http;
    bool is_over = true;
    bool ok = web_check(http, err) && web_address_parse(&web->address, http, err) &&
              web_address_listen(&web->address, err) && make_site(web, err) &&
              web_serve(&web->address, &web->handler, announce, web, &is_over, err);
    if (is_over)
        web_free(web);
    return ok;
}

bool web_run(struct pprof_request *request, struct err *err)
{
    struct web *web = web_new(err);
    if (!web)
        return false;
    web->request = *request;
    *request = (struct pprof_request){0};
    return run(web, err);
}

bool web_show(const char *http, bool no_browser, const char *path, struct err *err)
{
    struct web *web = web_new(err);
    AUTO_BUF address = {0};
    bool help, ok = web != NULL;
    if (!ok)
        return false;
    buf_printf(&address, "-http=%s", http);
    const char *const argv[] = {"pprof", buf_str(&address),
                                no_browser ? "-no_browser" : "-no_browser=false", "--", path};
    const int n = sizeof argv / sizeof *argv;
    for (int i = 0; ok && i < n; i++)
        ok = (web->argv[i] = strdup(argv[i])) != NULL;
    if (!ok || address.failed)
        err_nomem(err);
    else if (pprof_request_parse(&web->request, n, web->argv, &help, err)) {
        tell("the web page shows %s; Ctrl-C ends it", path);
        return run(web, err);
    }
    web_free(web);
    return false;
}

bool web_check(const char *http, struct err *err)
{
    struct web_address address;
    return web_address_parse(&address, http, err) && web_server_available(err);
}
