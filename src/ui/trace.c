#include "ui/trace.h"

#include "analysis/analysis_run.h"
#include "base/vec.h"
#include "trace/trace_parsed.h"
#include "trace/trace_wire.h"
#include "ui/flags.h"
#include "ui/output.h"
#include "ui/pprof.h"
#include "ui/progress.h"
#include "ui/tell.h"
#include "ui/trace_name.h"
#include "ui/trace_web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TASKS_MAX 32 /* analyses in one run */

enum own_flag {
    OWN_HTTP,
    OWN_NO_BROWSER,
    OWN_PPROF,
    OWN_DEBUG,
    OWN_SUMMARY,
    OWN_JSON,
    OWN_TOP,
    OWN_EXPORT,
    OWN_OUTPUT,
    OWN_O,
    OWN_START,
    OWN_END,
    OWN_GOROUTINE,
    OWN_NAME,
    OWN_TASK,
    N_OWN
};

#define WHAT "what"
#define PART "of which part"

static const struct {
    const char *group, *name, *value, *words, *help;
    bool is_optional;
} own_flags[N_OWN] = {
    [OWN_HTTP] = {WHAT, "http", "[HOST]:[PORT]", NULL, "Serve the page there (the default)"},
    [OWN_NO_BROWSER] = {WHAT, "no_browser", NULL, NULL, "Do not open it in a browser"},
    [OWN_PPROF] = {WHAT, "pprof", "KIND", NULL,
                   "Write a profile; with flags of `sonde pprof`, that report of it"},
    [OWN_SUMMARY] = {WHAT, "summary", "KINDS", NULL, "Print summaries, all or those named", true},
    [OWN_JSON] = {WHAT, "json", NULL, NULL, "Print the summaries as JSON"},
    [OWN_TOP] = {WHAT, "top", "N", NULL, "Lines a table of a summary (10; 0: all)"},
    [OWN_EXPORT] = {WHAT, "export", "FORMAT", NULL, "Write it in another format"},
    [OWN_DEBUG] = {WHAT, "d", "MODE", "parsed wire footprint",
                   "Print events as read (wire), in order (parsed), or what they take (footprint)"},
    [OWN_OUTPUT] = {WHAT, "output", "FILE", NULL, "Where to write it, in place of stdout"},
    [OWN_O] = {WHAT, "o", "FILE", NULL, "The same"},
    [OWN_START] = {PART, "start", "TIME", NULL, "From there on: 1.5s, 20ms after the begin"},
    [OWN_END] = {PART, "end", "TIME", NULL, "Up to there"},
    [OWN_GOROUTINE] = {PART, "goroutine", "ID", NULL, "One goroutine"},
    [OWN_NAME] = {PART, "name", "FUNCTION", NULL, "Goroutines that start with this function"},
    [OWN_TASK] = {PART, "task", "ID", NULL, "One task and what belongs to it"},
};

static void list_names(struct buf *out, enum analysis_group group)
{
    for (size_t i = 0; analysis_registry[i]; i++)
        if (analysis_registry[i]->group == group)
            buf_printf(out, "%s%s", out->len ? " " : "", analysis_registry[i]->name);
}

static void each_flag(flag_doc_fn *fn, void *arg)
{
    static const enum own_flag lists[] = {[ANALYSIS_SUMMARY] = OWN_SUMMARY,
                                          [ANALYSIS_PROFILE] = OWN_PPROF,
                                          [ANALYSIS_EXPORT] = OWN_EXPORT};
    for (size_t i = 0; i < N_OWN; i++) {
        AUTO_BUF names = {0};
        struct flag_doc doc = {own_flags[i].group, own_flags[i].name, own_flags[i].value,
                               own_flags[i].words, own_flags[i].help};
        for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
            if (lists[k] == i) {
                list_names(&names, (enum analysis_group)k);
                doc.words = buf_str(&names);
            }
        fn(&doc, arg);
    }
}

static void usage_group(struct buf *out, const char *group)
{
    buf_printf(out, "\n%s:\n", group);
    for (size_t i = 0; i < N_OWN; i++) {
        char text[64];
        if (strcmp(own_flags[i].group, group) != 0)
            continue;
        snprintf(text, sizeof text, "-%s%s%s", own_flags[i].name, own_flags[i].value ? "=" : "",
                 own_flags[i].value ? own_flags[i].value : "");
        buf_printf(out, "  %-20s %s\n", text, own_flags[i].help);
    }
}

