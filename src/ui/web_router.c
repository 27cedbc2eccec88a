#include "ui/web_router.h"

#include <string.h>

/* The first that the path fits; *name becomes what stands for its '*'. */
static const struct web_route *find(const struct web_router *router, const char *path,
                                    const char **name)
{
    for (const struct web_route *r = router->routes; r->path; r++) {
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

static bool is_allowed(const struct web_route *route, const struct web_request *request)
{
    return route->methods & (request->is_change ? WEB_CHANGE : WEB_GET);
}

enum web_weight web_router_weigh(void *arg, const struct web_request *request)
{
    const char *name;
    const struct web_route *route = find(arg, request->path, &name);
    return route && is_allowed(route, request) ? route->weight : WEB_LIGHT;
}

static void redirect(const struct web_route *route, const struct web_request *request,
                     struct web_response *response)
{
    web_response_text(response, route->status, "it is at %s", route->place);
    buf_puts(&response->place, route->place);
    if (*request->query)
        buf_printf(&response->place, "?%s", request->query);
}

void web_router_answer(void *arg, const struct web_request *request, struct web_response *response)
{
    const struct web_router *router = arg;
    struct web_call call = {.context = router->context, .request = request, .response = response};
    const struct web_route *route = find(router, request->path, &call.name);
    if (!route) {
        web_response_text(response, 404, "there is no such page; the first one is %s",
                          router->first);
    } else if (!is_allowed(route, request)) {
        web_response_text(response, 405, "this needs %s",
                          route->methods == WEB_GET ? "GET" : "POST or DELETE");
        response->allow = route->methods == WEB_GET ? "GET, HEAD" : "POST, DELETE";
    } else if (route->place) {
        redirect(route, request, response);
    } else {
        arena_init(&call.arena);
        route->answer(&call);
        arena_release(&call.arena);
    }
}
