#include "ui/web_shell.h"

#include "render/html.h"
#include "ui/web_assets.h"

#include <stdio.h>
#include <string.h>

static const struct web_asset *find_asset(const char *name)
{
    for (const struct web_asset *a = web_assets; a->name; a++)
        if (!strcmp(a->name, name))
            return a;
    return NULL;
}

/* The address changes with the content, so that nobody sees an old one. */
static void put_asset(struct buf *out, const char *before, const char *name, const char *after)
{
    const struct web_asset *asset = find_asset(name);
    if (asset)
        buf_printf(out, "%s./assets/%s?v=%s%s\n", before, name, asset->hash, after);
}

void web_shell_write(struct web_response *response, const char *name, struct str title,
                     const char *without)
{
    AUTO_BUF css = {0}, js = {0};
    struct buf *out = &response->body;
    buf_printf(&css, "%s.css", name);
    buf_printf(&js, "%s.js", name);
    buf_puts(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    html_text(out, title);
    buf_puts(out, "</title>\n<link rel=\"icon\" href=\"data:,\">\n");
    put_asset(out, "<link rel=\"stylesheet\" href=\"", buf_str(&css), "\">");
    put_asset(out, "<script defer src=\"", buf_str(&js), "\"></script>");
    buf_printf(out,
               "</head>\n<body>\n<div id=\"app\"></div>\n<noscript>This page needs JavaScript. "
               "%s</noscript>\n</body>\n</html>\n",
               without);
    response->type = "text/html; charset=utf-8";
}

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".txt", "text/plain; charset=utf-8"},
    };
    const char *ext = strrchr(name, '.');
    for (size_t i = 0; ext && i < sizeof types / sizeof *types; i++)
        if (!strcmp(ext, types[i][0]))
            return types[i][1];
    return "application/octet-stream";
}

void web_shell_asset(struct web_call *call)
{
    struct web_response *response = call->response;
    const struct web_asset *asset = find_asset(call->name);
    if (!asset) {
        web_response_text(response, 404, "there is no such file");
        return;
    }
    response->gzip = (struct str){asset->gzip, asset->n};
    response->type = type_of(asset->name);
    snprintf(response->etag, sizeof response->etag, "\"%s\"", asset->hash);
    const char *v = strstr(call->request->query, "v=");
    response->is_lasting = v && !strcmp(v + 2, asset->hash);
}
