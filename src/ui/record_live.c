#include "ui/record_live.h"

#include "base/pool.h"
#include "collect/collect.h"
#include "collect/live.h"
#include "ui/fetch.h"
#include "ui/live_source.h"
#include "ui/progress.h"
#include "ui/record_trace.h"
#include "ui/tell.h"
#include "xform/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRACE "trace"
#define PARTS_MAX COLLECT_KINDS_MAX
#define SERVER_SECONDS 30 /* of a CPU profile, where nobody says it */

struct parts {
    struct live_part items[PARTS_MAX];
    size_t n;
    bool is_go;
    /* for processes that tell by themselves */
    pid_t pid;
    double seconds;
    struct diag diags[PARTS_MAX];
};

static volatile sig_atomic_t is_over;

static void on_signal(int signo)
{
    (void)signo;
    is_over = 1;
}

static bool stop(void *arg)
{
    (void)arg;
    return is_over;
}

/* "KIND,KIND,...", each once. */
static bool parse_kinds(const char *list, struct parts *parts, struct err *err)
{
    for (const char *p = list;; p++) {
        char name[64];
        size_t len = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s", (int)len, p);
        const char *kind = len < sizeof name ? live_kind(name) : NULL;
        if (!kind)
            return err_set(err, ERR_USAGE,
                           "cannot record '%.*s'; 'sonde help record' lists the kinds", (int)len,
                           p);
        size_t i = 0;
        while (i < parts->n && strcmp(parts->items[i].kind, kind) != 0)
            i++;
        if (i == parts->n && parts->n < PARTS_MAX)
            parts->items[parts->n++].kind = kind;
        p += len;
        if (!*p)
            return true;
    }
}

/* Flags that nothing is asked for to which they would make a difference. */
static bool check_flags(const struct record_live_request *request, const struct parts *parts,
                        struct err *err)
{
    const struct {
        bool is_set;
        const char *flag, *kinds[4];
    } flags[] = {
        {request->gc, "--gc", {"heap", "allocs", "goroutineleak"}},
        {request->enable, "--enable", {"heap", "allocs", "block", "mutex"}},
        {request->heap_rate != 0, "--heap-rate", {"heap", "allocs"}},
        {request->block_rate != 0, "--block-rate", {"block"}},
        {request->mutex_fraction != 0, "--mutex-fraction", {"mutex"}},
        {request->consistent, "--consistent", {"goroutine", "goroutineleak"}},
        {request->hz != 0, "-F", {"cpu"}},
        {request->no_children, "--no-children", {"cpu", "block"}},
        {request->probes, "--probes", {TRACE}},
        {request->trace_rate != 0, "--trace-rate", {TRACE}},
    };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        AUTO_BUF names = {0};
        bool any = !flags[i].is_set;
        for (size_t k = 0; k < 4 && flags[i].kinds[k]; k++) {
            buf_printf(&names, "%s%s", k ? ", " : "", flags[i].kinds[k]);
            for (size_t n = 0; n < parts->n; n++)
                any |= strcmp(parts->items[n].kind, flags[i].kinds[k]) == 0;
        }
        if (!any)
            return err_set(err, ERR_USAGE, "%s is for %s; -e has none of them", flags[i].flag,
                           buf_str(&names));
    }
    return true;
}

static const char *suffix_of(const struct record_live_request *request)
{
    return request->debug ? PROFILE_FILE_TEXT : PROFILE_FILE_SUFFIX;
}

/* All that is to be written can be. */
static bool check_outputs(const struct record_live_request *request, const struct parts *parts,
                          struct err *err)
{
    char path[PATH_MAX];
    if (!profile_file_prepare(&request->files, err))
        return false;
    for (size_t i = 0; i < parts->n; i++)
        if (!profile_file_name(&request->files, parts->items[i].kind, 0, suffix_of(request), path,
                               err) ||
            !profile_file_check(path, err))
            return false;
    return true;
}

/* --- collecting --- */

/* What is shown while it collects. */
struct collecting {
    struct progress progress;
    char what[64];
};

static void begin_progress(void *arg, double seconds)
{
    struct collecting *c = arg;
    if (seconds > 0)
        snprintf(c->what, sizeof c->what, "collecting for %g s", seconds);
    else
        snprintf(c->what, sizeof c->what, "collecting until Ctrl-C");
    if (seconds == 0 && !isatty(STDERR_FILENO))
        tell("%s", c->what);
    progress_begin(&c->progress, c->what);
}

/* --- a process under libsonde --- */