static void usage_kinds(struct buf *out, const char *title, enum analysis_group group)
{
    buf_printf(out, "\n%s:\n", title);
    for (size_t i = 0; analysis_registry[i]; i++)
        if (analysis_registry[i]->group == group)
            buf_printf(out, "  %-20s %s\n", analysis_registry[i]->name, analysis_registry[i]->help);
}

static void usage(struct buf *out)
{
    buf_puts(out, "usage: sonde trace [FLAGS] [BINARY] TRACE\n"
                  "       sonde trace -pprof=KIND [FLAGS OF sonde pprof] [BINARY] TRACE\n\n"
                  "Reads an execution trace, of Go's runtime/trace or of `sonde record -e trace`, "
                  "and shows it.\nTRACE is a file, the address of a server, or 'pid:PROCESS?seconds=5&"
                  "enable=1', a Go program\nthat runs.  What `go tool trace` does, and more.\n");
    usage_group(out, WHAT);
    usage_group(out, PART);
    usage_kinds(out, "profiles", ANALYSIS_PROFILE);
    usage_kinds(out, "summaries", ANALYSIS_SUMMARY);
    usage_kinds(out, "formats", ANALYSIS_EXPORT);
    buf_puts(out, "\nexamples:\n"
                  "  sonde trace trace.out                       the page\n"
                  "  sonde trace -summary trace.out              what there is to see, as text\n"
                  "  sonde trace -pprof=sync -top trace.out      who waits for locks and channels\n"
                  "  sonde trace -export=perfetto -o t.pb trace.out\n"
                  "  sonde trace 'pid:service?seconds=5&enable=1'   the page, of a program that runs\n");
}

/* What the command line asks for. */
struct request {
    struct flag flags[N_OWN];
    const char *trace, *binary;
    struct analysis_options options;
};

static bool parse_top(struct request *request, struct err *err)
{
    const char *text = request->flags[OWN_TOP].value;
    char *end;
    request->options.n_rows = 10;
    if (!text)
        return true;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || n > 1000000)
        return err_set(err, ERR_USAGE, "-top takes a number of lines, not '%s'", text);
    request->options.n_rows = (unsigned)n;
    return true;
}

static bool is_mode(const char *mode, struct err *err)
{
    return !mode || !strcmp(mode, "parsed") || !strcmp(mode, "wire") ||
           !strcmp(mode, "footprint") ||
           err_set(err, ERR_USAGE, "invalid debug mode %s, want one of: parsed, wire, footprint",
                   mode);
}

/* Is it given, and not as -json=false? */
static bool has(const struct request *request, enum own_flag flag)
{
    const char *value = request->flags[flag].value;
    return value && (own_flags[flag].value || !strcmp(value, "true"));
}

static enum own_flag first_of(const struct request *request, const enum own_flag *flags, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (has(request, flags[i]))
            return flags[i];
    return N_OWN;
}

/* As with go tool trace, what there is without another mode. */
static bool wants_page(const struct request *request)
{
    static const enum own_flag others[] = {OWN_DEBUG, OWN_SUMMARY, OWN_EXPORT, OWN_JSON, OWN_TOP};
    return first_of(request, others, sizeof others / sizeof *others) == N_OWN;
}

