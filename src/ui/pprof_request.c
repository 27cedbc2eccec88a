#include "ui/pprof_request.h"

#include "base/vec.h"
#include "ui/flags.h"
#include "ui/settings.h"
#include "ui/tell.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The flags that are neither a report nor an option of reports. */
enum own_flag {
    OWN_OUTPUT,
    OWN_CONFIG,
    OWN_SYMBOLIZE,
    OWN_BUILDID,
    OWN_BASE,
    OWN_DIFF_BASE,
    OWN_ALL_FRAMES,
    OWN_ADD_COMMENT,
    OWN_TOOLS,
    OWN_HTTP,
    OWN_NO_BROWSER,
    OWN_SECONDS,
    OWN_TIMEOUT,
    OWN_TLS_CERT,
    OWN_TLS_KEY,
    OWN_TLS_CA,
    N_OWN
};

#define SYMBOLIZE_WORDS                                                                            \
    "none local remote force demangle=none demangle=templates demangle=full demangle=default"

static const struct {
    const char *name, *help, *value, *words; /* as in struct flag_doc */
} own_flags[N_OWN] = {
    [OWN_OUTPUT] = {"output", "Write the report to this file", "FILE"},
    [OWN_CONFIG] = {"config", "Begin with the options of a saved configuration", "NAME",
                    "@configs"},
    [OWN_SYMBOLIZE] = {"symbolize", "Where symbols come from", "WORDS", SYMBOLIZE_WORDS},
    [OWN_BUILDID] = {"buildid", "Build ID of the main binary, if the profile has none", "ID"},
    [OWN_BASE] = {"base", "Source to subtract; several are added up", "SOURCE"},
    [OWN_DIFF_BASE] = {"diff_base", "Source to compare with; several are added up", "SOURCE"},
    [OWN_ALL_FRAMES] = {"all_frames", "Keep the frames that the profile asks to drop"},
    [OWN_ADD_COMMENT] = {"add_comment", "Text to add to the profile's comments", "TEXT"},
    [OWN_TOOLS] = {"tools", "Tools to use instead of own code: dot, or dot:PATH", "TOOLS", "dot"},
    [OWN_HTTP] = {"http", "Serve the web page there: localhost:8080; ':' is any free port",
                  "[HOST]:[PORT]"},
    [OWN_NO_BROWSER] = {"no_browser", "Do not open the web page in a browser"},
    [OWN_SECONDS] = {"seconds", "How long a server is to collect", "N"},
    [OWN_TIMEOUT] = {"timeout", "Seconds that a server may take to answer", "N"},
    [OWN_TLS_CERT] = {"tls_cert", "Certificate to show to servers (a PEM file)", "FILE"},
    [OWN_TLS_KEY] = {"tls_key", "Its key (a PEM file)", "FILE"},
    [OWN_TLS_CA] = {"tls_ca", "Authorities that servers are to be certified by (a PEM file)",
                    "FILE"},
};

/* Old names of values of -sample_index, in the order in which pprof looks. */
static const struct {
    const char *name, *sample_index;
    bool is_mean;
} value_flags[] = {
    {"total_delay", "delay"},           {"mean_delay", "delay", true},
    {"contentions", "contentions"},     {"inuse_space", "inuse_space"},
    {"inuse_objects", "inuse_objects"}, {"alloc_space", "alloc_space"},
    {"alloc_objects", "alloc_objects"},
};
#define N_VALUE_FLAGS (sizeof value_flags / sizeof *value_flags)

/* Groups of the help, beside those of options that are a choice. */
#define REPORTS "reports"
#define OPTIONS "options"
#define SHORT_FORMS "short forms"

/* All flags of the command line in one table: own_flags, value_flags, a flag for
 * each report, one for each option or each of its choices. */
struct flag_table {
    VEC(struct flag) flags;
    size_t first_value, first_report, first_option;
};

