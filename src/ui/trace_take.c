#include "ui/trace_take.h"

#include "ui/http.h"
#include "ui/live_name.h"
#include "ui/progress.h"
#include "ui/tell.h"
#include "ui/trace_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LATE_SECONDS 30 /* that the server may need longer than it was asked to trace */
#define SECONDS_USUAL 5

static volatile sig_atomic_t is_over;

static void on_signal(int signo)
{
    (void)signo;
    is_over = 1;
}

static const int caught[TRACE_TAKE_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

void trace_take_catch(struct trace_take_signals *signals)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
    is_over = 0;
    for (size_t i = 0; i < TRACE_TAKE_SIGNALS; i++)
        sigaction(caught[i], &action, &signals->before[i]);
}

void trace_take_let_go(const struct trace_take_signals *signals)
{
    for (size_t i = 0; i < TRACE_TAKE_SIGNALS; i++)
        sigaction(caught[i], &signals->before[i], NULL);
}

static bool stop(void *arg)
{
    (void)arg;
    return is_over;
}

struct taking {
    struct progress progress;
    bool has_begun;
    char what[64];
};

static void began(void *arg, double seconds)
{
    struct taking *t = arg;
    if (seconds > 0)
        snprintf(t->what, sizeof t->what, "tracing for %g s", seconds);
    else
        snprintf(t->what, sizeof t->what, "tracing until Ctrl-C");
    if (seconds <= 0 && !isatty(STDERR_FILENO))
        tell("%s", t->what);
    progress_begin(&t->progress, t->what);
    t->has_begun = true;
}

/* --- the two ways --- */

static bool by_server(struct taking *t, const char *address, double seconds, struct buf *out,
                      struct diag *diag, struct err *err)
{
    AUTO_BUF url = {0};
    buf_printf(&url, "http://%s/debug/pprof/trace?seconds=%g", address, seconds);
    const struct http_options options = {0};
    const struct http_request ask = {.url = buf_str(&url),
                                     .timeout_seconds = (int)seconds + LATE_SECONDS,
                                     .stop = stop,
                                     .keeps_part = true,
                                     .options = &options};
    tell("by its own server, %s (--probes or probes=1: by probes in its code)", buf_str(&url));
    began(t, seconds);
    bool ok = http_ask(&ask, out, err);
    if (out->len < 16 || memcmp(out->data, "go 1.", 5) != 0)
        return ok && err_set(err, ERR_INPUT, "%s: that is no trace%s", buf_str(&url),
                             is_over ? ": stopped before one came" : "");
    if (!ok)
        diag_add(diag, "%s; the trace ends there", err->msg);
    return true;
}

static bool by_probes(struct taking *t, const struct trace_take_request *take, struct buf *out,
                      struct go_trace_result *result, struct diag *diag, struct err *err)
{
    const struct go_trace_request request = {.pid = take->pid,
                                             .seconds = take->seconds,
                                             .hits_a_second = take->hits_a_second,
                                             .stop = stop,
                                             .began = began,
                                             .arg = t};
    return go_trace_record(&request, out, result, diag, err);
}

bool trace_take(const struct trace_take_request *request, struct buf *out,
                struct trace_take_result *result, struct diag *diag, struct err *err)
{
    struct taking t = {0};
    char address[64];
    *result = (struct trace_take_result){0};
    result->by_server =
        !request->only_probes && trace_server_find(request->pid, address, sizeof address);
    if (result->by_server && request->seconds <= 0) {
        tell("it has /debug/pprof/trace, which --seconds makes use of; until Ctrl-C by probes");
        result->by_server = false;
    }
    if (!result->by_server && !request->may_probe)
        return err_set(err, ERR_USAGE,
                       "the trace of process %d takes breakpoints in its code, which are gone "
                       "afterwards; they have to be asked for: enable=1",
                       (int)request->pid);
    bool ok = result->by_server ? by_server(&t, address, request->seconds, out, diag, err)
                                : by_probes(&t, request, out, &result->probes, diag, err);
    if (t.has_begun)
        progress_end(&t.progress);
    return ok;
}

/* --- names --- */

bool trace_take_is_parameter(const char *name)
{
    static const char *const names[] = {"seconds", "enable", "rate", "probes"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

bool trace_take_is_name(const char *source)
{
    struct stat st;
    return live_name_is(source) && stat(source, &st) != 0;
}

bool trace_take_name(const char *source, struct file *body, struct err *err)
{
    struct live_name name;
    struct trace_take_result result;
    struct trace_take_signals signals;
    struct diag diag;
    struct buf out = {0};
    *body = (struct file){0};
    bool ok = live_name_parse_trace(&name, source, err);
    if (ok) {
        const struct trace_take_request request = {.pid = name.pid,
                                                   .seconds = name.seconds > 0 ? name.seconds
                                                                               : SECONDS_USUAL,
                                                   .hits_a_second = name.rate,
                                                   .only_probes = name.probes,
                                                   .may_probe = name.enable};
        diag_init(&diag);
        trace_take_catch(&signals);
        ok = (trace_take(&request, &out, &result, &diag, err) && (!out.failed || err_nomem(err))) ||
             err_wrap(err, "'%s'", source);
        trace_take_let_go(&signals);
        tell_diag(&diag);
        diag_release(&diag);
    }
    live_name_release(&name);
    if (ok)
        *body = (struct file){(const uint8_t *)out.data, out.len, false};
    else
        buf_release(&out);
    return ok;
}
