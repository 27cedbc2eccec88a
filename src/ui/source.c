#include "ui/source.h"

#include "ui/tell.h"

#include <errno.h>
#include <sys/stat.h>

static bool ask(const char *name, const struct url *url, const struct source_options *options,
                struct file *file, struct err *err)
{
    struct http_request request = {.url = buf_str(&url->text),
                                   .socket = buf_str(&url->socket),
                                   .timeout_seconds = url->timeout_seconds,
                                   .options = &options->http};
    AUTO_BUF body = {0};
    if (!http_check(request.options, err))
        return false;
    if (!options->is_quiet)
        tell("Fetching profile over HTTP from %s%s%s", request.url, url->socket.len ? " at " : "",
             request.socket);
    if (url->seconds && !options->is_quiet)
        tell("Please wait... (%d s)", url->seconds);
    if (!http_ask(&request, &body, err))
        return err_wrap(err, "cannot read '%s'", name);
    *file = (struct file){(const uint8_t *)body.data, body.len, false};
    body = (struct buf){0};
    return true;
}

bool source_read(const char *name, const struct source_options *options, struct file *file,
                 struct url *url, struct err *err)
{
    struct stat st;
    bool is_flag = name[0] == '-' && name[1];
    *url = (struct url){0};
    if (stat(name, &st) != 0 && !is_flag &&
        url_of_source(url, name, options->seconds, options->timeout_seconds))
        return ask(name, url, options, file, err);
    url_release(url);
    *url = (struct url){0};
    if (file_read(file, name, err))
        return true;
    if (err->sys_errno == ENOENT && is_flag)
        err_set(err, ERR_IO, "cannot read '%s': no such file; options come before sources", name);
    return false;
}
