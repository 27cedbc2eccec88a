#include "ui/shell_config.h"

#include "ui/settings.h"
#include "ui/shell_command.h"
#include "ui/tell.h"

#include <string.h>

/* Short headers are the shell's own choice: configurations neither set nor get them here. */
static void describe(struct report_options options, struct buf *out)
{
    options.compact_labels = false;
    buf_clear(out);
    settings_describe(&options, out);
}

static bool list(struct shell_session *session, const char *name, const char *path, struct buf *out,
                 struct err *err)
{
    AUTO_BUF now = {0}, says = {0};
    AUTO_ARENA arena = {0};
    struct settings settings;
    if (!settings_read(&settings, path, err))
        return false;
    arena_init(&arena);
    describe(session->options, &now);
    bool has_default = settings_find(&settings, SETTINGS_DEFAULT) != NULL, ok = true;
    for (size_t i = has_default; i <= settings.n_configs; i++) {
        const struct settings_config *config = i ? &settings.configs[i - 1] : NULL;
        struct report_options options;
        report_options_init(&options);
        ok = ok && (!config || settings_use(config, &options, &arena));
        describe(options, &says);
        bool is_now = strcmp(buf_str(&says), buf_str(&now)) == 0;
        buf_puts(out, is_now ? "* " : "  ");
        tell_visibly(out, config ? config->name : SETTINGS_DEFAULT);
        buf_puts(out, says.len ? ": " : "");
        tell_visibly(out, buf_str(&says));
        buf_putc(out, '\n');
    }
    settings_release(&settings);
    return (ok && !out->failed) || err_nomem(err);
}

static bool use(struct shell_session *session, const char *name, const char *path, struct buf *out,
                struct err *err)
{
    struct report_options options = session->options;
    if (!settings_use_saved(name, &options, &session->arena, err))
        return false;
    options.compact_labels = session->options.compact_labels;
    session->options = options;
    return true;
}

static bool save(struct shell_session *session, const char *name, const char *path, struct buf *out,
                 struct err *err)
{
    struct settings settings;
    struct report_options options = session->options;
    options.compact_labels = false;
    bool ok = settings_read(&settings, path, err) && settings_put(&settings, name, &options, err) &&
              settings_write(&settings, path, err);
    settings_release(&settings);
    if (ok)
        buf_printf(out, "Saved in %s\n", path);
    return ok;
}

static bool delete (struct shell_session *session, const char *name, const char *path,
                    struct buf *out, struct err *err)
{
    struct settings settings;
    bool ok = settings_read(&settings, path, err);
    if (ok && !settings_remove(&settings, name))
        ok = err_set(err, ERR_USAGE, "there is no configuration '%s' in %s", name, path);
    ok = ok && settings_write(&settings, path, err);
    settings_release(&settings);
    return ok;
}

const struct shell_config_command shell_config_commands[] = {
    {"configs", "List the saved configurations, with * at what is set", false, list},
    {"config", "Set the options to those of a configuration", true, use},
    {"saveconfig", "Save the options as a configuration", true, save},
    {"deleteconfig", "Delete a configuration", true, delete},
    {NULL},
};

const struct shell_config_command *shell_config_find(const char *name)
{
    for (const struct shell_config_command *c = shell_config_commands; c->name; c++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

bool shell_config_at(const char *line, size_t n)
{
    for (const struct shell_config_command *c = shell_config_commands; c->name; c++)
        if (c->takes_name && strlen(c->name) == n && !memcmp(c->name, line, n))
            return true;
    return false;
}

bool shell_config_check(const struct shell_config_command *command, const char *name,
                        struct err *err)
{
    if (command->takes_name && !*name)
        return err_set(err, ERR_USAGE, "please name a configuration, e.g. %s <name>",
                       command->name);
    return command->takes_name || !*name ||
           err_set(err, ERR_USAGE, "%s takes no argument", command->name);
}

bool shell_config_run(struct shell_session *session, const struct shell_config_command *command,
                      const char *name, struct buf *out, struct err *err)
{
    AUTO_BUF path = {0};
    return settings_path(&path, err) && command->run(session, name, buf_str(&path), out, err);
}

void shell_config_names(struct buf *out)
{
    AUTO_BUF path = {0};
    struct settings settings;
    if (!settings_path(&path, NULL) || !settings_read(&settings, buf_str(&path), NULL))
        return;
    if (!settings_find(&settings, SETTINGS_DEFAULT))
        buf_add(out, SETTINGS_DEFAULT, sizeof SETTINGS_DEFAULT);
    for (size_t i = 0; i < settings.n_configs; i++)
        buf_add(out, settings.configs[i].name, strlen(settings.configs[i].name) + 1);
    settings_release(&settings);
}
