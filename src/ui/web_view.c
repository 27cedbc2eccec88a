#include "ui/web_view.h"

#include <stdlib.h>

#define WIDTH_MAX 100000

/* A parameter that is a number; 0: it is not given. */
static bool get_number(const struct web_query *query, const char *key, unsigned long most,
                       unsigned *number, struct err *err)
{
    const char *text = web_query_get(query, key);
    char *end;
    *number = 0;
    if (!text)
        return true;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || n > most)
        return err_set(err, ERR_USAGE, "'%.32s' is no value for the parameter %s", text, key);
    *number = (unsigned)n;
    return true;
}

/* The moment that `key` names. */
static bool get_moment(const struct web_view *view, const char *key,
                       const struct web_moment **moment, struct err *err)
{
    unsigned id;
    if (!get_number(&view->query, key, UINT32_MAX, &id, err))
        return false;
    *moment = web_session_find(&view->pins, id);
    return *moment || err_set(err, ERR_USAGE, "there is no moment %u any more", id);
}

bool web_view_begin(struct web_view *view, struct web_call *call, struct err *err)
{
    const struct web_moment *base = NULL;
    unsigned width;
    *view = (struct web_view){.options = web_site(call)->request->options};
    struct web_query *query = &view->query;
    diag_init(&view->diag);
    if (!web_query_parse(query, call->request->query, &call->arena, err) ||
        !web_query_options(query, &view->options, err) ||
        !get_number(query, "w", WIDTH_MAX, &width, err) ||
        !web_session_pin(web_site(call)->session, &view->pins, err) ||
        !get_moment(view, "m", &view->moment, err) ||
        (web_query_get(query, "b") && !get_moment(view, "b", &base, err)))
        return false;
    view->page = (struct page_ctx){
        .report = {.profile = view->moment->page.profile,
                   .options = &view->options,
                   .diag = &view->diag,
                   .cache = view->moment->page.cache},
        .pivot = web_query_get(query, "p"),
        .zoom = web_query_get(query, "z"),
        .by = web_query_get(query, "by"),
        .search = web_query_get(query, "q"),
        .base = base ? &base->page : NULL,
        .moments = view->pins.pages,
        .n_moments = view->pins.n_pages,
        .width = width,
    };
    return true;
}

void web_view_end(struct web_view *view, struct web_call *call)
{
    web_session_unpin(web_site(call)->session, &view->pins);
    diag_release(&view->diag);
}
