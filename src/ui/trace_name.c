#include "ui/trace_name.h"

#include "analysis/analysis_run.h"
#include "ui/progress.h"
#include "ui/trace_binary.h"
#include "ui/trace_take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PREFIX "trace:"

bool trace_name_is(const char *source)
{
    return !strncmp(source, PREFIX, strlen(PREFIX));
}

/* "1.5s", "20ms", "3" (seconds) in ns. */
static bool parse_time(const char *text, int64_t *ns)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}};
    char *end;
    double number = strtod(text, &end);
    for (size_t i = 0; end != text && i < sizeof units / sizeof *units; i++)
        if (!strcmp(end, units[i].unit)) {
            number *= units[i].ns;
            *ns = number >= 0 && number <= 9e18 ? (int64_t)(number + 0.5) : -1;
            return *ns >= 0;
        }
    return false;
}

/* What would part parameters in the name of a source is %XX there. */
static const char special[] = "%&/?";

void trace_name_parameter(struct buf *query, const char *name, const char *value)
{
    buf_printf(query, "%c%s=", query->len ? '&' : '?', name);
    for (; *value; value++)
        buf_printf(query, strchr(special, *value) ? "%%%02X" : "%c", (unsigned char)*value);
}

/* The same backwards, in place; a '%' that begins none of these stays. */
static void take_value(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        char digits[3] = {0}, *end = digits;
        if (*p == '%')
            memcpy(digits, p + 1, strnlen(p + 1, 2));
        long c = strtol(digits, &end, 16);
        bool is_one = end == digits + 2 && c > 0 && strchr(special, (int)c);
        *to++ = is_one ? (char)c : *p;
        p += is_one ? 2 : 0;
    }
    *to = '\0';
}

static bool parse_id(const char *text, uint64_t *id)
{
    char *end;
    errno = 0;
    *id = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *id > 0 && *id <= INT64_MAX;
}

bool trace_name_option(struct analysis_options *options, const char *name, const char *value,
                       struct err *err)
{
    uint64_t id;
    if (!strcmp(name, "start") || !strcmp(name, "end")) {
        int64_t *ns = name[0] == 's' ? &options->start_ns : &options->end_ns;
        if (!parse_time(value, ns))
            return err_set(err, ERR_USAGE, "%s takes a time like 1.5s or 20ms, not '%s'", name,
                           value);
        if (ns == &options->end_ns && !*ns) /* to the options that is none */
            return err_set(err, ERR_USAGE, "end is 0: there is nothing before it");
        return !options->end_ns || options->start_ns < options->end_ns ||
               err_set(err, ERR_USAGE, "end is not after start");
    }
    if (!strcmp(name, "name")) {
        options->goroutine_name = value;
        return true;
    }
    if (!strcmp(name, "goroutine") || !strcmp(name, "task")) {
        if (!parse_id(value, &id))
            return err_set(err, ERR_USAGE, "%s takes a number from 1 on, not '%s'", name, value);
        if (name[0] == 'g')
            options->goroutine = (int64_t)id;
        else
            options->task = id;
        return true;
    }
    return err_set(
        err, ERR_USAGE,
        "there is no parameter '%s'; there are start, end, goroutine, name, task, binary", name);
}

struct trace_reader *trace_name_open(const char *path, const char *binary,
                                     const struct source_options *options, struct file *body,
                                     struct err *err)
{
    struct stat st;
    struct url url = {0};
    struct trace_names names;
    *body = (struct file){0};
    if (trace_take_is_name(path))
        return trace_take_name(path, body, err)
                   ? trace_reader_open_memory(body->data, body->len, path, err)
                   : NULL;
    bool is_url = stat(path, &st) != 0 &&
                  url_of_source(&url, path, options->seconds, options->timeout_seconds);
    url_release(&url);
    if (!is_url && !binary)
        return trace_reader_open(path, err);
    if (!is_url)
        return trace_binary_open(binary, &names, err) ? trace_reader_open_named(path, names, err)
                                                      : NULL;
    url = (struct url){0};
    struct trace_reader *reader = NULL;
    if (source_read(path, options, body, &url, err))
        reader = trace_reader_open_memory(body->data, body->len, path, err);
    url_release(&url);
    return reader;
}

