#include "ui/http.h"

#include "base/reader.h"
#include "base/str.h"

#include <ctype.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define REDIRECTS_MAX 10L
#define PATIENCE_S 5 /* more than the timeout, as pprof */
#define ERROR_BODY_MAX 512

/* libcurl's interface, as far as it is used; the numbers are part of its ABI. */
typedef void CURL;
enum {
    OPT_WRITEDATA = 10001,
    OPT_URL = 10002,
    OPT_PROXY = 10004,
    OPT_ERRORBUFFER = 10010,
    OPT_WRITEFUNCTION = 20011,
    OPT_POSTFIELDS = 10015,
    OPT_USERAGENT = 10018,
    OPT_HTTPHEADER = 10023,
    OPT_SSLCERT = 10025,
    OPT_HEADERDATA = 10029,
    OPT_NOPROGRESS = 43,
    OPT_FOLLOWLOCATION = 52,
    OPT_XFERINFODATA = 10057,
    OPT_SSL_VERIFYPEER = 64,
    OPT_CAINFO = 10065,
    OPT_MAXREDIRS = 68,
    OPT_HEADERFUNCTION = 20079,
    OPT_SSL_VERIFYHOST = 81,
    OPT_HTTP_VERSION = 84,
    OPT_SSLKEY = 10087,
    OPT_NOSIGNAL = 99,
    OPT_POSTFIELDSIZE_LARGE = 30120,
    OPT_PROTOCOLS = 181,
    OPT_XFERINFOFUNCTION = 20219,
    OPT_UNIX_SOCKET_PATH = 10231,
};
enum { GLOBAL_ALL = 3, HTTP_VERSION_1_1 = 2, PROTO_HTTP_HTTPS = 3 };
enum { E_PARTIAL_FILE = 18, E_TOO_MANY_REDIRECTS = 47, E_PEER_UNVERIFIED = 60 };
#define CURL_ERROR_SIZE 256

static struct {
    pthread_once_t once;
    bool is_there;
    int (*global_init)(long);
    CURL *(*init)(void);
    int (*setopt)(CURL *, int, ...);
    int (*perform)(CURL *);
    void (*cleanup)(CURL *);
    const char *(*strerror)(int);
    void *(*slist_append)(void *, const char *);
    void (*slist_free_all)(void *);
} curl = {.once = PTHREAD_ONCE_INIT};

/* It brings dozens of libraries: only who uses it shall pay for it. */
static void load(void)
{
    void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        handle = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return;
    *(void **)&curl.global_init = dlsym(handle, "curl_global_init");
    *(void **)&curl.init = dlsym(handle, "curl_easy_init");
    *(void **)&curl.setopt = dlsym(handle, "curl_easy_setopt");
    *(void **)&curl.perform = dlsym(handle, "curl_easy_perform");
    *(void **)&curl.cleanup = dlsym(handle, "curl_easy_cleanup");
    *(void **)&curl.strerror = dlsym(handle, "curl_easy_strerror");
    *(void **)&curl.slist_append = dlsym(handle, "curl_slist_append");
    *(void **)&curl.slist_free_all = dlsym(handle, "curl_slist_free_all");
    curl.is_there = curl.global_init && curl.init && curl.setopt && curl.perform && curl.cleanup &&
                    curl.strerror && curl.slist_append && curl.slist_free_all &&
                    curl.global_init(GLOBAL_ALL) == 0;
}

struct transfer {
    const struct http_request *request;
    struct buf *body;
    size_t first; /* what was in *body before */
    uint64_t most_bytes;
    time_t last_s; /* when something came last */
    int patience_s;
    bool has_answer, is_too_large, is_hanging, is_stopped;
    int64_t last_bytes;
    char status[128]; /* "404 Not Found" */
    bool is_pprof, is_text;
};

static time_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
    struct transfer *t = arg;
    t->is_too_large = t->body->len - t->first + n > t->most_bytes;
    if (t->is_too_large)
        return 0;
    buf_add(t->body, data, n);
    return t->body->failed ? 0 : one * n;
}

/* Does the header line have this name?  Then its value is where it begins. */
static const char *header_value(const char *line, const char *name)
{
    size_t n = strlen(name);
    if (strncasecmp(line, name, n) != 0 || line[n] != ':')
        return NULL;
    return line + n + 1 + strspn(line + n + 1, " \t");
}