/* A flag that would do nothing is refused. */
static bool parse_modes(const struct request *request, struct err *err)
{
    static const enum own_flag modes[] = {OWN_HTTP, OWN_DEBUG, OWN_SUMMARY, OWN_EXPORT},
                               tables[] = {OWN_JSON, OWN_TOP}, files[] = {OWN_OUTPUT, OWN_O},
                               parts[] = {OWN_START, OWN_END, OWN_GOROUTINE, OWN_NAME, OWN_TASK};
    enum own_flag mode = N_OWN, table = first_of(request, tables, 2),
                  file = first_of(request, files, 2), part = first_of(request, parts, 5);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (!has(request, modes[i]))
            continue;
        if (mode != N_OWN)
            return err_set(err, ERR_USAGE, "choose one of -%s and -%s", own_flags[mode].name,
                           own_flags[modes[i]].name);
        mode = modes[i];
    }
    if (table != N_OWN && mode != N_OWN && mode != OWN_SUMMARY)
        return err_set(err, ERR_USAGE, "-%s is for -summary, not for -%s", own_flags[table].name,
                       own_flags[mode].name);
    if (part != N_OWN && mode == OWN_DEBUG)
        return err_set(err, ERR_USAGE, "-d prints all of the trace: it knows no -%s",
                       own_flags[part].name);
    if (!wants_page(request))
        return !has(request, OWN_NO_BROWSER) ||
               err_set(err, ERR_USAGE, "-no_browser is for the page");
    return file == N_OWN ||
           err_set(err, ERR_USAGE,
                   "-o is for -summary, -export, -d and -pprof; the page has no file");
}

static bool parse(int argc, char **argv, struct request *request, bool *help, struct err *err)
{
    int used;
    *request = (struct request){0};
    for (size_t i = 0; i < N_OWN; i++)
        request->flags[i] = (struct flag){.name = own_flags[i].name,
                                          .is_bool = !own_flags[i].value,
                                          .is_optional = own_flags[i].is_optional};
    if (!flags_parse(request->flags, N_OWN, argc, argv, &used, help, err))
        return false;
    if (*help)
        return true;
    if (argc - used < 1 || argc - used > 2)
        return err_set(err, ERR_USAGE,
                       "give one trace (and the binary before it, if it is of "
                       "Go 1.5); see 'sonde trace -help'");
    request->binary = argc - used == 2 ? argv[used] : NULL;
    request->trace = argv[argc - 1];
    for (size_t i = OWN_START; i <= OWN_TASK; i++)
        if (request->flags[i].value &&
            !trace_name_option(&request->options, own_flags[i].name, request->flags[i].value, err))
            return false;
    return parse_top(request, err) && parse_modes(request, err) &&
           is_mode(request->flags[OWN_DEBUG].value, err);
}

/* --- what goes to stdout or to a file --- */

static const char *output_path(const struct request *request)
{
    const char *path = request->flags[OWN_OUTPUT].value;
    return path ? path : request->flags[OWN_O].value;
}

/* Let fn write to where -o says. */
static bool write_out(const struct request *request,
                      bool (*fn)(const struct request *, struct buf *out, struct err *err),
                      struct err *err)
{
    AUTO_BUF out = {0};
    struct err why = {0};
    struct output_file file;
    const char *path = output_path(request);
    if (!path)
        output_stream(&out, &why);
    else if (!output_file_begin(&file, path, &out, &why))
        goto failed;
    bool ok = fn(request, &out, err);
    if (path)
        ok = output_file_end(&file, &out, ok, &why) && ok;
    else if (!why.code)
        ok = output_stdout(&out, &why) && ok; /* also what came before a failure */
    if (!ok && !why.code)
        return false;
    if (ok && !why.code) {
        if (path)
            tell("wrote %s", path);
        return true;
    }
failed:
    *err = why;
    return false;
}

/* --- summaries and exports --- */

static bool is_chosen(const struct analysis_task *tasks, size_t n, const struct analysis_ops *ops)
{
    for (size_t i = 0; i < n; i++)
        if (tasks[i].ops == ops)
            return true;
    return false;
}

static bool choose(enum analysis_group group, const char *names,
                   struct analysis_task tasks[TASKS_MAX], size_t *n, struct err *err)
{
    AUTO_BUF all = {0};
    *n = 0;
    for (size_t i = 0; analysis_registry[i]; i++) {
        const struct analysis_ops *ops = analysis_registry[i];
        if (ops->group != group)
            continue;
        buf_printf(&all, "%s%s", all.len ? ", " : "", ops->name);
        if (!*names && *n < TASKS_MAX)
            tasks[(*n)++] = (struct analysis_task){.ops = ops};
    }
    for (const char *p = names; *p;) {
        size_t len = strcspn(p, ",");
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)len, p);
        const struct analysis_ops *ops = analysis_find(group, name);
        if (!ops || *n == TASKS_MAX)
            return err_set(err, ERR_USAGE, "there is no '%s' of a trace; there are %s", name,
                           buf_str(&all));
        if (!is_chosen(tasks, *n, ops))
            tasks[(*n)++] = (struct analysis_task){.ops = ops};
        p += len + (p[len] == ',');
    }
    return true;
}