static void list_kinds(struct buf *out)
{
    for (size_t i = 0; analysis_registry[i]; i++)
        if (analysis_registry[i]->group == ANALYSIS_PROFILE)
            buf_printf(out, "%s%s", out->len ? ", " : "", analysis_registry[i]->name);
}

/* The parts of `text`, which is changed: "FILE/KIND?NAME=VALUE&...".  The path, with the parameters
 * that belong to it, is added to *path. */
static bool parse(char *text, struct buf *path, const char **binary,
                  const struct analysis_ops **kind, struct analysis_options *options,
                  struct err *err)
{
    AUTO_BUF kinds = {0};
    char *slash = strrchr(text, '/'), *rest = NULL;
    char *query = slash ? strchr(slash, '?') : NULL;
    if (query)
        *query++ = '\0';
    *kind = slash ? analysis_find(ANALYSIS_PROFILE, slash + 1) : NULL;
    if (!*kind && (query = strrchr(text, '?'))) { /* a value may have slashes */
        *query = '\0';
        slash = strrchr(text, '/');
        *kind = slash ? analysis_find(ANALYSIS_PROFILE, slash + 1) : NULL;
        *query++ = *kind ? '\0' : '?';
    }
    if (!*kind) {
        list_kinds(&kinds);
        return err_set(err, ERR_USAGE,
                       "'%s%s' names no profile of a trace: FILE/KIND, where KIND is one of %s",
                       PREFIX, text, buf_str(&kinds));
    }
    *slash = '\0';
    buf_puts(path, text);
    bool is_live = trace_take_is_name(text);
    for (char *one = query ? strtok_r(query, "&", &rest) : NULL; one;
         one = strtok_r(NULL, "&", &rest)) {
        char *equals = strchr(one, '=');
        if (equals)
            *equals = '\0';
        const char *value = equals ? equals + 1 : "";
        if (equals)
            take_value(equals + 1);
        if (is_live && trace_take_is_parameter(one))
            buf_printf(path, "%c%s=%s", strchr(buf_str(path), '?') ? '&' : '?', one,
                       equals ? value : "1");
        else if (!strcmp(one, "binary"))
            *binary = value;
        else if (!trace_name_option(options, one, value, err))
            return false;
    }
    return !path->failed || err_nomem(err);
}

static struct profile *read_profile(const char *path, const char *binary,
                                    const struct analysis_ops *kind,
                                    const struct analysis_options *options,
                                    const struct source_options *source, struct diag *diag,
                                    struct err *err)
{
    AUTO_FILE body = {0};
    struct progress progress;
    struct analysis_task task = {.ops = kind};
    struct profile *profile = NULL;
    struct trace_reader *reader = trace_name_open(path, binary, source, &body, err);
    if (!reader)
        return NULL;
    progress_begin(&progress, "reading the trace");
    if (analysis_run(reader, options, &task, 1, diag, err))
        profile = kind->profile(task.state, err);
    progress_end(&progress);
    analysis_release(&task, 1);
    trace_reader_free(reader);
    return profile;
}

struct profile *trace_name_profile(const char *source, const struct source_options *options,
                                   struct diag *diag, struct err *err)
{
    AUTO_BUF path = {0};
    const char *binary = NULL;
    const struct analysis_ops *kind = NULL;
    struct analysis_options what = {0};
    struct profile *profile = NULL;
    char *text = strdup(source + strlen(PREFIX));
    if (!text)
        err_nomem(err);
    else if (parse(text, &path, &binary, &kind, &what, err))
        profile = read_profile(buf_str(&path), binary, kind, &what, options, diag, err);
    free(text);
    return profile;
}