static void ask_server(void *arg, size_t i)
{
    struct parts *parts = arg;
    struct live_part *part = &parts->items[i];
    char source[96];
    snprintf(source, sizeof source, "pid:%d/%s", (int)parts->pid, part->kind);
    if (parts->seconds > 0 && !part->whole)
        snprintf(source + strlen(source), sizeof source - strlen(source), "?seconds=%.0f",
                 parts->seconds < 1 ? 1 : parts->seconds);
    char *sources[] = {source};
    struct fetch_request fetch = {
        .sources = sources, .n_sources = 1, .source.is_quiet = true, .symbolize = true};
    part->profile = fetch_profile(&fetch, &parts->diags[i], &part->err);
}

static void ask_servers(struct parts *parts, const struct record_live_request *request,
                        struct diag *diag)
{
    parts->seconds = request->seconds;
    for (size_t i = 0; i < parts->n; i++)
        diag_init(&parts->diags[i]);
    double seconds = 0;
    for (size_t i = 0; i < parts->n; i++)
        if (!parts->items[i].whole)
            seconds = parts->seconds > 0                         ? parts->seconds
                      : strcmp(parts->items[i].kind, "cpu") == 0 ? SERVER_SECONDS
                                                                 : seconds;
    struct collecting collecting = {0};
    if (seconds > 0)
        begin_progress(&collecting, seconds);
    pool_run(parts->n, PARTS_MAX, ask_server, parts);
    progress_end(&collecting.progress);
    for (size_t i = 0; i < parts->n; i++) {
        for (size_t k = 0; k < parts->diags[i].n; k++)
            diag_add(diag, "%s", parts->diags[i].texts[k]);
        diag_release(&parts->diags[i]);
    }
}

/* --- one that is read from outside --- */

