#include "ui/url.h"

#include "base/str.h"
#include "base/vec.h"
#include "ui/percent.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_PATH "/debug/pprof/profile"
#define DEFAULT_TIMEOUT_S 60

/* The parts of scheme://authority/path?query#fragment. */
struct parts {
    struct str scheme, authority, path, query;
};

static struct str cut(const char *begin, const char *end)
{
    return (struct str){begin, (size_t)(end - begin)};
}

/* Length of the scheme before its colon; 0: there is none. */
static size_t scheme_length(const char *s)
{
    size_t n = 0;
    if (!isalpha((unsigned char)s[0]))
        return 0;
    while (isalnum((unsigned char)s[n]) || (s[n] && strchr("+-.", s[n])))
        n++;
    return s[n] == ':' ? n : 0;
}

static bool is_port(struct str authority)
{
    const char *end = authority.p + authority.len, *p = end;
    while (p > authority.p && isdigit((unsigned char)p[-1]))
        p--;
    /* "host", "host:80", "[::1]:80" */
    const char *colon = memrchr(authority.p, ':', authority.len);
    const char *bracket = memrchr(authority.p, ']', authority.len);
    return !colon || (bracket && bracket > colon) || p == colon + 1;
}

static bool has_host(struct str authority)
{
    const char *at = memrchr(authority.p, '@', authority.len);
    const char *end = authority.p + authority.len, *host = at ? at + 1 : authority.p;
    return host < end && *host != ':' && is_port(cut(host, end));
}

