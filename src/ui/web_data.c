/* The answers of ./data/..., as src/web/data.ts has them. */
#include "render/json.h"
#include "report/answer.h"
#include "report/report_run.h"
#include "ui/web_answer.h"
#include "ui/web_config.h"
#include "ui/web_download.h"
#include "ui/web_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LIKELY_BYTES ((size_t)512 << 10) /* most answers are smaller: room that need not grow */

/* All that an answer depends on. */
static void make_key(struct buf *key, const struct web_call *call, const struct web_view *view)
{
    const struct web_moment *newest = web_session_find(&view->pins, 0);
    buf_printf(key, "%s?%s %u %u %zu", call->name, call->request->query, view->moment->id,
               newest->id, view->pins.n);
}

void web_data_view(struct web_call *call)
{
    struct err err = {0};
    struct web_view view;
    struct json j = {.out = &call->response->body};
    const struct page_ops *page = page_find(call->name);
    if (!page) {
        web_answer_error(call->response, 404, "there is no such view");
        return;
    }
    AUTO_BUF key = {0};
    bool ok = web_view_begin(&view, call, &err);
    if (ok) {
        make_key(&key, call, &view);
        if (web_cache_get(web_site(call)->cache, &key, call->response)) {
            call->response->type = WEB_ANSWER_TYPE;
            web_view_end(&view, call);
            return;
        }
        buf_reserve(&call->response->body, LIKELY_BYTES);
        json_open(&j, '{');
        json_member(&j, "view", str_of(page->name));
        json_member_int(&j, "moment", view.moment->id);
        ok = page->write(&view.page, &j, &err);
    }
    if (ok) {
        web_answer_notes(&j, &view.diag);
        json_close(&j, '}');
        call->response->type = WEB_ANSWER_TYPE;
        web_cache_put(web_site(call)->cache, &key, call->response);
    } else {
        web_answer_fail(call->response, &err);
    }
    web_view_end(&view, call);
}

/* --- menus --- */

static void write_sources(struct json *j, const struct fetch_request *fetch)
{
    json_key(j, "sources");
    json_open(j, '[');
    for (size_t i = 0; i < fetch->n_sources; i++)
        json_string(j, str_of(fetch->sources[i]));
    json_close(j, ']');
}