static bool table_init(struct flag_table *table, struct pprof_request *request, struct err *err)
{
    *table = (struct flag_table){0};
    bool ok = true;
    for (size_t i = 0; i < N_OWN; i++) {
        struct flag flag = {own_flags[i].name, !own_flags[i].value, NULL};
        flag.list = i == OWN_BASE        ? &request->base
                    : i == OWN_DIFF_BASE ? &request->diff_base
                                         : NULL;
        ok = ok && vec_push(&table->flags, flag);
    }
    table->first_value = table->flags.n;
    for (size_t i = 0; i < N_VALUE_FLAGS; i++)
        ok = ok && vec_push(&table->flags, (struct flag){value_flags[i].name, true, NULL});
    table->first_report = table->flags.n;
    for (size_t i = 0; report_registry[i]; i++) {
        bool is_bool = !(report_registry[i]->flags & REPORT_TAKES_REGEXP);
        ok = ok && vec_push(&table->flags, (struct flag){report_registry[i]->name, is_bool, NULL});
    }
    table->first_option = table->flags.n;
    for (const struct option_def *def = option_defs; def->name; def++) {
        if (def->kind != OPTION_CHOICE)
            ok = ok &&
                 vec_push(&table->flags, (struct flag){def->name, def->kind == OPTION_BOOL, NULL});
        for (size_t i = 0; def->kind == OPTION_CHOICE && def->choices[i]; i++)
            ok = ok && vec_push(&table->flags, (struct flag){def->choices[i], true, NULL});
    }
    return ok || err_nomem(err);
}

static bool is_on(const struct flag *flag)
{
    return flag->value && !strcmp(flag->value, "true");
}

static bool choose_report(const struct flag *flags, struct pprof_request *request, struct err *err)
{
    for (size_t i = 0; report_registry[i]; i++) {
        bool takes_regexp = report_registry[i]->flags & REPORT_TAKES_REGEXP;
        if (takes_regexp ? !flags[i].value || !*flags[i].value : !is_on(&flags[i]))
            continue;
        if (request->report)
            return err_set(err, ERR_USAGE, "choose one report, not both -%s and -%s",
                           request->report->name, report_registry[i]->name);
        request->report = report_registry[i];
        request->regexp = takes_regexp ? flags[i].value : NULL;
    }
    return true;
}

static bool set_options(const struct flag *flags, struct report_options *options, struct err *err)
{
    const struct flag *flag = flags;
    for (const struct option_def *def = option_defs; def->name; def++) {
        if (def->kind != OPTION_CHOICE) {
            if (flag->value && !report_options_set(options, def, flag->value, err))
                return err_set(err, ERR_USAGE, "invalid value '%s' for -%s: it takes a%s number",
                               flag->value, flag->name, def->kind == OPTION_INT ? " whole" : "");
            flag++;
            continue;
        }
        const char *chosen = NULL;
        for (size_t i = 0; def->choices[i]; i++, flag++) {
            if (!is_on(flag))
                continue;
            if (chosen)
                return err_set(err, ERR_USAGE, "conflicting options: -%s and -%s", chosen,
                               flag->name);
            chosen = flag->name;
        }
        if (chosen && !report_options_set(options, def, chosen, err))
            return false;
    }
    return true;
}

static bool is_word(const char *word, const char *a, const char *b)
{
    return !strcasecmp(word, a) || (b && !strcasecmp(word, b));
}

