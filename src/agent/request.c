#include "agent/request.h"

#include <string.h>
#include <strings.h>

#define STATUS_BAD 400

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

/* Decodes `n` bytes in place or to a place in front, NUL behind it; false: bad %XX, or a
 * NUL in it.  `plus` is a blank in queries. */
static bool decode(const char *from, size_t n, char *to, bool is_query)
{
    for (size_t i = 0; i < n; i++) {
        char c = from[i];
        if (c == '%') {
            int high = i + 2 < n ? hex_digit(from[i + 1]) : -1;
            int low = i + 2 < n ? hex_digit(from[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        if (!c)
            return false;
        *to++ = c;
    }
    *to = '\0';
    return true;
}

static bool is_token(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] <= ' ' || p[i] >= 127 || strchr("\"(),/:;<=>?@[\\]{}", p[i]))
            return false;
    return n > 0;
}

static int parse_line(char *line, struct request *r)
{
    char *target = strchr(line, ' '), *version = target ? strchr(target + 1, ' ') : NULL;
    if (!version || !is_token(line, (size_t)(target - line)))
        return STATUS_BAD;
    *target++ = '\0';
    *version++ = '\0';
    if (strcmp(version, "HTTP/1.1") == 0)
        r->needs_host = true;
    else if (strcmp(version, "HTTP/1.0") != 0)
        return strncmp(version, "HTTP/", 5) == 0 ? 505 : STATUS_BAD;
    r->method = strcmp(line, "GET") == 0    ? REQUEST_GET
                : strcmp(line, "POST") == 0 ? REQUEST_POST
                                            : REQUEST_OTHER;
    if (strncasecmp(target, "http://", 7) == 0) { /* as a proxy is asked */
        target = strchr(target + 7, '/');
        if (!target)
            return STATUS_BAD;
    }
    for (const char *p = target; *p; p++)
        if (*p <= ' ' || *p == 127)
            return STATUS_BAD;
    char *query = strchr(target, '?');
    if (query)
        *query++ = '\0';
    r->query = query ? query : "";
    r->path = target;
    return *target == '/' && decode(target, strlen(target), target, false) ? REQUEST_COMPLETE
                                                                           : STATUS_BAD;
}

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    size_t n = strlen(text);
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        text[--n] = '\0';
    return text;
}

static int parse_field(char *line, struct request *r, bool *has_length)
{
    char *colon = strchr(line, ':');
    if (!colon || !is_token(line, (size_t)(colon - line)))
        return STATUS_BAD;
    *colon = '\0';
    char *value = trim(colon + 1);
    if (strcasecmp(line, "Host") == 0) {
        if (r->host)
            return STATUS_BAD;
        r->host = value;
    } else if (strcasecmp(line, "Content-Length") == 0) {
        int64_t n;
        if (*has_length || *value < '0' || *value > '9' || !request_number(value, &n))
            return STATUS_BAD;
        *has_length = true;
        r->n_body = n <= REQUEST_BODY_MAX ? (size_t)n : REQUEST_BODY_MAX + 1;
    } else if (strcasecmp(line, "Transfer-Encoding") == 0) {
        return 501;
    }
    return REQUEST_COMPLETE;
}

/* The bytes up to the empty line and with it; 0: it is not there. */
static size_t head_size(const char *bytes, size_t n)
{
    for (const char *p = bytes; (p = memchr(p, '\n', n - (size_t)(p - bytes))); p++) {
        size_t left = n - (size_t)(p + 1 - bytes);
        if (left >= 1 && p[1] == '\n')
            return (size_t)(p + 2 - bytes);
        if (left >= 2 && p[1] == '\r' && p[2] == '\n')
            return (size_t)(p + 3 - bytes);
    }
    return 0;
}