static bool run_tasks(const struct request *request, struct analysis_task *tasks, size_t n,
                      struct file *body, struct trace_reader **reader, struct err *err)
{
    struct progress progress;
    struct source_options source = {0};
    struct diag diag;
    diag_init(&diag);
    *reader = trace_name_open(request->trace, request->binary, &source, body, err);
    bool ok = *reader != NULL;
    if (ok) {
        progress_begin(&progress, "reading the trace");
        ok = analysis_run(*reader, &request->options, tasks, n, &diag, err);
        progress_end(&progress);
    }
    tell_diag(&diag);
    diag_release(&diag);
    return ok;
}

static void print_json(const struct analysis_task *tasks, size_t n, struct buf *out)
{
    buf_putc(out, '{');
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s\n\"%s\":", i ? "," : "", tasks[i].ops->name);
        tasks[i].ops->json(tasks[i].state, out);
        buf_drain(out);
    }
    buf_puts(out, "\n}\n");
}

/* Names and messages of a trace may be anything: a terminal gets no controls of theirs. */
static void without_controls(struct buf *text, size_t from)
{
    for (size_t i = from; i < text->len; i++) {
        unsigned char c = (unsigned char)text->data[i];
        bool is_c1 = c == 0xc2 && i + 1 < text->len && (unsigned char)text->data[i + 1] < 0xa0;
        if ((c < ' ' && c != '\n') || c == 0x7f || is_c1) {
            text->data[i] = '?';
            if (is_c1)
                text->data[i + 1] = '?';
        }
    }
}

static void print_text(const struct analysis_task *tasks, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_putc(out, '\n');
        size_t from = out->len;
        tasks[i].ops->text(tasks[i].state, out);
        without_controls(out, from);
        buf_drain(out);
    }
}

static bool write_summaries(const struct request *request, struct buf *out, struct err *err)
{
    struct analysis_task tasks[TASKS_MAX];
    size_t n;
    AUTO_FILE body = {0};
    struct trace_reader *reader = NULL;
    struct analysis_facts *facts = NULL;
    struct request shared = *request;
    shared.options.facts = &facts;
    const char *names = request->flags[OWN_SUMMARY].value;
    if (!choose(ANALYSIS_SUMMARY, names ? names : "", tasks, &n, err))
        return false;
    bool ok = run_tasks(&shared, tasks, n, &body, &reader, err);
    if (ok)
        (has(request, OWN_JSON) ? print_json : print_text)(tasks, n, out);
    analysis_release(tasks, n);
    trace_reader_free(reader);
    return ok;
}

static bool write_export(const struct request *request, struct buf *out, struct err *err)
{
    struct analysis_task tasks[TASKS_MAX];
    size_t n;
    AUTO_FILE body = {0};
    struct trace_reader *reader = NULL;
    const char *name = request->flags[OWN_EXPORT].value;
    if (!choose(ANALYSIS_EXPORT, *name ? name : "?", tasks, &n, err))
        return false;
    if (n != 1)
        return err_set(err, ERR_USAGE, "-export takes one format, not '%s'", name);
    tasks[0].out = out;
    bool ok = run_tasks(request, tasks, 1, &body, &reader, err);
    analysis_release(tasks, 1);
    trace_reader_free(reader);
    return ok;
}

/* --- what the reader sees --- */

static bool write_debug(const struct request *request, struct buf *out, struct err *err)
{
    const char *mode = request->flags[OWN_DEBUG].value;
    AUTO_FILE body = {0};
    if (!strcmp(mode, "wire"))
        return trace_wire(request->trace, out, err);
    if (!strcmp(mode, "footprint"))
        return trace_footprint(request->trace, out, err);
    struct trace_reader *reader =
        trace_name_open(request->trace, request->binary, &(struct source_options){0}, &body, err);
    bool ok = reader && trace_parsed(reader, out, err);
    trace_reader_free(reader);
    return ok;
}

/* --- profiles: handed to `sonde pprof` --- */