/* The words of -symbolize=A:B:...; an unknown one is told and ignored, as pprof does. */
static void parse_symbolize(const char *mode, struct fetch_request *fetch)
{
    static const struct {
        const char *word, *short_word;
        enum demangle_mode mode;
    } demangle[] = {{"demangle=full", "full", DEMANGLE_FULL},
                    {"demangle=none", NULL, DEMANGLE_NONE},
                    {"demangle=templates", "templates", DEMANGLE_TEMPLATES}};
    fetch->symbolize = fetch->ask_servers = true;
    fetch->resolve = (struct resolve_options){.debuginfod = true};
    for (const char *p = mode; *p;) {
        size_t len = strcspn(p, ":");
        char word[32];
        snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1), p);
        bool known = !len || is_word(word, "default", "demangle=default");
        if (is_word(word, "none", "no")) {
            fetch->symbolize = fetch->ask_servers = false;
            return;
        }
        if (is_word(word, "remote", NULL)) {
            fetch->symbolize = false;
            known = fetch->ask_servers = true;
        } else if (is_word(word, "local", "fastlocal")) {
            fetch->ask_servers = false;
            known = fetch->symbolize = true;
        } else if (is_word(word, "force", NULL))
            known = fetch->resolve.force = true;
        for (size_t i = 0; i < sizeof demangle / sizeof *demangle; i++)
            if (is_word(word, demangle[i].word, demangle[i].short_word)) {
                fetch->resolve.demangle = demangle[i].mode;
                known = fetch->resolve.force = true;
            }
        if (!known)
            tell("ignoring '%.*s' of -symbolize; it takes none, local or remote, force and "
                 "demangle=none|full|templates|default, joined with ':'",
                 (int)len, p);
        p += len + (p[len] == ':');
    }
}

/* A flag that takes a whole number; not above 0: as if it was not given. */
static bool flag_number(const struct flag *flag, int *n, struct err *err)
{
    char *end;
    *n = 0;
    if (!flag->value)
        return true;
    errno = 0;
    long v = strtol(flag->value, &end, 10);
    if (!*flag->value || *end || errno || v < INT_MIN || v > INT_MAX / 2)
        return err_set(err, ERR_USAGE, "invalid value '%s' for -%s: it takes a whole number",
                       flag->value, flag->name);
    *n = (int)v;
    return true;
}

static bool set_source_options(const struct flag *flags, struct source_options *options,
                               struct err *err)
{
    options->http = (struct http_options){flags[OWN_TLS_CERT].value, flags[OWN_TLS_KEY].value,
                                          flags[OWN_TLS_CA].value};
    return flag_number(&flags[OWN_SECONDS], &options->seconds, err) &&
           flag_number(&flags[OWN_TIMEOUT], &options->timeout_seconds, err);
}

static bool set_bases(struct pprof_request *request, struct err *err)
{
    struct fetch_request *fetch = &request->fetch;
    if (request->base.n && request->diff_base.n)
        return err_set(err, ERR_USAGE, "-base and -diff_base flags cannot both be specified");
    const struct flag_list *bases = request->base.n ? &request->base : &request->diff_base;
    fetch->bases = bases->items;
    fetch->n_bases = bases->n;
    fetch->diff_base = request->diff_base.n > 0;
    fetch->normalize = request->options.normalize;
    if (fetch->normalize && !fetch->n_bases)
        return err_set(err, ERR_USAGE, "must have base profile to normalize by");
    return true;
}

void pprof_each_flag(flag_doc_fn *fn, void *arg)
{
    for (size_t i = 0; report_registry[i]; i++) {
        const struct report_ops *report = report_registry[i];
        const char *value = report->flags & REPORT_TAKES_REGEXP ? "REGEXP" : NULL;
        fn(&(struct flag_doc){REPORTS, report->name, value, NULL, report->help}, arg);
    }
    for (const struct option_def *def = option_defs; def->name; def++) {
        const char *words = def->kind == OPTION_BOOL && def->value ? "true false" : NULL;
        if (def->kind != OPTION_CHOICE)
            fn(&(struct flag_doc){OPTIONS, def->name, def->value, words, def->help}, arg);
    }
    for (size_t i = 0; i < N_OWN; i++)
        fn(&(struct flag_doc){OPTIONS, own_flags[i].name, own_flags[i].value, own_flags[i].words,
                              own_flags[i].help},
           arg);
    for (const struct option_def *def = option_defs; def->name; def++)
        for (size_t i = 0; def->kind == OPTION_CHOICE && def->choices[i]; i++)
            fn(&(struct flag_doc){def->name, def->choices[i], NULL, NULL, def->choices_help[i]},
               arg);
    for (size_t i = 0; i < N_VALUE_FLAGS; i++) {
        char help[64];
        snprintf(help, sizeof help, "Same as %s-sample_index=%s",
                 value_flags[i].is_mean ? "-mean " : "", value_flags[i].sample_index);
        fn(&(struct flag_doc){SHORT_FORMS, value_flags[i].name, NULL, NULL, help}, arg);
    }
}

