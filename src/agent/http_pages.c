#include "agent/http_pages.h"

#include "agent/profile_out.h"
#include "agent/raw.h"
#include "agent/recording.h"
#include "agent/symbols.h"
#include "agent/trace_pump.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define PREFIX "/debug/pprof/"
#define SECONDS_USUAL 30
#define TRACE_USUAL_NS 1000000000u
#define SECONDS_MAX 86400
#define WAITS_MAX 16 /* at a time: each keeps the profile of its beginning */
#define TEXT "text/plain; charset=utf-8"
#define BINARY "application/octet-stream"

static int n_waits;

void http_pages_reset(void)
{
    n_waits = 0;
}

static void respond(struct http_page *page, int status, const char *type)
{
    page->status = status;
    page->type = type;
}

void http_pages_error(struct http_page *page, int status, const char *text)
{
    out_release(&page->body);
    out_init(&page->body, -1);
    respond(page, status, TEXT);
    page->attached = NULL;
    out_text(&page->body, text);
    out_text(&page->body, "\n");
}

/* As net/http/pprof's serveError. */
static void fail(struct http_page *page, int status, const char *text)
{
    http_pages_error(page, status, text);
    page->is_error = true;
}

static void fail_errno(struct http_page *page, int error)
{
    fail(page, error == ENOTSUP ? 501 : 500,
         error == ENOTSUP  ? "not available: libsonde does not see this in this program "
                             "(libsonde.a, an allocator of the program's own, or "
                             "`sonde record` without this kind)"
         : error == EBUSY  ? "in use by another recording"
         : error == ENOMEM ? "out of memory"
                           : "failed to collect profile");
}

static int64_t number_of(const struct request *r, const char *key)
{
    char text[32];
    int64_t n;
    request_param(r->query, key, text, sizeof text);
    return request_number(text, &n) ? n : 0;
}

/* The pages that are no profiles by name; sorted. */
static const struct sonde_profile others[] = {
    {.name = "cmdline", .help = "The command line invocation of the current program"},
    {.name = "profile",
     .help = "CPU profile. You can specify the duration in the seconds GET parameter. After you "
             "get the profile file, use the sonde pprof or go tool pprof command to investigate "
             "the profile."},
    {.name = "symbol",
     .help = "Maps given program counters to function names. Counters can be specified in a GET "
             "raw query or POST body, multiple counters are separated by '+'."},
    {.name = "trace",
     .help = "A trace of execution of the current program. You can specify the duration in the "
             "seconds GET parameter. After you get the trace file, use the sonde trace or go tool "
             "trace command to investigate the trace."},
};
static const struct sonde_profile *const trace_entry = &others[3];

static bool begin_wait(struct http_page *page, const struct sonde_profile *profile, uint64_t ns)
{
    if (n_waits == WAITS_MAX) {
        fail(page, 503, "too many profiles at a time");
        return false;
    }
    n_waits++;
    page->waits = true;
    page->profile = profile;
    page->until_ns = raw_clock_ns(CLOCK_MONOTONIC) + ns;
    return true;
}

static void end_wait(struct http_page *page)
{
    taken_release(&page->before);
    page->waits = false;
    n_waits--;
}

static void attach(struct http_page *page, const struct sonde_profile *profile, bool is_delta)
{
    respond(page, 200, BINARY);
    page->attached = profile;
    page->is_delta = is_delta;
}

static void cpu_page(struct http_page *page, const struct request *r)
{
    int64_t seconds = number_of(r, "seconds");
    if (seconds <= 0)
        seconds = SECONDS_USUAL;
    if (seconds > SECONDS_MAX) {
        fail(page, 400, "invalid value for \"seconds\" - must be at most 86400");
        return;
    }
    if (!begin_wait(page, &profiles_cpu, (uint64_t)seconds * 1000000000u))
        return;
    page->is_recorded = recording_is_recorded(WIRE_CPU);
    if (page->is_recorded) {
        if (!profiles_take_recorded_cpu(&page->before)) {
            end_wait(page);
            fail_errno(page, errno);
        }
        return;
    }
    if (recording_begin_cpu(RECORDING_HZ_DEFAULT))
        return;
    int error = errno;
    end_wait(page);
    fail(page, 500,
         error == EBUSY    ? "Could not enable CPU profiling: cpu profiling already in use"
         : error == ENOMEM ? "Could not enable CPU profiling: out of memory"
                           : "Could not enable CPU profiling: no timers");
}