static const char *flag_is(const char *arg, const char *name)
{
    if (*arg != '-')
        return NULL;
    arg += arg[1] == '-' ? 2 : 1;
    size_t n = strlen(name);
    return !strncmp(arg, name, n) && (!arg[n] || arg[n] == '=') ? arg + n : NULL;
}

static bool is_pprof(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (flag_is(argv[i], "pprof"))
            return true;
    return false;
}

/* `sonde pprof` with the flags that are not ours, and the profile as its source.  Without a
 * report the profile is written, as `go tool trace` does. */
static int run_pprof(int argc, char **argv)
{
    static const enum own_flag ours[] = {OWN_PPROF,     OWN_START, OWN_END,
                                         OWN_GOROUTINE, OWN_NAME,  OWN_TASK};
    struct err err = {0};
    AUTO_BUF source = {0};
    AUTO_BUF query = {0};
    VEC(char *) args = {0};
    const char *kind = "";
    bool is_report = false, ok = vec_push(&args, "pprof");
    if (*argv[argc - 1] == '-') {
        vec_release(&args);
        err_set(&err, ERR_USAGE, "give one trace, behind the flags; see 'sonde trace -help'");
        return tell_err(&err);
    }
    for (int i = 1; i < argc - 1; i++) {
        bool is_ours = false;
        for (size_t k = 0; k < sizeof ours / sizeof *ours && !is_ours; k++) {
            const char *name = own_flags[ours[k]].name, *value = flag_is(argv[i], name);
            if (!value)
                continue;
            is_ours = true;
            value = *value == '=' ? value + 1 : i + 1 < argc - 1 ? argv[++i] : "";
            if (ours[k] == OWN_PPROF)
                kind = value;
            else
                trace_name_parameter(&query, name, value);
        }
        if (is_ours)
            continue;
        if (i == argc - 2 && *argv[i] != '-' && access(argv[i], R_OK) == 0) {
            trace_name_parameter(&query, "binary", argv[i]);
            continue;
        }
        const char *output = flag_is(argv[i], "output");
        if (!output && (output = flag_is(argv[i], "o"))) {
            ok = ok && vec_push(&args, "-output");
            if (*output)
                ok = ok && vec_push(&args, argv[i] + (output - argv[i]) + 1);
        } else {
            ok = ok && vec_push(&args, argv[i]);
        }
        is_report |= !output;
        if (output && !*output && i + 1 < argc - 1)
            ok = ok && vec_push(&args, argv[++i]);
    }
    buf_printf(&source, "trace:%s/%s%s", argv[argc - 1], kind, buf_str(&query));
    if (!is_report)
        ok = ok && vec_push(&args, "-proto");
    ok = ok && vec_push(&args, source.data) && vec_push(&args, NULL) && !source.failed &&
         !query.failed;
    if (!ok)
        err_nomem(&err);
    int status = ok ? command_pprof.run((int)args.n - 1, args.items) : tell_err(&err);
    vec_release(&args);
    return status;
}

/* --- the page --- */

static bool serve_page(const struct request *request, struct err *err)
{
    const struct trace_web_request page = {.path = request->trace,
                                           .binary = request->binary,
                                           .http = request->flags[OWN_HTTP].value,
                                           .no_browser = has(request, OWN_NO_BROWSER),
                                           .options = request->options};
    return trace_web_run(&page, err);
}

static int run(int argc, char **argv)
{
    struct err err = {0};
    struct request request;
    bool help = false;
    if (is_pprof(argc, argv))
        return run_pprof(argc, argv);
    bool ok = parse(argc, argv, &request, &help, &err);
    if (ok && help) {
        AUTO_BUF text = {0};
        usage(&text);
        ok = output_stdout(&text, &err);
    } else if (ok && wants_page(&request)) {
        ok = serve_page(&request, &err);
    } else if (ok) {
        ok = write_out(&request,
                       request.flags[OWN_DEBUG].value    ? write_debug
                       : request.flags[OWN_EXPORT].value ? write_export
                                                         : write_summaries,
                       &err);
    }
    return ok ? 0 : tell_err(&err);
}

const struct command_ops command_trace = {
    .name = "trace",
    .help = "Read execution traces and show them, as 'go tool trace' does",
    .each_flag = each_flag,
    .usage = usage,
    .run = run,
};
