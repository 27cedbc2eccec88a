#include "ui/flags.h"

#include "base/vec.h"

#include <string.h>

bool flags_bool(const char *text, bool *value)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!strcmp(text, yes[i]) || !strcmp(text, no[i])) {
            *value = !strcmp(text, yes[i]);
            return true;
        }
    return false;
}

static struct flag *find(struct flag *flags, size_t n_flags, const char *name, size_t len)
{
    for (size_t i = 0; i < n_flags; i++)
        if (strlen(flags[i].name) == len && !memcmp(flags[i].name, name, len))
            return &flags[i];
    return NULL;
}

bool flags_parse(struct flag *flags, size_t n_flags, int argc, char **argv, int *n_used, bool *help,
                 struct err *err)
{
    *help = false;
    int i = 1;
    for (; i < argc; i++) {
        const char *arg = argv[i], *name = arg + 1;
        if (arg[0] != '-' || !arg[1])
            break;
        if (!strcmp(arg, "--")) {
            i++;
            break;
        }
        if (*name == '-')
            name++;
        if (!*name || *name == '-' || *name == '=')
            return err_set(err, ERR_USAGE, "bad flag syntax: %s", arg);

        const char *value = strchr(name, '=');
        size_t len = value ? (size_t)(value - name) : strlen(name);
        if (value)
            value++;
        struct flag *flag = find(flags, n_flags, name, len);
        if (!flag && ((len == 1 && *name == 'h') || (len == 4 && !memcmp(name, "help", 4)))) {
            *help = true;
            break;
        }
        if (!flag)
            return err_set(err, ERR_USAGE, "unknown flag -%.*s; see 'sonde %s -help'", (int)len,
                           name, argv[0]);
        if (flag->is_bool) {
            bool on = true;
            if (value && !flags_bool(value, &on))
                return err_set(err, ERR_USAGE, "invalid boolean value '%s' for -%s", value,
                               flag->name);
            flag->value = on ? "true" : "false";
            continue;
        }
        if (!value && flag->is_optional)
            value = "";
        if (!value && i + 1 < argc)
            value = argv[++i];
        if (!value)
            return err_set(err, ERR_USAGE, "flag needs a value: -%s", flag->name);
        flag->value = value;
        if (flag->list && *value && !vec_push(flag->list, (char *)value))
            return err_nomem(err);
    }
    *n_used = i;
    return true;
}