struct usage {
    struct buf *out;
    const char *group; /* of the last flag */
};

/* "  -name=VALUE    help", with the title of its group before the first. */
static void usage_flag(const struct flag_doc *flag, void *arg)
{
    struct usage *usage = arg;
    char text[64];
    if (strcmp(usage->group, flag->group) != 0) {
        bool is_choice = strcmp(flag->group, OPTIONS) != 0 && strcmp(flag->group, SHORT_FORMS) != 0;
        buf_printf(usage->out, "\n%s%s:\n", flag->group, is_choice ? " (choose at most one)" : "");
    }
    usage->group = flag->group;
    snprintf(text, sizeof text, "-%s%s%s", flag->name, flag->value ? "=" : "",
             flag->value ? flag->value : "");
    buf_printf(usage->out, "  %-22s %s\n", text, flag->help);
}

void pprof_usage(struct buf *out)
{
    buf_puts(out, "usage: sonde pprof [REPORT] [OPTIONS] [BINARY] SOURCE...\n\n"
                  "Reads profiles, merges them and prints one report; without a REPORT, the shell\n"
                  "starts, which makes one after the other, or with -http a web page.  Flags are "
                  "those of 'go tool pprof',\n"
                  "-flag or --flag; a BINARY, if the first name is one, is where the profile's "
                  "main\nprogram is looked up.\n");
    pprof_each_flag(usage_flag, &(struct usage){out, ""});
    buf_puts(
        out,
        "\n-symbolize=WORDS, joined with ':':\n"
        "  none                   Show what the profile holds\n"
        "  local                  Look the binaries up on this machine\n"
        "  fastlocal              The same here\n"
        "  remote                 Ask the server of a profile (default: both)\n"
        "  force                  Look up also what has symbols already\n"
        "  demangle=none|templates|full|default\n"
        "                         How much of C++ and Rust names to show\n"
        "\nsources:\n"
        "  FILE                   A profile; what it is, is told by its content\n"
        "  URL, HOST:PORT/PATH    Of a server: http:, https:, https+insecure:, unix:SOCKET/PATH\n"
        "  pid:PROCESS/KIND       Of a program that runs, by its pid or name: cpu, heap, block\n"
        "                         ...; ?seconds=N, enable=1, gc=1, consistent=1, hz=N\n"
        "  core:FILE/KIND         Of a core file: goroutine, heap ...; ?exe=PROGRAM\n"
        "\nexamples:\n"
        "  sonde pprof -top cpu.pb.gz\n"
        "  sonde pprof -tree -focus=parse -nodecount=20 ./server cpu.pb.gz\n"
        "  sonde pprof -list='^main$' -source_path=src cpu.pb.gz\n"
        "  sonde pprof -flame -output=cpu.svg cpu.pb.gz\n"
        "  sonde pprof -top 'pid:etcd/block?enable=1&seconds=5'\n"
        "  sonde pprof -http=: cpu.pb.gz\n"
        "\nenvironment:\n"
        "  BROWSER                Program for -http, -web and -weblist\n"
        "  PAGER                  Program for the shell's long reports (default less)\n"
        "  NO_COLOR               When set: no colours\n"
        "  PPROF_BINARY_PATH      Folders with binaries (default $HOME/pprof/binaries)\n"
        "  PPROF_TMPDIR           Where copies of servers' profiles go (default\n"
        "                         $HOME/pprof)\n"
        "  PPROF_TOOLS            Tools to use, as with -tools\n"
        "  DEBUGINFOD_URLS        Servers to ask for debug information\n");
}