/* A URL with a host.  False: it is none. */
static bool split(const char *s, struct parts *parts)
{
    size_t n = scheme_length(s);
    if (!n || strncmp(s + n, "://", 3) != 0)
        return false;
    const char *authority = s + n + 3, *path = authority + strcspn(authority, "/?#"),
               *query = path + strcspn(path, "?#"), *fragment = query + strcspn(query, "#");
    for (const char *p = s; p < fragment; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    *parts = (struct parts){cut(s, s + n), cut(authority, path), cut(path, query),
                            cut(query + (*query == '?'), fragment)};
    return has_host(parts->authority);
}

/* A parameter of a query, decoded. */
struct parameter {
    char *name, *value;
    size_t place; /* in the query */
};

/* NULL: no such text, or no memory. */
static char *unescape(struct str s)
{
    struct buf out = {0};
    if (percent_decode(&out, s) && !out.failed)
        return out.data ? out.data : strdup("");
    buf_release(&out);
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    const struct parameter *l = a, *r = b;
    int c = strcmp(l->name, r->name);
    return c ? c : l->place < r->place ? -1 : 1;
}

/* The parameters again, sorted by name, with `seconds` (0: as it is).  Those that are
 * not well-formed go.  Sets url->seconds. */
static void add_query(struct url *url, struct str query, int seconds)
{
    VEC(struct parameter) all = {0};
    char number[16];
    for (size_t i = 0; i < query.len;) {
        const char *p = query.p + i, *end = memchr(p, '&', query.len - i);
        end = end ? end : query.p + query.len;
        i = (size_t)(end - query.p) + 1;
        if (end == p || memchr(p, ';', (size_t)(end - p)))
            continue;
        const char *equals = memchr(p, '=', (size_t)(end - p));
        struct parameter one = {unescape(cut(p, equals ? equals : end)),
                                unescape(cut(equals ? equals + 1 : end, end)), all.n};
        bool replaced = seconds > 0 && one.name && !strcmp(one.name, "seconds");
        if (!one.name || !one.value || replaced || !vec_push(&all, one)) {
            free(one.name);
            free(one.value);
        }
    }
    if (seconds > 0) {
        snprintf(number, sizeof number, "%d", seconds);
        struct parameter one = {strdup("seconds"), strdup(number), all.n};
        if (!one.name || !one.value || !vec_push(&all, one)) {
            free(one.name);
            free(one.value);
            url->text.failed = true;
        }
    }
    if (all.n > 1)
        qsort(all.items, all.n, sizeof *all.items, by_name);
    for (size_t i = 0; i < all.n; i++) {
        struct parameter *one = &all.items[i];
        buf_putc(&url->text, i ? '&' : '?');
        percent_encode(&url->text, str_of(one->name));
        buf_putc(&url->text, '=');
        percent_encode(&url->text, str_of(one->value));
        if (!strcmp(one->name, "seconds") && !url->seconds) {
            char *end;
            long v = strtol(one->value, &end, 10);
            url->seconds = *end || v <= 0 || v > INT_MAX / 2 ? 0 : (int)v;
        }
        free(one->name);
        free(one->value);
    }
    vec_release(&all);
}

/* "unix:/run/x.sock/debug/pprof/heap": the socket is the longest beginning that is one.
 * Where the path in the URL begins; NULL: there is no socket. */
static const char *find_socket(const char *path, struct buf *socket)
{
    for (size_t n = strlen(path); n > 0; n--) {
        struct stat st;
        if (path[n] && path[n] != '/')
            continue;
        buf_clear(socket);
        buf_add(socket, path, n);
        if (stat(buf_str(socket), &st) == 0 && S_ISSOCK(st.st_mode))
            return path + n;
    }
    buf_clear(socket);
    return NULL;
}

bool url_of_source(struct url *url, const char *source, int seconds, int timeout_seconds)
{
    AUTO_BUF text = {0};
    struct parts parts;
    *url = (struct url){.timeout_seconds = timeout_seconds};
    bool is_unix = !strncmp(source, "unix:", 5);
    const char *rest = is_unix ? find_socket(source + 5, &url->socket) : NULL;
    if (is_unix && !rest)
        return false;
    if (rest)
        buf_printf(&text, "http://localhost%s", rest);
    else
        buf_puts(&text, source);
    if (text.failed || !split(buf_str(&text), &parts)) {
        /* pprof: a name that is not of the form of a file, or has a colon in front of
         * its first slash, is a host */
        size_t n = strcspn(source, "/");
        bool is_host =
            memchr(source, ':', n) && strncmp(source, "file:", 5) != 0 && !strstr(source, "://");
        buf_clear(&text);
        buf_printf(&text, "http://%s", source);
        if (!is_host || text.failed || !split(buf_str(&text), &parts))
            return false;
    }
    buf_add(&url->text, parts.scheme.p, parts.scheme.len);
    buf_puts(&url->text, "://");
    buf_add(&url->text, parts.authority.p, parts.authority.len);
    if (parts.path.len <= 1)
        parts.path = STR(DEFAULT_PATH);
    buf_add(&url->text, parts.path.p, parts.path.len);
    add_query(url, parts.query, seconds);
    if (url->timeout_seconds <= 0)
        url->timeout_seconds = url->seconds ? url->seconds + url->seconds / 2 : DEFAULT_TIMEOUT_S;
    return !url->text.failed;
}

void url_release(struct url *url)
{
    buf_release(&url->text);
    buf_release(&url->socket);
}

static bool ends_with(struct str s, const char *end)
{
    size_t n = strlen(end);
    return s.len >= n && !memcmp(s.p + s.len - n, end, n);
}

bool url_of_symbols(const char *url, struct buf *out)
{
    /* the paths of gperftools */
    static const char *const known[] = {"/pprof/heap", "/pprof/growth", "/pprof/profile",
                                        "/pprof/pmuprofile", "/pprof/contention"};
    struct parts parts;
    if (!split(url, &parts))
        return false;
    bool is_symbol = memmem(parts.path.p, parts.path.len, "/debug/pprof/", 13) != NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        is_symbol |= ends_with(parts.path, known[i]);
    while (parts.path.len > 1 && parts.path.p[parts.path.len - 1] == '/')
        parts.path.len--;
    const char *last = memrchr(parts.path.p, '/', parts.path.len);
    buf_add(out, url, (size_t)(parts.path.p - url));
    if (last)
        buf_add(out, parts.path.p, (size_t)(last - parts.path.p));
    buf_puts(out, is_symbol ? "/symbol" : "/symbolz");
    return !out->failed;
}
