#include "ui/trace_web.h"

#include "ui/percent.h"
#include "ui/tell.h"
#include "ui/trace_web_site.h"
#include "ui/viewer.h"
#include "ui/web_serve.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANY_PORT "localhost:0" /* as go tool trace */

/* All of it; left as it is when the program ends while something still uses it. */
struct trace_web {
    const struct trace_web_request *request;
    struct web_address address;
    struct trace_web_site site;
    struct web_router router;
    struct web_handler handler;
    char token[WEB_SERVE_TOKEN];
    pthread_t main_thread;
    bool has_begun; /* the trace is, or was, being read */
};

/* --- begin and end --- */

static void trace_web_free(struct trace_web *web)
{
    if (web->address.fd >= 0)
        close(web->address.fd);
    web_cache_free(web->site.cache);
    trace_web_profiles_free(web->site.profiles);
    trace_web_lists_free(web->site.lists);
    trace_web_load_free(web->site.load);
    free(web);
}

static bool make_site(struct trace_web *web, struct err *err)
{
    struct trace_web_site *site = &web->site;
    const char *path = web->request->path, *slash = strrchr(path, '/');
    site->title = slash && slash[1] ? slash + 1 : path;
    site->load = trace_web_load_open(path, web->request->binary, err);
    if (!site->load)
        return false;
    site->lists = trace_web_lists_new();
    site->profiles = trace_web_profiles_new();
    site->cache = web_cache_new();
    web->router = (struct web_router){trace_web_routes, site, "/"};
    web->handler =
        (struct web_handler){web_router_weigh, web_router_answer, &web->router, web->token};
    if (!site->lists || !site->profiles || !site->cache)
        return err_nomem(err);
    return web_serve_token(web->token, err);
}

/* --- what is told --- */

/* Where the browser goes: to the part of the trace that the command line names. */
static void put_address(const struct trace_web *web, const char *url, struct buf *out)
{
    const struct analysis_options *o = &web->request->options;
    AUTO_BUF query = {0};
    if (o->start_ns)
        buf_printf(&query, "&start=%lld", (long long)o->start_ns);
    if (o->end_ns)
        buf_printf(&query, "&end=%lld", (long long)o->end_ns);
    if (o->goroutine)
        buf_printf(&query, "&goid=%lld", (long long)o->goroutine);
    if (o->task)
        buf_printf(&query, "&focustask=%llu", (unsigned long long)o->task);
    if (o->goroutine_name) {
        buf_puts(&query, "&view=goroutine&name=");
        percent_encode(&query, str_of(o->goroutine_name));
    }
    buf_puts(out, url);
    if (query.len)
        buf_printf(out, "/trace?%s", buf_str(&query) + 1);
}

/* On the thread that reads: it is over. */
static void on_read(void *arg)
{
    struct trace_web *web = arg;
    const struct trace_web_model *model = trace_web_load_model(web->site.load);
    if (model)
        tell_diag(&model->diag);
    else
        pthread_kill(web->main_thread, SIGTERM); /* which waits for it */
}

/* The words are those of go tool trace: programs wait for them. */
static void announce(void *arg, const char *url)
{
    struct trace_web *web = arg;
    AUTO_BUF address = {0};
    struct err err = {0};
    bool opens = !web->request->no_browser;
    fprintf(stderr, "%sTrace viewer is listening on %s\n", opens ? "Opening browser. " : "", url);
    if (!web->address.is_loopback)
        tell("whoever reaches this address sees the trace");
    web->main_thread = pthread_self();
    web->has_begun = trace_web_load_start(web->site.load, on_read, web, &err);
    if (!web->has_begun) {
        tell_err(&err);
        pthread_kill(web->main_thread, SIGTERM);
    }
    put_address(web, url, &address);
    if (opens && !viewer_open_url(buf_str(&address)))
        fprintf(stderr, "%s\n", buf_str(&address));
}

/* --- the whole of it --- */

bool trace_web_run(const struct trace_web_request *request, struct err *err)
{
    const char *http = request->http ? request->http : ANY_PORT;
    bool is_over = true;
    struct trace_web *web = calloc(1, sizeof *web);
    if (!web)
        return err_nomem(err);
    web->request = request;
    web->address.fd = -1;
    bool ok = web_server_available(err) && web_address_parse(&web->address, http, err) &&
              web_address_listen(&web->address, err) && make_site(web, err) &&
              web_serve(&web->address, &web->handler, announce, web, &is_over, err);
    const struct err *why = web->site.load ? trace_web_load_failure(web->site.load) : NULL;
    if (ok && why) {
        *err = *why;
        ok = false;
    }
    /* What is still being read needs its memory until the process ends. */
    if (is_over && !(web->has_begun && !trace_web_load_is_over(web->site.load)))
        trace_web_free(web);
    return ok;
}