int request_parse(char *bytes, size_t n, struct request *r)
{
    bool has_length = false;
    *r = (struct request){.n_head = head_size(bytes, n < REQUEST_HEAD_MAX ? n : REQUEST_HEAD_MAX)};
    if (!r->n_head)
        return n >= REQUEST_HEAD_MAX ? 431 : 0;
    if (memchr(bytes, '\0', r->n_head))
        return STATUS_BAD;
    bool is_first = true;
    for (char *line = bytes, *end; line < bytes + r->n_head; line = end + 1, is_first = false) {
        end = memchr(line, '\n', r->n_head - (size_t)(line - bytes));
        *end = '\0';
        if (end > line && end[-1] == '\r')
            end[-1] = '\0';
        if (!*line)
            break;
        int status = is_first ? parse_line(line, r) : parse_field(line, r, &has_length);
        if (status != REQUEST_COMPLETE)
            return status;
    }
    if (!r->path || (r->needs_host && !r->host))
        return STATUS_BAD;
    return r->n_body > REQUEST_BODY_MAX ? 413 : REQUEST_COMPLETE;
}

void request_param(const char *query, const char *key, char *to, size_t size)
{
    *to = '\0';
    for (const char *p = query, *end; *p; p = *end ? end + 1 : end) {
        end = p + strcspn(p, "&");
        size_t n_key = strcspn(p, "=&"), n = (size_t)(end - p);
        if (memchr(p, ';', n) || n_key != strlen(key) || memcmp(p, key, n_key) != 0)
            continue;
        const char *value = n_key < n ? p + n_key + 1 : end;
        if ((size_t)(end - value) < size && !decode(value, (size_t)(end - value), to, true))
            *to = '\0';
        return;
    }
}

bool request_number(const char *text, int64_t *number)
{
    bool is_negative = *text == '-';
    uint64_t v = 0;
    text += *text == '-' || *text == '+';
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || v > (INT64_MAX - 9) / 10)
            return false;
        v = v * 10 + (uint64_t)(*text - '0');
    }
    *number = is_negative ? -(int64_t)v : (int64_t)v;
    return true;
}

/* Four numbers below 256, without zeros in front. */
static bool is_four(const char *p)
{
    for (int i = 0; i < 4; i++) {
        int v = 0, n = 0;
        for (; *p >= '0' && *p <= '9' && n < 3; p++, n++)
            v = v * 10 + (*p - '0');
        if (n == 0 || v > 255 || (n > 1 && p[-n] == '0') || *p++ != (i < 3 ? '.' : '\0'))
            return false;
    }
    return true;
}

/* Eight groups of hexadecimal digits, of which some may be left out once, or six and an
 * address of the older kind. */
static bool is_six_groups(const char *p)
{
    int n = 0;
    bool has_gap = p[0] == ':' && p[1] == ':';
    if (has_gap)
        p += 2;
    while (*p) {
        size_t n_digits = strspn(p, "0123456789abcdefABCDEF");
        if (p[n_digits] == '.')
            return is_four(p) && (has_gap ? n <= 5 : n == 6);
        if (n_digits == 0 || n_digits > 4 || ++n > 8)
            return false;
        p += n_digits;
        if (!*p)
            break;
        if (*p++ != ':' || !*p)
            return false;
        if (*p == ':') {
            if (has_gap)
                return false;
            has_gap = true;
            p++;
        }
    }
    return has_gap ? n < 8 : n == 8;
}

bool request_host_is_local(const char *host)
{
    char name[256];
    bool is_six = *host == '[';
    size_t n = is_six ? strcspn(host, "]") : strcspn(host, ":");
    const char *rest = host + n + (is_six && host[n] ? 1 : 0);
    if (n >= sizeof name || (is_six && host[n] != ']') || (*rest && *rest != ':') ||
        rest[*rest == ':' ? 1 + strspn(rest + 1, "0123456789") : 0])
        return false;
    host += is_six;
    n -= is_six;
    memcpy(name, host, n);
    name[n] = '\0';
    if (is_six)
        return is_six_groups(name);
    if (is_four(name))
        return true;
    if (n && name[n - 1] == '.')
        name[--n] = '\0';
    static const char local[] = "localhost";
    size_t n_local = sizeof local - 1;
    return n >= n_local && strcasecmp(name + n - n_local, local) == 0 &&
           (n == n_local || name[n - n_local - 1] == '.');
}
