#include "ui/live_name.h"

#include "base/buf.h"
#include "collect/live.h"
#include "os/proc.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PID_PREFIX "pid:"
#define CORE_PREFIX "core:"
#define SECONDS_MAX 1e6
#define HZ_MAX 10000
#define RATE_MOST 1e12
#define TRACE_KIND "trace"
#define LISTED 8 /* processes of one name that an error tells */

bool live_name_is(const char *source)
{
    return strncmp(source, PID_PREFIX, strlen(PID_PREFIX)) == 0 ||
           strncmp(source, CORE_PREFIX, strlen(CORE_PREFIX)) == 0;
}

static void list_processes(const char *text, const pid_t *pids, size_t n, struct err *err)
{
    AUTO_BUF list = {0};
    for (size_t i = 0; i < n && i < LISTED; i++) {
        AUTO_BUF line = {0};
        struct proc proc;
        if (!proc_open(&proc, pids[i], NULL))
            continue;
        proc_text(&proc, "cmdline", &line, NULL);
        for (size_t k = 0; k + 1 < line.len; k++)
            if (line.data[k] == '\0')
                line.data[k] = ' ';
        buf_printf(&list, "%s%d (%.40s)", list.len ? ", " : "", (int)pids[i],
                   line.len ? line.data : proc.comm);
        proc_release(&proc);
    }
    err_set(err, ERR_INPUT, "%zu processes are called '%s': %s%s; give one's number", n, text,
            buf_str(&list), n > LISTED ? ", ..." : "");
}

pid_t live_name_process(const char *text, struct err *err)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (isdigit((unsigned char)*text) && !*end) {
        if (number > 0 && number <= INT_MAX)
            return (pid_t)number;
        err_set(err, ERR_INPUT, "there is no process %s", text);
        return 0;
    }
    pid_t pids[LISTED];
    size_t n = *text ? proc_find(text, pids, LISTED) : 0;
    if (n == 1)
        return pids[0];
    if (!*text)
        err_set(err, ERR_USAGE, "no process is given: its pid or its name");
    else if (n == 0)
        err_set(err, ERR_INPUT, "there is no process called '%s'", text);
    else
        list_processes(text, pids, n, err);
    return 0;
}

/* --- parameters --- */

static bool parse_switch(const char *name, const char *value, bool *on, struct err *err)
{
    *on = strcmp(value, "1") == 0;
    return *on || strcmp(value, "0") == 0 ||
           err_set(err, ERR_USAGE, "%s takes 0 or 1, not '%s'", name, value);
}

static bool parse_positive(const char *name, const char *value, double most, double *number,
                           struct err *err)
{
    char *end;
    *number = strtod(value, &end);
    return (end != value && !*end && *number > 0 && *number <= most) ||
           err_set(err, ERR_USAGE, "%s takes a number above 0, at most %.0f, not '%s'", name, most,
                   value);
}

static bool parse_parameter(struct live_name *out, const char *name, const char *value,
                            struct err *err)
{
    double number = 0;
    if (out->core && strcmp(name, "exe") != 0)
        return err_set(err, ERR_USAGE, "a core file has no parameter '%s'; there is exe", name);
    if (strcmp(name, "seconds") == 0)
        return parse_positive(name, value, SECONDS_MAX, &out->seconds, err);
    if (strcmp(name, "hz") == 0) {
        bool ok = parse_positive(name, value, HZ_MAX, &number, err);
        out->hz = (unsigned)number;
        return ok;
    }
    if (strcmp(name, "rate") == 0) {
        bool ok = parse_positive(name, value, RATE_MOST, &number, err);
        out->rate = ok && number >= 1 ? (uint64_t)number : 1;
        return ok;
    }
    if (strcmp(name, "gc") == 0)
        return parse_switch(name, value, &out->gc, err);
    if (strcmp(name, "enable") == 0)
        return parse_switch(name, value, &out->enable, err);
    if (strcmp(name, "consistent") == 0)
        return parse_switch(name, value, &out->consistent, err);
    if (strcmp(name, "exe") == 0 && out->core) {
        free(out->exe);
        out->exe = strdup(value);
        return out->exe || err_nomem(err);
    }
    return err_set(
        err, ERR_USAGE,
        "there is no parameter '%s'; there are seconds, hz, gc, enable, rate, consistent", name);
}

static bool parse_trace_parameter(struct live_name *out, const char *name, const char *value,
                                  struct err *err)
{
    if (strcmp(name, "probes") == 0)
        return parse_switch(name, value, &out->probes, err);
    if (strcmp(name, "seconds") == 0 || strcmp(name, "enable") == 0 || strcmp(name, "rate") == 0)
        return parse_parameter(out, name, value, err);
    return err_set(err, ERR_USAGE,
                   "there is no parameter '%s'; there are seconds, enable, rate, probes", name);
}