/* The samples of these seconds, of those that are recorded. */
static void finish_recorded_cpu(struct http_page *page)
{
    struct taken now = {0};
    attach(page, &profiles_cpu, false);
    if (!profiles_take_recorded_cpu(&now))
        fail_errno(page, errno);
    else if (!taken_subtract(&now, &page->before) || !profile_out(&profiles_cpu, &now, &page->body))
        fail_errno(page, ENOMEM);
    taken_release(&now);
}

static void finish_cpu(struct http_page *page)
{
    struct taken taken = {0};
    struct store *store = recording_end_cpu();
    attach(page, &profiles_cpu, false);
    if (!store)
        fail(page, 500, "cpu profiling was ended");
    else if (!profiles_take_cpu(store, &taken) || !profile_out(&profiles_cpu, &taken, &page->body))
        fail_errno(page, ENOMEM);
    taken_release(&taken);
    if (store)
        recording_release_cpu();
}

/* "2.5", as ns; 0: no number, or none above 0. */
static uint64_t seconds_of(const char *text)
{
    uint64_t ns = 0, unit = 1000000000u;
    bool has_point = false;
    for (const char *p = text; *p; p++) {
        if (*p == '.' && !has_point) {
            has_point = true;
        } else if (*p >= '0' && *p <= '9' && ns <= UINT64_MAX / 20) {
            unit = has_point ? unit / 10 : unit;
            ns = has_point ? ns + (uint64_t)(*p - '0') * unit
                           : 10 * ns + (uint64_t)(*p - '0') * unit;
        } else {
            return 0;
        }
    }
    return ns;
}

static void trace_page(struct http_page *page, const struct request *r)
{
    char text[32];
    request_param(r->query, "seconds", text, sizeof text);
    uint64_t ns = seconds_of(text);
    if (!ns)
        ns = TRACE_USUAL_NS;
    if (ns > SECONDS_MAX * 1000000000ull) {
        fail(page, 400, "invalid value for \"seconds\" - must be at most 86400");
        return;
    }
    if (!begin_wait(page, trace_entry, ns) || trace_pump_start(-1))
        return;
    int error = errno;
    end_wait(page);
    fail(page, 500,
         error == EBUSY    ? "Could not enable tracing: tracing is already enabled"
         : error == ENOMEM ? "Could not enable tracing: out of memory"
                           : "Could not enable tracing: no thread");
}

static void finish_trace(struct http_page *page)
{
    bool was_on;
    struct out trace;
    attach(page, trace_entry, false);
    if (trace_pump_stop(&trace, &was_on)) {
        out_release(&page->body);
        page->body = trace;
    } else {
        fail_errno(page, was_on ? errno : EINVAL);
    }
}

static void delta_page(struct http_page *page, const struct request *r,
                       const struct sonde_profile *profile, const char *text)
{
    int64_t seconds;
    if (!request_number(text, &seconds) || seconds <= 0 || seconds > SECONDS_MAX)
        fail(page, 400, "invalid value for \"seconds\" - must be a positive integer");
    else if (!profile->has_delta)
        fail(page, 400, "\"seconds\" parameter is not supported for this profile type");
    else if (number_of(r, "debug") != 0)
        fail(page, 400, "seconds and debug params are incompatible");
    else if (begin_wait(page, profile, (uint64_t)seconds * 1000000000u) &&
             !profile->take(profile, &page->before, 0)) {
        end_wait(page);
        fail_errno(page, errno);
    }
}

static void finish_delta(struct http_page *page)
{
    struct taken now = {0};
    const struct sonde_profile *profile = page->profile;
    attach(page, profile, true);
    if (!profile->take(profile, &now, 0))
        fail_errno(page, errno);
    else if (!taken_subtract(&now, &page->before) || !profile_out(profile, &now, &page->body))
        fail_errno(page, ENOMEM);
    taken_release(&now);
}

