#include "ui/registry.h"

#include "collect/collect.h"
#include "os/proc.h"
#include "ui/flags.h"
#include "ui/output.h"
#include "ui/shell_config.h"
#include "ui/tell.h"

#include <string.h>

struct rows {
    struct buf *out;
    const char *command;
};

static void flag_row(const struct flag_doc *flag, void *arg)
{
    const struct rows *rows = arg;
    buf_printf(rows->out, "flag\t%s\t%s\t%s\t%s\t%s\t%s\n", rows->command, flag->group, flag->name,
               flag->value ? flag->value : "", flag->words ? flag->words : "", flag->help);
}

static void write_rows(struct buf *out)
{
    for (size_t i = 0; command_registry[i]; i++) {
        const struct command_ops *command = command_registry[i];
        if (command->is_hidden)
            continue;
        buf_printf(out, "command\t%s\t%s\n", command->name, command->help);
        if (command->each_flag)
            command->each_flag(flag_row, &(struct rows){out, command->name});
    }
    for (size_t i = 0; collect_registry[i]; i++)
        buf_printf(out, "kind\t%s\t%s\n", collect_registry[i]->name, collect_registry[i]->help);
}

/* Names with line breaks are left out. */
static void write_configs(struct buf *out)
{
    AUTO_BUF names = {0};
    shell_config_names(&names);
    for (const char *p = names.data; p && p < names.data + names.len; p += strlen(p) + 1)
        if (!strpbrk(p, "\r\n"))
            buf_printf(out, "%s\n", p);
    out->failed |= names.failed;
}

static void usage(struct buf *out)
{
    buf_puts(
        out,
        "usage: sonde registry [configs|processes]\n\n"
        "Prints the commands, their flags and the kinds of recordings as rows with tabs, "
        "of\nwhich manual pages and completions are made:\n\n"
        "  command NAME HELP\n"
        "  flag COMMAND GROUP NAME VALUE WORDS HELP\n"
        "  kind NAME HELP\n\n"
        "With `configs`, the names of saved configurations, for -config; with `processes`,\nthose "
        "of processes that run, for -p.\n");
}

static int run(int argc, char **argv)
{
    struct err err = {0};
    AUTO_BUF out = {0};
    int n_used;
    bool help;
    bool ok = flags_parse(NULL, 0, argc, argv, &n_used, &help, &err);
    const char *what = ok && n_used + 1 == argc ? argv[n_used] : "";
    bool configs = !strcmp(what, "configs"), processes = !strcmp(what, "processes");
    if (ok && !help && !configs && !processes && n_used < argc)
        ok = err_set(&err, ERR_USAGE, "unexpected '%s'; see 'sonde registry -help'", argv[n_used]);
    if (ok && help)
        usage(&out);
    else if (configs)
        write_configs(&out);
    else if (processes)
        proc_names(&out);
    else if (ok)
        write_rows(&out);
    return ok && output_stdout(&out, &err) ? 0 : tell_err(&err);
}

const struct command_ops command_registry_rows = {
    .name = "registry",
    .help = "Print what commands and flags there are, for programs",
    .is_hidden = true,
    .usage = usage,
    .run = run,
};