static bool read_outside(struct parts *parts, const struct record_live_request *request,
                         struct diag *diag, struct err *err)
{
    struct live_options options = {.seconds = request->seconds,
                                   .hz = request->hz,
                                   .gc = request->gc,
                                   .enable = request->enable,
                                   .consistent = request->consistent,
                                   .no_children = request->no_children,
                                   .until_stopped = true,
                                   .stop = stop,
                                   .began = begin_progress};
    struct collecting collecting = {0};
    options.arg = &collecting;
    struct live *live = live_open_process(parts->pid, request->gc || request->enable, err);
    if (!live)
        return false;
    /* The second one ends us, by whatever we wait for. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    live_take(live, parts->items, parts->n, &options, diag);
    progress_end(&collecting.progress);
    parts->is_go = live_is_go(live);
    live_free(live);
    return true;
}

/* --- writing --- */

/* The sum of the values of a type; the first type's, if there is no such type. */
static int64_t total(const struct profile *profile, const char *type)
{
    uint64_t n = 0;
    size_t at = 0;
    for (size_t i = 0; i < profile->n_types; i++)
        if (strcmp(profile_str(profile, profile->types[i].type).p, type) == 0)
            at = i;
    for (size_t i = 0; i < profile->n_samples; i++)
        n += (uint64_t)profile->values[i * profile->n_types + at];
    return (int64_t)n;
}

static void print_count(struct buf *out, int64_t n, const char *what)
{
    buf_printf(out, "%lld %s%s", (long long)n, what, n == 1 ? "" : "s");
}

/* "172 samples in 3.00s", "12.50MB in use": what is in the profile. */
static void print_total(struct buf *out, const struct profile *profile, const char *kind,
                        bool is_go)
{
    if (strcmp(kind, "heap") == 0) {
        unit_print(out, total(profile, "inuse_space"), "bytes", "auto");
        buf_puts(out, " in use");
    } else if (strcmp(kind, "allocs") == 0) {
        unit_print(out, total(profile, "alloc_space"), "bytes", "auto");
        buf_puts(out, " allocated");
    } else if (strcmp(kind, "block") == 0 || strcmp(kind, "mutex") == 0) {
        int64_t n = total(profile, "contentions");
        print_count(out, n, "contention");
        if (n > 0) {
            buf_puts(out, " (");
            unit_print(out, total(profile, "delay"), "nanoseconds", "auto");
            buf_puts(out, ")");
        }
    } else if (strcmp(kind, "cpu") == 0) {
        print_count(out, total(profile, "samples"), "sample");
    } else {
        print_count(out, total(profile, kind),
                    strcmp(kind, "goroutineleak") == 0        ? "leaked goroutine"
                    : is_go && strcmp(kind, "goroutine") == 0 ? "goroutine"
                                                              : "thread");
    }
    if (profile->duration_nanos > 0)
        buf_printf(out, " in %.2fs", (double)profile->duration_nanos / 1e9);
}

static bool write_part(const struct record_live_request *request, bool is_go,
                       struct live_part *part)
{
    struct err err = {0};
    char path[PATH_MAX], wanted[PATH_MAX];
    if (part->err.code) {
        tell("%s: %s", part->kind, part->err.msg);
        return false;
    }
    if (!profile_file_name(&request->files, part->kind, 0, suffix_of(request), path, &err)) {
        tell_err(&err);
        return false;
    }
    strcpy(wanted, path);
    if (!(part->profile ? profile_file_write(part->profile, part->kind, path, &err)
                        : profile_file_write_text(&part->text, part->kind, path, &err))) {
        tell_err(&err);
        return false;
    }
    if (strcmp(wanted, path) != 0)
        tell("%s; the profile is in '%s' instead", err.msg, path);
    if (part->profile)
        buf_add(request->written, path, strlen(path) + 1);
    if (part->profile) {
        AUTO_BUF text = {0};
        if (strcmp(part->kind, "cpu") == 0 && part->profile->n_samples == 0)
            tell("no samples: hardly any CPU time was used meanwhile");
        print_total(&text, part->profile, part->kind, is_go);
        tell("%s: %s (sonde pprof -top %s)", buf_str(&text), path, path);
    } else {
        tell("%s: %s", part->kind, path);
    }
    return strcmp(wanted, path) == 0;
}

/* Is a trace asked for?  Then by itself. */
static bool has_trace(const char *kinds)
{
    for (const char *p = kinds;; p++) {
        size_t len = strcspn(p, ",");
        if (len == strlen(TRACE) && strncmp(p, TRACE, len) == 0)
            return true;
        p += len;
        if (!*p)
            return false;
    }
}

static int trace(const struct record_live_request *request)
{
    struct err err = {0};
    struct parts parts = {.n = 1};
    parts.items[0].kind = TRACE;
    if (strcmp(request->kinds, TRACE) != 0)
        err_set(&err, ERR_USAGE, "a trace is recorded by itself: -e " TRACE ", not '%s'",
                request->kinds);
    else if (!request->process)
        err_set(&err, ERR_USAGE, "a trace is of one program: -p PROCESS");
    else if (request->debug)
        err_set(&err, ERR_USAGE, "--debug is for profiles; 'sonde trace -d=parsed' prints a trace");
    else if (check_flags(request, &parts, &err))
        parts.pid = live_name_process(request->process, &err);
    if (!parts.pid)
        return tell_err(&err);
    return record_trace(&(struct record_trace_request){.pid = parts.pid,
                                                       .output = request->files.output,
                                                       .seconds = request->seconds,
                                                       .hits_a_second = request->trace_rate,
                                                       .probes = request->probes});
}

int record_live(const struct record_live_request *request)
{
    if (has_trace(request->kinds))
        return trace(request);
    struct err err = {0};
    struct parts parts = {0};
    struct diag diag;
    AUTO_BUF server = {0};
    if (!parse_kinds(request->kinds, &parts, &err) || !check_flags(request, &parts, &err) ||
        (request->process && !(parts.pid = live_name_process(request->process, &err))))
        return tell_err(&err);
    for (size_t i = 0; i < parts.n; i++) {
        parts.items[i].debug = request->debug;
        /* of waits what happens meanwhile; all else as it is in the end */
        const char *kind = parts.items[i].kind;
        parts.items[i].rate = strcmp(kind, "block") == 0   ? request->block_rate
                              : strcmp(kind, "mutex") == 0 ? request->mutex_fraction
                                                           : request->heap_rate;
        parts.items[i].whole =
            strcmp(kind, "cpu") != 0 && strcmp(kind, "block") != 0 && strcmp(kind, "mutex") != 0;
    }
    struct profile_file files = request->files;
    files.several = parts.n > 1;
    struct record_live_request with_files = *request;
    with_files.files = files;
    if (!check_outputs(&with_files, &parts, &err))
        return tell_err(&err);
    diag_init(&diag);
    struct live_name name = {.pid = parts.pid,
                             .kind = "goroutine",
                             .gc = request->gc,
                             .enable = request->enable,
                             .consistent = request->consistent,
                             .hz = request->hz,
                             .rate = request->heap_rate || request->block_rate ||
                                     request->mutex_fraction};
    bool ok = true;
    if (!request->debug && live_source_server(&name, &server, &diag))
        ask_servers(&parts, &with_files, &diag);
    else
        ok = read_outside(&parts, &with_files, &diag, &err);
    tell_diag(&diag);
    diag_release(&diag);
    if (!ok)
        return tell_err(&err);
    int status = 0;
    for (size_t i = 0; i < parts.n; i++) {
        struct live_part *part = &parts.items[i];
        int code = part->err.code ? err_exit_status(&part->err) : 1;
        if (!write_part(&with_files, parts.is_go, part) && status == 0)
            status = code;
        profile_free(part->profile);
        buf_release(&part->text);
    }
    return status;
}