/* "-list FILE": the file was taken for a regexp, or for another flag's value. */
static bool no_profile(const struct flag_table *table, const char *last, struct err *err)
{
    for (size_t i = 0; i < table->flags.n; i++) {
        const struct flag *flag = &table->flags.items[i];
        if (!flag->is_bool && flag->value == last)
            return err_set(err, ERR_USAGE, "no profile given: '%s' is the value of -%s", last,
                           flag->name);
    }
    return err_set(err, ERR_USAGE, "no profile given; see 'sonde pprof -help'");
}

static bool check_http(const struct pprof_request *request, struct err *err)
{
    if (request->http && request->report)
        return err_set(err, ERR_USAGE,
                       "-http is not compatible with an output format on the command line");
    return request->http || !request->no_browser ||
           err_set(err, ERR_USAGE, "-no_browser only makes sense with -http");
}

static bool parse(int argc, char **argv, struct flag_table *table, struct pprof_request *request,
                  bool *help, struct err *err)
{
    int n_used = 0;
    struct flag *flags = table->flags.items;
    if (!flags_parse(flags, table->flags.n, argc, argv, &n_used, help, err) || *help)
        return err->code == ERR_NONE;
    if (n_used == argc)
        return no_profile(table, argv[argc - 1], err);
    const char *config = flags[OWN_CONFIG].value, *http = flags[OWN_HTTP].value;
    request->http = http && *http ? http : NULL;
    request->no_browser = is_on(&flags[OWN_NO_BROWSER]);
    if (!choose_report(flags + table->first_report, request, err) ||
        (config && *config &&
         !settings_use_saved(config, &request->options, &request->arena, err)) ||
        !set_options(flags + table->first_option, &request->options, err) ||
        !check_http(request, err))
        return false;
    for (size_t i = 0; i < N_VALUE_FLAGS; i++) {
        if (!is_on(&flags[table->first_value + i]))
            continue;
        if (request->options.sample_index && *request->options.sample_index)
            tell("multiple value selections, ignoring -%s", value_flags[i].name);
        else
            request->options.sample_index = value_flags[i].sample_index;
        request->options.mean |= value_flags[i].is_mean;
    }

    if (!set_source_options(flags, &request->fetch.source, err) || !set_bases(request, err))
        return false;
    const char *output = flags[OWN_OUTPUT].value, *build_id = flags[OWN_BUILDID].value,
               *comment = flags[OWN_ADD_COMMENT].value;
    request->output = output && *output ? output : NULL;
    request->tools = flags[OWN_TOOLS].value;
    struct fetch_request *fetch = &request->fetch;
    fetch->build_id = build_id && *build_id ? build_id : NULL;
    fetch->comment = comment && *comment ? comment : NULL;
    fetch->all_frames = is_on(&flags[OWN_ALL_FRAMES]);
    parse_symbolize(flags[OWN_SYMBOLIZE].value ? flags[OWN_SYMBOLIZE].value : "", fetch);
    fetch->sources = argv + n_used;
    fetch->n_sources = (size_t)(argc - n_used);
    if (fetch->n_sources > 1 && fetch_is_object_file(fetch->sources[0])) {
        fetch->binary = fetch->sources[0];
        fetch->sources++;
        fetch->n_sources--;
    }
    fetch->without_stacks = request->report && (request->report->flags & REPORT_WITHOUT_STACKS) &&
                            !report_options_need_stacks(&request->options);
    return true;
}

bool pprof_request_parse(struct pprof_request *request, int argc, char **argv, bool *help,
                         struct err *err)
{
    struct flag_table table;
    *request = (struct pprof_request){0};
    arena_init(&request->arena);
    report_options_init(&request->options);
    bool ok = table_init(&table, request, err) && parse(argc, argv, &table, request, help, err);
    vec_release(&table.flags);
    return ok;
}

void pprof_request_release(struct pprof_request *request)
{
    vec_release(&request->base);
    vec_release(&request->diff_base);
    arena_release(&request->arena);
    *request = (struct pprof_request){0};
}