static size_t on_header(char *data, size_t one, size_t n, void *arg)
{
    struct transfer *t = arg;
    char line[512];
    snprintf(line, sizeof line, "%.*s", (int)(n < sizeof line ? n : sizeof line - 1), data);
    line[strcspn(line, "\r\n")] = '\0';
    t->last_s = now_s();
    if (!strncmp(line, "HTTP/", 5)) { /* a new answer: the last one was a redirect */
        const char *status = line + strcspn(line, " ");
        snprintf(t->status, sizeof t->status, "%s", status + strspn(status, " "));
        t->is_pprof = t->is_text = false;
        t->body->len = t->first;
        t->has_answer = true;
    }
    const char *value = header_value(line, "X-Go-Pprof");
    if (value && *value)
        t->is_pprof = true;
    value = header_value(line, "Content-Type");
    if (value && strstr(value, "text/plain"))
        t->is_text = true;
    value = header_value(line, "Content-Length");
    if (value && strtoull(value, NULL, 10) > t->most_bytes) {
        t->is_too_large = true;
        return 0;
    }
    return one * n;
}

/* Called about every second. */
static int on_progress(void *arg, int64_t n_expected, int64_t n, int64_t n_post, int64_t n_posted)
{
    struct transfer *t = arg;
    (void)n_expected, (void)n_post;
    if (n + n_posted != t->last_bytes)
        t->last_s = now_s();
    t->last_bytes = n + n_posted;
    t->is_hanging = now_s() - t->last_s > t->patience_s;
    t->is_stopped = t->request->stop && t->request->stop(t->request->stop_arg);
    return t->is_hanging || t->is_stopped;
}

static bool is_set(const char *s)
{
    return s && *s;
}

bool http_check(const struct http_options *o, struct err *err)
{
    const char *const files[] = {o->tls_cert, o->tls_key, o->tls_ca};
    static const char *const names[] = {"-tls_cert", "-tls_key", "-tls_ca"};
    if (is_set(o->tls_cert) != is_set(o->tls_key))
        return err_set(err, ERR_USAGE, "%s is given, so %s must also be given",
                       is_set(o->tls_cert) ? "-tls_cert" : "-tls_key",
                       is_set(o->tls_cert) ? "-tls_key" : "-tls_cert");
    for (size_t i = 0; i < 3; i++)
        if (is_set(files[i]) && access(files[i], R_OK) != 0)
            return err_set(err, ERR_USAGE, "cannot read '%s' of %s", files[i], names[i]);
    return true;
}

