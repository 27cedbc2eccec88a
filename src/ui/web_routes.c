#include "ui/web_routes.h"

#include "page/page.h"

#include <string.h>

enum { GET = 1, CHANGE = 2 };

/* Redirections keep the query; a place NULL is none. */
static const struct route {
    const char *path; /* with "/" at the end: what is behind it is call->name */
    unsigned methods;
    enum web_weight weight;
    void (*answer)(struct web_call *call);
    const char *place;
    unsigned status;
} routes[] = {
    {"/", GET, WEB_LIGHT, NULL, "ui/", 307},
    {"/ui", GET, WEB_LIGHT, NULL, "ui/", 307},
    {"/ui/", GET, WEB_LIGHT, NULL, "flamegraph", 301},
    {"/ui/flamegraph2", GET, WEB_LIGHT, NULL, "flamegraph", 301},
    {"/ui/flamegraphold", GET, WEB_LIGHT, NULL, "flamegraph", 301},
    {"/ui/assets/*", GET, WEB_LIGHT, web_page_asset},
    {"/ui/data/profile", GET, WEB_HEAVY, web_data_meta},
    {"/ui/data/*", GET, WEB_HEAVY, web_data_view},
    {"/ui/download", GET, WEB_HEAVY, web_download_profile},
    {"/ui/download/*", GET, WEB_HEAVY, web_download_report},
    {"/ui/saveconfig", CHANGE, WEB_HEAVY, web_config_save},
    {"/ui/deleteconfig", CHANGE, WEB_HEAVY, web_config_delete},
    {"/ui/refresh", CHANGE, WEB_LONG, web_data_refresh},
    {"/ui/hold", CHANGE, WEB_LIGHT, web_data_hold},
    {"/ui/*", GET, WEB_LIGHT, web_page_shell},
};

/* The first that the path fits; *name becomes what stands for its '*'. */
static const struct route *find(const char *path, const char **name)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        const struct route *r = &routes[i];
        size_t n = strlen(r->path) - 1;
        bool is_open = r->path[n] == '*';
        *name = "";
        if (is_open && !strncmp(path, r->path, n) && path[n] && !strchr(path + n, '/')) {
            *name = path + n;
            return r;
        }
        if (!is_open && !strcmp(path, r->path))
            return r;
    }
    return NULL;
}

static bool is_allowed(const struct route *route, const struct web_request *request)
{
    return route->methods & (request->is_change ? CHANGE : GET);
}

enum web_weight web_routes_weigh(void *arg, const struct web_request *request)
{
    const char *name;
    const struct route *route = find(request->path, &name);
    (void)arg;
    return route && is_allowed(route, request) ? route->weight : WEB_LIGHT;
}

static void redirect(const struct route *route, const struct web_request *request,
                     struct web_response *response)
{
    web_response_text(response, route->status, "it is at %s", route->place);
    buf_puts(&response->place, route->place);
    if (*request->query)
        buf_printf(&response->place, "?%s", request->query);
}

void web_routes_answer(void *arg, const struct web_request *request, struct web_response *response)
{
    struct web_call call = {.site = arg, .request = request, .response = response};
    const struct route *route = find(request->path, &call.name);
    if (!route) {
        web_response_text(response, 404, "there is no such page; the first one is /ui/");
    } else if (!is_allowed(route, request)) {
        web_response_text(response, 405, "this needs %s",
                          route->methods == GET ? "GET" : "POST or DELETE");
        response->allow = route->methods == GET ? "GET, HEAD" : "POST, DELETE";
    } else if (route->place) {
        redirect(route, request, response);
    } else {
        arena_init(&call.arena);
        route->answer(&call);
        arena_release(&call.arena);
    }
}
