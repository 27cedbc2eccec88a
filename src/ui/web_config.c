#include "ui/web_config.h"

#include "ui/settings.h"
#include "ui/tell.h"
#include "ui/web_answer.h"
#include "ui/web_routes.h"

#include <pthread.h>

/* The file is read, changed and written by one at a time. */
static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;

static bool read_file(struct settings *settings, struct buf *path, struct err *err)
{
    *settings = (struct settings){0};
    return settings_path(path, err) && settings_read(settings, buf_str(path), err);
}

void web_config_write(struct json *j, const struct web_query *query, const char *text)
{
    AUTO_BUF path = {0};
    struct settings settings;
    struct report_options defaults;
    size_t n = read_file(&settings, &path, NULL) ? settings.n_configs : 0, current = SIZE_MAX;
    report_options_init(&defaults);
    AUTO_BUF url = {0};
    for (size_t i = 0; i <= n; i++) {
        buf_clear(&url);
        if (!web_query_with(query, text, i ? &settings.configs[i - 1].options : &defaults, &url))
            current = i; /* of several that fit, the last */
    }
    json_key(j, "configs");
    json_open(j, '[');
    for (size_t i = 0; i <= n; i++) {
        buf_clear(&url);
        buf_putc(&url, '?');
        web_query_with(query, text, i ? &settings.configs[i - 1].options : &defaults, &url);
        json_open(j, '{');
        json_member(j, "name", str_of(i ? settings.configs[i - 1].name : SETTINGS_DEFAULT));
        json_member(j, "query", (struct str){buf_str(&url), url.len});
        json_member_bool(j, "current", i == current);
        json_member_bool(j, "user", i > 0);
        json_close(j, '}');
    }
    json_close(j, ']');
    j->out->failed |= url.failed;
    settings_release(&settings);
}

static void tell_result(struct web_call *call, bool ok, const struct err *err)
{
    if (ok) {
        web_response_text(call->response, 200, "ok");
        return;
    }
    tell("%s", err->msg);
    web_answer_fail(call->response, err);
}

void web_config_save(struct web_call *call)
{
    struct err err = {0};
    struct web_query query;
    struct settings settings = {0};
    AUTO_BUF path = {0};
    struct report_options options = web_site(call)->request->options;
    const char *name = NULL;
    bool ok = web_query_parse(&query, call->request->query, &call->arena, &err);
    if (ok && !(name = web_query_get(&query, "config")))
        ok = err_set(&err, ERR_USAGE, "invalid config name");
    ok = ok && web_query_options(&query, &options, &err);
    pthread_mutex_lock(&file_lock);
    ok = ok && read_file(&settings, &path, &err) && settings_put(&settings, name, &options, &err) &&
         settings_write(&settings, buf_str(&path), &err);
    pthread_mutex_unlock(&file_lock);
    settings_release(&settings);
    tell_result(call, ok, &err);
}

void web_config_delete(struct web_call *call)
{
    struct err err = {0};
    struct web_query query;
    struct settings settings = {0};
    AUTO_BUF path = {0};
    bool ok = web_query_parse(&query, call->request->query, &call->arena, &err);
    const char *name = ok ? web_query_get(&query, "config") : NULL;
    pthread_mutex_lock(&file_lock);
    ok = ok && read_file(&settings, &path, &err);
    if (ok && !settings_remove(&settings, name ? name : ""))
        ok = err_set(&err, ERR_USAGE, "config %s not found", name ? name : "");
    ok = ok && settings_write(&settings, buf_str(&path), &err);
    pthread_mutex_unlock(&file_lock);
    settings_release(&settings);
    tell_result(call, ok, &err);
}
