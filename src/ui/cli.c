#include "ui/cli.h"

#include "base/err.h"
#include "ui/command.h"
#include "ui/output.h"
#include "ui/tell.h"

#include <string.h>

static void usage(struct buf *out)
{
    buf_puts(out, "usage: sonde COMMAND [ARGUMENTS]\n\n"
                  "Sonde shows where programs spend their time and memory.\n\ncommands:\n");
    for (size_t i = 0; command_registry[i]; i++)
        if (!command_registry[i]->is_hidden)
            buf_printf(out, "  %-10s %s\n", command_registry[i]->name, command_registry[i]->help);
    buf_puts(out, "  help       Show this text, or with a COMMAND its help\n"
                  "  version    Show the version\n");
}

static bool fail_unknown(const char *name, struct err *err)
{
    AUTO_BUF names = {0};
    for (size_t i = 0; command_registry[i]; i++)
        if (!command_registry[i]->is_hidden)
            buf_printf(&names, "%s, ", command_registry[i]->name);
    return err_set(err, ERR_USAGE, "unknown command '%s'; commands: %shelp, version", name,
                   buf_str(&names));
}

static bool help(int argc, char **argv, struct buf *out, struct err *err)
{
    if (argc < 2) {
        usage(out);
        return true;
    }
    const struct command_ops *command = command_find(argv[1]);
    if (!command)
        return fail_unknown(argv[1], err);
    command->usage(out);
    return true;
}

static bool is_one_of(const char *s, const char *a, const char *b, const char *c)
{
    return !strcmp(s, a) || !strcmp(s, b) || !strcmp(s, c);
}

int cli_main(int argc, char **argv)
{
    struct err err = {0};
    AUTO_BUF out = {0};
    if (argc < 2) {
        err_set(&err, ERR_USAGE, "no command given; try 'sonde help'");
        return tell_err(&err);
    }
    const char *name = argv[1];
    const struct command_ops *command = command_find(name);
    if (command)
        return command->run(argc - 1, argv + 1);

    bool ok = true;
    if (is_one_of(name, "help", "-help", "--help") || !strcmp(name, "-h"))
        ok = help(argc - 1, argv + 1, &out, &err);
    else if (is_one_of(name, "version", "-version", "--version"))
        buf_puts(&out, "sonde " SONDE_VERSION "\n");
    else
        ok = fail_unknown(name, &err);
    if (!ok || !output_stdout(&out, &err))
        return tell_err(&err);
    return 0;
}