static void write_moments(struct json *j, const struct web_view *view, const struct web_site *site)
{
    json_member_bool(j, "live", web_session_is_live(site->session));
    json_member_int(j, "seconds", web_session_seconds(site->session));
    json_key(j, "moments");
    json_open(j, '[');
    for (size_t i = 0; i < view->pins.n; i++) {
        const struct web_moment *m = &view->pins.moments[i];
        char text[64];
        time_t seconds = (time_t)(m->page.time_nanos / 1000000000);
        struct tm tm;
        localtime_r(&seconds, &tm);
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
        json_open(j, '{');
        json_member_int(j, "id", m->id);
        json_member(j, "name", str_of(m->page.name));
        json_member(j, "time", str_of(text));
        json_member_bool(j, "held", m->is_held);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_member_int(j, "newest", web_session_find(&view->pins, 0)->id);
}

static void write_types(struct json *j, const struct profile *p, uint32_t chosen)
{
    json_key(j, "types");
    json_open(j, '[');
    for (uint32_t i = 0; i < p->n_types; i++)
        json_string(j, profile_str(p, p->types[i].type));
    json_close(j, ']');
    json_member_int(j, "type", chosen);
}

static void write_views(struct json *j, const struct page_ctx *page)
{
    json_key(j, "views");
    json_open(j, '[');
    for (size_t i = 0; page_registry[i]; i++) {
        const struct page_ops *ops = page_registry[i];
        const char *missing = ops->missing ? ops->missing(page) : NULL;
        json_open(j, '{');
        json_member(j, "name", str_of(ops->name));
        json_member(j, "title", str_of(ops->title));
        json_member(j, "help", str_of(ops->help));
        json_member(j, "key", (struct str){&ops->key, ops->key != 0});
        json_key(j, "missing");
        if (missing)
            json_string(j, str_of(missing));
        else
            json_null(j);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_option(struct json *j, const struct option_def *def,
                         const struct report_options *now, const struct report_options *normal)
{
    static const char *const kinds[] = {
        [OPTION_BOOL] = "bool",     [OPTION_INT] = "int",       [OPTION_FLOAT] = "float",
        [OPTION_STRING] = "string", [OPTION_CHOICE] = "choice",
    };
    AUTO_BUF value = {0};
    json_open(j, '{');
    json_member(j, "name", str_of(def->name));
    json_member(j, "param", str_of(def->param));
    json_member(j, "kind", str_of(kinds[def->kind]));
    json_member(j, "help", str_of(def->help));
    if (def->kind == OPTION_CHOICE) {
        json_key(j, "choices");
        json_open(j, '[');
        for (size_t i = 0; def->choices[i]; i++)
            json_string(j, str_of(def->choices[i]));
        json_close(j, ']');
    }
    web_query_value(now, def, &value);
    json_member(j, "value", (struct str){buf_str(&value), value.len});
    buf_clear(&value);
    web_query_value(normal, def, &value);
    json_member(j, "normal", (struct str){buf_str(&value), value.len});
    json_close(j, '}');
    j->out->failed |= value.failed;
}

static void write_options(struct json *j, const struct report_options *now,
                          const struct report_options *normal)
{
    json_key(j, "options");
    json_open(j, '[');
    for (const struct option_def *def = option_defs; def->name; def++)
        if (def->param)
            write_option(j, def, now, normal);
    json_close(j, ']');
}

/* What does not depend on filters: title, legend, the chosen type. */
static bool write_head(struct json *j, const struct web_view *view, const struct web_site *site,
                       struct err *err)
{
    const struct profile *p = view->moment->page.profile;
    struct report_options options = site->request->options, plain;
    report_options_init(&plain);
    plain.sample_index = view->options.sample_index;
    plain.unit = options.unit;
    plain.divide_by = options.divide_by;
    struct report_ctx ctx = view->page.report;
    ctx.options = &plain;
    struct report_run run;
    AUTO_BUF title = {0}, lines = {0};
    bool ok = report_begin(&run, &report_top, &ctx, err);
    if (ok) {
        struct str file = report_title(&run);
        buf_printf(&title, "%.*s%s%s", (int)file.len, file.p, file.len ? " " : "",
                   run.pipeline.type);
        report_profile_lines(&run, &lines);
        json_member(j, "title", (struct str){buf_str(&title), title.len});
        answer_lines(j, "legend", (struct str){buf_str(&lines), lines.len});
        write_types(j, p, run.pipeline.view.type);
        j->out->failed |= title.failed || lines.failed;
    }
    report_end(&run);
    return ok;
}

/* Pages of the web only: the profile may come from anybody. */
static struct str link_of(struct str url)
{
    return str_has_prefix(url, STR("http://")) || str_has_prefix(url, STR("https://")) ? url
                                                                                       : STR("");
}

void web_data_meta(struct web_call *call)
{
    struct err err = {0};
    struct web_view view;
    struct json j = {.out = &call->response->body};
    const struct web_site *site = web_site(call);
    bool ok = web_view_begin(&view, call, &err);
    if (ok) {
        const struct profile *p = view.moment->page.profile;
        json_open(&j, '{');
        json_member(&j, "version", STR(SONDE_VERSION));
        write_sources(&j, &site->request->fetch);
        write_moments(&j, &view, site);
        write_views(&j, &view.page);
        write_options(&j, &view.options, &site->request->options);
        web_config_write(&j, &view.query, call->request->query);
        web_download_write(&j);
        json_member(&j, "doc_url", link_of(profile_str(p, p->doc_url)));
        json_member(&j, "token", str_of(site->token));
        ok = write_head(&j, &view, site, &err);
        json_close(&j, '}');
    }
    if (ok)
        call->response->type = WEB_ANSWER_TYPE;
    else
        web_answer_fail(call->response, &err);
    web_view_end(&view, call);
}

/* --- moments --- */

void web_data_refresh(struct web_call *call)
{
    struct err err = {0};
    struct diag diag;
    struct web_session *session = web_site(call)->session;
    struct json j = {.out = &call->response->body};
    unsigned id = 0;
    diag_init(&diag);
    if (!web_session_is_live(session))
        err_set(&err, ERR_USAGE, "the sources are files, which do not change");
    else
        id = web_session_refresh(session, call->request->came_ns, &diag, &err);
    if (id) {
        json_open(&j, '{');
        json_member_int(&j, "moment", id);
        web_answer_notes(&j, &diag);
        json_close(&j, '}');
        call->response->type = WEB_ANSWER_TYPE;
    } else {
        web_answer_fail(call->response, &err);
    }
    diag_release(&diag);
}

void web_data_hold(struct web_call *call)
{
    struct err err = {0};
    struct web_query query;
    if (!web_query_parse(&query, call->request->query, &call->arena, &err)) {
        web_answer_fail(call->response, &err);
        return;
    }
    const char *m = web_query_get(&query, "m"), *on = web_query_get(&query, "on");
    bool is_on = false;
    char *end = NULL;
    unsigned long id = m ? strtoul(m, &end, 10) : 0;
    if (!m || *end || !on || !report_option_bool(on, &is_on))
        web_answer_error(call->response, 400, "m is the moment, on is 0 or 1");
    else if (id > UINT32_MAX || !web_session_hold(web_site(call)->session, (unsigned)id, is_on))
        web_answer_error(call->response, 404, "there is no such moment");
    else
        web_response_text(call->response, 200, "ok");
}
