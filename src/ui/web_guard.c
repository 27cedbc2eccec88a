#include "ui/web_guard.h"

#include <string.h>

const char *const web_guard_headers[] = {
    /* Only what we serve ourselves, and no code in HTML. */
    "Content-Security-Policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options",
    "nosniff",
    "Referrer-Policy",
    "no-referrer",
    "Cross-Origin-Resource-Policy",
    "same-origin",
    "Cross-Origin-Opener-Policy",
    "same-origin",
    NULL,
};

/* Is `origin` ("http://localhost:8080") the site that `host` is? */
static bool is_same_site(const char *origin, const char *host)
{
    const char *name = strstr(origin, "://");
    return name && (!strncmp(origin, "http:", 5) || !strncmp(origin, "https:", 6)) &&
           !strcmp(name + 3, host);
}

/* What the browser says counts; behind a proxy it may know the page by another name than
 * we do. */
static bool is_own_page(const struct web_origin *from)
{
    if (from->fetch_site)
        return !strcmp(from->fetch_site, "same-origin") || !strcmp(from->fetch_site, "none");
    return !from->origin || is_same_site(from->origin, from->host);
}

/* Is it loaded by another site's page, as a picture, a script or by fetch?  Such a page can read
 * nothing, but keep us busy, and tell times.  Links that lead here are followed. */
static bool is_embedded(const struct web_origin *from)
{
    return from->fetch_site && from->fetch_mode && strcmp(from->fetch_mode, "navigate") != 0 &&
           !is_own_page(from);
}

/* In a time that does not tell how much of it is right. */
static bool is_token(const char *text, const char *token)
{
    size_t n = strlen(token);
    if (!text || strlen(text) != n)
        return false;
    unsigned char wrong = 0;
    for (size_t i = 0; i < n; i++)
        wrong |= (unsigned char)(text[i] ^ token[i]);
    return !wrong;
}

unsigned web_guard_check(const struct web_address *address, const struct web_origin *from,
                         const char *token, const char **why)
{
    if (!from->host || !web_address_allows(address, from->host)) {
        *why = "this name is not one that the page is served under";
        return from->host ? 403 : 400;
    }
    if (!strcmp(from->method, "GET") || !strcmp(from->method, "HEAD")) {
        if (is_embedded(from))
            *why = "another site may load nothing from here";
        return is_embedded(from) ? 403 : 0;
    }
    if (strcmp(from->method, "POST") != 0 && strcmp(from->method, "DELETE") != 0) {
        *why = "methods are GET, HEAD, POST and DELETE";
        return 405;
    }
    if (!is_own_page(from)) {
        *why = "another site may change nothing here";
        return 403;
    }
    if (!is_token(from->token, token)) {
        *why = "changes need the header X-Sonde-Token with the token of ./data/profile";
        return 403;
    }
    return 0;
}