static bool is_loopback(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t n = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', n);
    if (at) {
        n -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    if (n && *host == '[')
        return n >= 5 && !strncmp(host, "[::1]", 5);
    size_t n_name = strcspn(host, ":");
    n = n_name < n ? n_name : n;
    return (n == 9 && !strncasecmp(host, "localhost", 9)) || (n > 4 && !strncmp(host, "127.", 4));
}

/* As Go has it, and curl has not: none for this machine, HTTP_PROXY too (though not
 * where it may come from a header of the request that a CGI program serves). */
static void set_proxy(CURL *c, const char *url)
{
    const char *lower = getenv("http_proxy"), *upper = getenv("HTTP_PROXY");
    if (is_loopback(url))
        curl.setopt(c, OPT_PROXY, "");
    else if (!is_set(lower) && is_set(upper) && !getenv("REQUEST_METHOD") &&
             !strncasecmp(url, "http:", 5))
        curl.setopt(c, OPT_PROXY, upper);
}

static void set_up(CURL *c, const struct http_request *r, struct transfer *t, const char *url,
                   char *why)
{
    curl.setopt(c, OPT_URL, url);
    curl.setopt(c, OPT_PROTOCOLS, (long)PROTO_HTTP_HTTPS);
    curl.setopt(c, OPT_HTTP_VERSION, (long)HTTP_VERSION_1_1); /* has the status in words */
    curl.setopt(c, OPT_USERAGENT, "sonde/" SONDE_VERSION);
    curl.setopt(c, OPT_NOSIGNAL, 1L);
    curl.setopt(c, OPT_FOLLOWLOCATION, 1L);
    curl.setopt(c, OPT_MAXREDIRS, REDIRECTS_MAX);
    curl.setopt(c, OPT_ERRORBUFFER, why);
    curl.setopt(c, OPT_WRITEFUNCTION, on_body);
    curl.setopt(c, OPT_WRITEDATA, t);
    curl.setopt(c, OPT_HEADERFUNCTION, on_header);
    curl.setopt(c, OPT_HEADERDATA, t);
    curl.setopt(c, OPT_XFERINFOFUNCTION, on_progress);
    curl.setopt(c, OPT_XFERINFODATA, t);
    curl.setopt(c, OPT_NOPROGRESS, 0L);
    set_proxy(c, url);
    if (is_set(r->socket))
        curl.setopt(c, OPT_UNIX_SOCKET_PATH, r->socket);
    if (url != r->url) {
        curl.setopt(c, OPT_SSL_VERIFYPEER, 0L);
        curl.setopt(c, OPT_SSL_VERIFYHOST, 0L);
    }
    if (is_set(r->options->tls_cert)) {
        curl.setopt(c, OPT_SSLCERT, r->options->tls_cert);
        curl.setopt(c, OPT_SSLKEY, r->options->tls_key);
    }
    if (is_set(r->options->tls_ca))
        curl.setopt(c, OPT_CAINFO, r->options->tls_ca);
    if (r->post) {
        curl.setopt(c, OPT_POSTFIELDSIZE_LARGE, (int64_t)strlen(r->post));
        curl.setopt(c, OPT_POSTFIELDS, r->post);
    }
}

/* Why curl gave up.  What it says of its address is of a connection that is gone already, in
 * place of what ended it. */
static const char *reason(int rc, const char *why)
{
    if (strstr(why, "alert certificate required"))
        return "the server wants a certificate (see -tls_cert)";
    return *why && !str_has_prefix(str_of(why), STR("getpeername()")) ? why : curl.strerror(rc);
}

/* What became of it. */
static bool judge(int rc, struct transfer *t, const char *why, struct err *err)
{
    if (t->body->failed)
        return err_nomem(err);
    if (t->is_too_large)
        return err_set(err, ERR_INPUT, "the answer is larger than %" PRIu64 " MB",
                       t->most_bytes >> 20);
    if (t->is_stopped && !t->has_answer)
        return err_set(err, ERR_IO, "stopped before there was an answer");
    if (t->is_hanging)
        return err_set(err, ERR_IO, "timeout: %s for %d seconds%s",
                       t->has_answer ? "the server sent nothing" : "no answer", t->patience_s,
                       t->has_answer ? "" : " (see -timeout)");
    if (rc == E_TOO_MANY_REDIRECTS)
        return err_set(err, ERR_IO, "stopped after %ld redirects", REDIRECTS_MAX);
    if (rc == E_PARTIAL_FILE)
        return err_set(err, ERR_IO, "the server ended the connection after %zu bytes",
                       t->body->len - t->first);
    if (rc != 0 && !t->is_stopped)
        return err_set(err, ERR_IO, "%s%s", reason(rc, why),
                       rc == E_PEER_UNVERIFIED ? " (see -tls_ca; https+insecure: needs none)" : "");
    if (!strncmp(t->status, "200", 3))
        return true;
    struct str body = {t->body->data + t->first, t->body->len - t->first};
    while (body.len && isspace((unsigned char)body.p[body.len - 1]))
        body.len--;
    if (body.len > ERROR_BODY_MAX)
        body.len = ERROR_BODY_MAX;
    if (t->is_pprof && t->is_text && body.len)
        return err_set(err, ERR_IO, "server response: %s - %.*s", t->status, (int)body.len, body.p);
    return err_set(err, ERR_IO, "server response: %s", t->status);
}

static bool transfer(CURL *c, const struct http_request *r, struct buf *body, struct err *err)
{
    static const char insecure[] = "https+insecure:";
    char why[CURL_ERROR_SIZE] = "";
    struct transfer t = {.request = r,
                         .body = body,
                         .first = body->len,
                         .most_bytes = file_most_bytes(),
                         .last_s = now_s(),
                         .patience_s = r->timeout_seconds + PATIENCE_S};
    AUTO_BUF secure = {0};
    const char *url = r->url;
    if (!strncasecmp(url, insecure, sizeof insecure - 1)) {
        buf_printf(&secure, "https:%s", url + sizeof insecure - 1);
        url = buf_str(&secure);
    }
    void *headers =
        r->post ? curl.slist_append(NULL, "Content-Type: application/octet-stream") : NULL;
    set_up(c, r, &t, url, why);
    if (headers)
        curl.setopt(c, OPT_HTTPHEADER, headers);
    int rc = curl.perform(c);
    curl.slist_free_all(headers);
    bool ok = judge(rc, &t, why, err);
    if (!ok && !r->keeps_part)
        body->len = t.first;
    return ok;
}

bool http_ask(const struct http_request *r, struct buf *body, struct err *err)
{
    sigset_t pipe, old;
    pthread_once(&curl.once, load);
    if (!curl.is_there)
        return err_set(err, ERR_UNSUPPORTED,
                       "libcurl.so.4 is not installed (Debian: apt install libcurl4)");
    CURL *c = curl.init();
    if (!c)
        return err_nomem(err);
    /* TLS libraries write to sockets that may be closed. */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &old);
    bool ok = transfer(c, r, body, err);
    curl.cleanup(c);
    if (!sigismember(&old, SIGPIPE)) {
        static const struct timespec none;
        while (sigtimedwait(&pipe, NULL, &none) > 0)
            ;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ok;
}