/* "NAME=VALUE&..." */
static bool parse_query(struct live_name *out, char *query, struct err *err)
{
    char *rest = NULL;
    for (char *one = strtok_r(query, "&", &rest); one; one = strtok_r(NULL, "&", &rest)) {
        char *equals = strchr(one, '=');
        if (equals)
            *equals = '\0';
        const char *value = equals ? equals + 1 : "1";
        if (!(strcmp(out->kind, TRACE_KIND) == 0 ? parse_trace_parameter
                                                 : parse_parameter)(out, one, value, err))
            return false;
    }
    return true;
}

/* --- the whole --- */

static void list_kind(void *arg, const char *name, const char *help)
{
    struct buf *list = arg;
    (void)help;
    buf_printf(list, "%s%s", list->len ? ", " : "", name);
}

static bool set_kind(struct live_name *out, const char *kind, struct err *err)
{
    const char *known = live_kind(kind);
    if (!out->core && strcmp(kind, TRACE_KIND) == 0)
        return err_set(
            err, ERR_USAGE,
            "a trace is no profile; `sonde trace` shows it, and its profiles are sources "
            "like 'trace:pid:PID/sched?seconds=5&enable=1'");
    if (!known) {
        AUTO_BUF list = {0};
        live_each_kind(list_kind, &list);
        return err_set(err, ERR_USAGE, "there is no profile '%s'; there are %s", kind,
                       buf_str(&list));
    }
    out->kind = strdup(known);
    return out->kind || err_nomem(err);
}

/* "FILE", "FILE/KIND": files may have slashes, so the whole is tried first. */
static bool parse_core(struct live_name *out, char *text, struct err *err)
{
    struct stat st;
    char *slash = strrchr(text, '/');
    bool is_whole = stat(text, &st) == 0 && !S_ISDIR(st.st_mode);
    if (!is_whole && slash)
        *slash = '\0';
    out->core = strdup(text);
    return out->core ? set_kind(out, is_whole || !slash ? "goroutine" : slash + 1, err)
                     : err_nomem(err);
}

static bool parse_process(struct live_name *out, char *text, struct err *err)
{
    char *slash = strrchr(text, '/');
    if (slash)
        *slash = '\0';
    return set_kind(out, slash && slash[1] ? slash + 1 : "cpu", err) &&
           (out->pid = live_name_process(text, err)) != 0;
}

static bool parse_traced(struct live_name *out, char *text, struct err *err)
{
    char *slash = strrchr(text, '/');
    if (slash)
        *slash = '\0';
    if (slash && slash[1] && strcmp(slash + 1, TRACE_KIND) != 0)
        return err_set(err, ERR_USAGE,
                       "that is a profile, which `sonde pprof` shows; '%s%s' is a trace",
                       PID_PREFIX, text);
    out->kind = strdup(TRACE_KIND);
    if (!out->kind)
        return err_nomem(err);
    out->pid = live_name_process(text, err);
    return out->pid != 0;
}

static bool parse_as(struct live_name *name, const char *source, size_t n_prefix,
                     bool (*parse)(struct live_name *out, char *text, struct err *err),
                     struct err *err)
{
    *name = (struct live_name){0};
    char *text = strdup(source + n_prefix);
    if (!text)
        return err_nomem(err);
    char *query = strchr(text, '?');
    if (query)
        *query++ = '\0';
    bool ok = parse(name, text, err) && (!query || parse_query(name, query, err));
    free(text);
    return ok || err_wrap(err, "'%s'", source);
}

bool live_name_parse(struct live_name *name, const char *source, struct err *err)
{
    bool is_core = strncmp(source, CORE_PREFIX, strlen(CORE_PREFIX)) == 0;
    return parse_as(name, source, strlen(is_core ? CORE_PREFIX : PID_PREFIX),
                    is_core ? parse_core : parse_process, err);
}

bool live_name_parse_trace(struct live_name *name, const char *source, struct err *err)
{
    *name = (struct live_name){0};
    if (strncmp(source, PID_PREFIX, strlen(PID_PREFIX)) != 0)
        return err_set(err, ERR_USAGE, "'%s': there is no trace in a core file", source);
    return parse_as(name, source, strlen(PID_PREFIX), parse_traced, err);
}

void live_name_release(struct live_name *name)
{
    free(name->core);
    free(name->exe);
    free(name->kind);
    *name = (struct live_name){0};
}