static void profile_page(struct http_page *page, const struct request *r, const char *name)
{
    char seconds[32];
    const struct sonde_profile *profile = profiles_find(name);
    if (!profile && errno == ENOENT)
        fail(page, 404, "Unknown profile");
    else if (!profile)
        fail_errno(page, errno);
    if (!profile)
        return;
    request_param(r->query, "seconds", seconds, sizeof seconds);
    if (seconds[0]) {
        delta_page(page, r, profile, seconds);
        return;
    }
    int64_t debug = number_of(r, "debug");
    if (debug)
        respond(page, 200, TEXT);
    else
        attach(page, profile, false);
    if (!profiles_write(profile, &page->body, debug > 0 && debug <= 2 ? (int)debug : debug != 0))
        fail_errno(page, errno);
}

static void cmdline_page(struct http_page *page)
{
    char bytes[4096];
    long n, fd = raw4(SYS_openat, AT_FDCWD, (long)"/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
    respond(page, 200, TEXT);
    if (fd < 0)
        return;
    while ((n = raw4(SYS_read, fd, (long)bytes, sizeof bytes, 0)) > 0)
        out_put(&page->body, bytes, (size_t)n);
    raw4(SYS_close, fd, 0, 0, 0);
    if (page->body.n && !page->body.bytes[page->body.n - 1])
        page->body.n--; /* between the arguments, not behind the last */
}

/* A number as strconv.ParseUint(word, 0, 64) reads it; 0: none. */
static uint64_t address_of(const char *word, size_t n)
{
    bool is_hex = n > 2 && word[0] == '0' && (word[1] | 32) == 'x';
    uint64_t v = 0, base = is_hex ? 16 : 10;
    for (size_t i = is_hex ? 2 : 0; i < n; i++) {
        char c = word[i];
        uint64_t digit =
            c >= '0' && c <= '9' ? (uint64_t)(c - '0') : (uint64_t)((c | 32) - 'a') + 10;
        if (digit >= base || v > (UINT64_MAX - digit) / base)
            return 0;
        v = v * base + digit;
    }
    return v;
}

static void symbol_page(struct http_page *page, const char *words)
{
    struct symbols *symbols = symbols_new();
    respond(page, 200, TEXT);
    out_text(&page->body, "num_symbols: 1\n");
    for (const char *p = words; symbols && *p; p += *p == '+') {
        size_t n = strcspn(p, "+");
        uint64_t address = address_of(p, n), offset;
        const char *name = address ? symbols_name(symbols, symbols_frame(address), &offset) : NULL;
        if (name) {
            out_hex(&page->body, address);
            out_text(&page->body, " ");
            out_text(&page->body, name);
            out_text(&page->body, "\n");
        }
        p += n;
    }
    symbols_release(symbols);
}

struct index_list {
    struct http_page *page;
    size_t n_others;
    void (*put)(struct out *out, const struct sonde_profile *profile);
};

static void put_with_others(void *arg, const struct sonde_profile *profile)
{
    struct index_list *list = arg;
    for (; list->n_others < sizeof others / sizeof *others; list->n_others++) {
        const struct sonde_profile *other = &others[list->n_others];
        if (profile && strcmp(other->name, profile->name) > 0)
            break;
        list->put(&list->page->body, other);
    }
    if (profile)
        list->put(&list->page->body, profile);
}

static void put_list(struct http_page *page,
                     void (*put)(struct out *out, const struct sonde_profile *profile))
{
    struct index_list list = {page, 0, put};
    profiles_each(put_with_others, &list);
    put_with_others(&list, NULL);
}

static void put_url(struct out *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        const char code[3] = {'%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15]};
        bool is_plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
                        (c && strchr("-._~", c));
        out_put(out, is_plain ? text : code, is_plain ? 1 : 3);
    }
}

static void put_row(struct out *out, const struct sonde_profile *profile)
{
    int64_t n = profile->take ? profiles_count(profile) : 0;
    out_text(out, "<tr><td>");
    out_number(out, n < 0 ? 0 : n);
    out_text(out, "</td><td><a href='");
    put_url(out, profile->name);
    out_text(out, "?debug=1'>");
    out_html(out, profile->name);
    out_text(out, "</a></td></tr>\n");
}

static void put_description(struct out *out, const struct sonde_profile *profile)
{
    out_text(out, "<li><div class=profile-name>");
    out_html(out, profile->name);
    out_text(out, ": </div> ");
    out_html(out, profile->help);
    out_text(out, "</li>\n");
}

static void index_page(struct http_page *page)
{
    struct out *out = &page->body;
    respond(page, 200, "text/html; charset=utf-8");
    out_text(out, "<html>\n<head>\n<title>" PREFIX "</title>\n<style>\n.profile-name{\n"
                  "\tdisplay:inline-block;\n\twidth:6rem;\n}\n</style>\n</head>\n<body>\n" PREFIX
                  "\n<br>\n<p>Set debug=1 as a query parameter to export in legacy text format</p>"
                  "\n<br>\nTypes of profiles available:\n<table>\n"
                  "<thead><td>Count</td><td>Profile</td></thead>\n");
    put_list(page, put_row);
    out_text(out, "</table>\n");
    if (profiles_find("goroutine"))
        out_text(out, "<a href=\"goroutine?debug=2\">full goroutine stack dump</a>\n");
    out_text(out, "<br>\n<p>\nProfile Descriptions:\n<ul>\n");
    put_list(page, put_description);
    out_text(out, "</ul>\n</p>\n</body>\n</html>");
}

void http_pages_begin(struct http_page *page, const struct request *r, const char *body,
                      bool checks_host)
{
    size_t n_prefix = strlen(PREFIX);
    bool is_ours = strncmp(r->path, PREFIX, n_prefix) == 0;
    const char *name = is_ours ? r->path + n_prefix : "";
    *page = (struct http_page){.status = 0};
    out_init(&page->body, -1);
    if (checks_host && r->host && !request_host_is_local(r->host)) {
        http_pages_error(page, 403, "the host in the URL has to be an address, or localhost");
    } else if (strcmp(r->path, "/debug/pprof") == 0) {
        http_pages_error(page, 301, "Moved Permanently");
        page->location = PREFIX;
    } else if (!is_ours) {
        http_pages_error(page, 404, "404 page not found");
    } else if (r->method != REQUEST_GET &&
               (r->method != REQUEST_POST || strcmp(name, "symbol") != 0)) {
        http_pages_error(page, 405, "Method Not Allowed");
    } else if (!*name) {
        index_page(page);
    } else if (strcmp(name, "cmdline") == 0) {
        cmdline_page(page);
    } else if (strcmp(name, "profile") == 0) {
        cpu_page(page, r);
    } else if (strcmp(name, "trace") == 0) {
        trace_page(page, r);
    } else if (strcmp(name, "symbol") == 0) {
        symbol_page(page, r->method == REQUEST_POST ? body : r->query);
    } else {
        profile_page(page, r, name);
    }
}

void http_pages_finish(struct http_page *page)
{
    if (page->is_recorded)
        finish_recorded_cpu(page);
    else if (page->profile == &profiles_cpu)
        finish_cpu(page);
    else if (page->profile == trace_entry)
        finish_trace(page);
    else
        finish_delta(page);
    end_wait(page);
}

void http_pages_give_up(struct http_page *page)
{
    if (page->profile == &profiles_cpu && !page->is_recorded && recording_end_cpu())
        recording_release_cpu();
    struct out trace = {.fd = -1};
    bool was_on;
    if (page->profile == trace_entry && trace_pump_stop(&trace, &was_on))
        out_release(&trace);
    end_wait(page);
}

static const char *reason_of(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 301:
        return "Moved Permanently";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Internal Server Error";
    }
}

void http_pages_head(const struct http_page *page, struct out *head)
{
    out_text(head, "HTTP/1.1 ");
    out_number(head, page->status);
    out_text(head, " ");
    out_text(head, reason_of(page->status));
    out_text(head, "\r\nContent-Type: ");
    out_text(head, page->type);
    out_text(head, "\r\nX-Content-Type-Options: nosniff");
    if (page->is_error)
        out_text(head, "\r\nX-Go-Pprof: 1");
    if (page->status == 405)
        out_text(head, "\r\nAllow: GET");
    if (page->location) {
        out_text(head, "\r\nLocation: ");
        out_text(head, page->location);
    }
    if (page->attached) {
        out_text(head, "\r\nContent-Disposition: attachment; filename=\"");
        for (const char *p = page->attached->name; *p; p++)
            out_put(head, strchr("\"\\", *p) || (unsigned char)*p < ' ' ? "_" : p, 1);
        out_text(head, page->is_delta ? "-delta\"" : "\"");
    }
    out_text(head, "\r\nContent-Length: ");
    out_number(head, (int64_t)page->body.n);
    out_text(head, "\r\nConnection: close\r\n\r\n");
}
