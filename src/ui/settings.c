#include "ui/settings.h"

#include "base/json_read.h"
#include "base/reader.h"
#include "base/utf8.h"
#include "base/vec.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES (16 << 20)

/* What is saved, in the order of pprof's file. */
static const char *const saved[] = {"call_tree",     "relative_percentages",
                                    "unit",          "compact_labels",
                                    "intel_syntax",  "mean",
                                    "normalize",     "sort",
                                    "tagroot",       "tagleaf",
                                    "drop_negative", "nodecount",
                                    "nodefraction",  "edgefraction",
                                    "trim",          "focus",
                                    "ignore",        "prune_from",
                                    "hide",          "show",
                                    "show_from",     "tagfocus",
                                    "tagignore",     "tagshow",
                                    "taghide",       "noinlines",
                                    "showcolumns",   "granularity"};
#define N_SAVED (sizeof saved / sizeof *saved)

static const struct option_def *saved_option(const char *name)
{
    const struct option_def *def = option_defs;
    while (strcmp(def->name, name) != 0)
        def++;
    return def;
}

static void *field_of(struct report_options *options, const struct option_def *def)
{
    return (char *)options + def->offset;
}

void settings_release(struct settings *settings)
{
    free(settings->configs);
    arena_release(&settings->arena);
    *settings = (struct settings){0};
}

bool settings_path(struct buf *path, struct err *err)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (config && *config) {
        if (*config != '/')
            return err_set(err, ERR_USAGE, "XDG_CONFIG_HOME is not an absolute path: '%s'", config);
        buf_printf(path, "%s", config);
    } else if (home && *home) {
        buf_printf(path, "%s/.config", home);
    } else {
        return err_set(err, ERR_USAGE,
                       "neither XDG_CONFIG_HOME nor HOME says where settings are kept");
    }
    buf_puts(path, "/pprof/settings.json");
    return !path->failed || err_nomem(err);
}

/* --- reading --- */

static void read_float(struct json_reader *r, double *value)
{
    struct str number = {"", 0};
    char text[64];
    json_read_number(r, &number);
    if (r->wrong)
        return;
    snprintf(text, sizeof text, "%.*s", (int)(number.len < 63 ? number.len : 63), number.p);
    double v = strtod(text, NULL);
    if (number.len > 63 || !isfinite(v))
        json_wrong(r, "this number is too large");
    else
        *value = v;
}

static void read_int(struct json_reader *r, int *value)
{
    struct str number = {"", 0};
    char text[32];
    json_read_number(r, &number);
    if (r->wrong)
        return;
    snprintf(text, sizeof text, "%.*s", (int)(number.len < 31 ? number.len : 31), number.p);
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (*end || number.len > 31 || errno || v < INT_MIN || v > INT_MAX)
        json_wrong(r, "a whole number was expected");
    else
        *value = (int)v;
}

/* A text, or with `def` one of its choices, into the option. */
static void read_text(struct json_reader *r, const struct option_def *def, struct arena *arena,
                      void *field)
{
    AUTO_BUF text = {0};
    json_read_string(r, &text);
    if (r->wrong)
        return;
    if (memchr(buf_str(&text), '\0', text.len)) {
        json_wrong(r, "a zero byte in a text");
        return;
    }
    if (def->kind == OPTION_CHOICE) {
        unsigned chosen = 0;
        for (unsigned i = 0; text.len && def->choices[i] && !chosen; i++)
            chosen = strcmp(buf_str(&text), def->choices[i]) == 0 ? i + 1 : 0;
        if (text.len && !chosen)
            json_wrong(r, !strcmp(def->name, "sort") ? "unknown value of \"sort\""
                                                     : "unknown value of \"granularity\"");
        memcpy(field, &chosen, sizeof chosen);
        return;
    }
    const char *copy = arena_strndup(arena, buf_str(&text), text.len);
    if (!copy)
        json_no_memory(r);
    *(const char **)field = copy;
}

static void read_option(struct json_reader *r, const struct option_def *def, struct arena *arena,
                        struct report_options *options)
{
    void *field = field_of(options, def);
    if (json_peek(r) == JSON_NULL)
        json_skip(r);
    else if (def->kind == OPTION_BOOL)
        json_read_bool(r, field);
    else if (def->kind == OPTION_INT)
        read_int(r, field);
    else if (def->kind == OPTION_FLOAT)
        read_float(r, field);
    else
        read_text(r, def, arena, field);
}

static void read_config(struct json_reader *r, struct arena *arena, struct settings_config *config)
{
    static const struct option_def name_def = {.name = "name", .kind = OPTION_STRING};
    AUTO_BUF key = {0};
    *config = (struct settings_config){.name = ""};
    if (json_peek(r) == JSON_NULL) {
        json_skip(r);
        return;
    }
    json_enter(r, JSON_OBJECT);
    while (json_next_key(r, &key)) {
        size_t i = 0;
        while (i < N_SAVED && strcasecmp(saved[i], buf_str(&key)) != 0)
            i++;
        if (i < N_SAVED)
            read_option(r, saved_option(saved[i]), arena, &config->options);
        else if (strcasecmp(buf_str(&key), "name") != 0 || json_peek(r) == JSON_NULL)
            json_skip(r);
        else
            read_text(r, &name_def, arena, &config->name);
    }
}

static struct settings_config *add_config(struct settings *s)
{
    if (!vec_grow_((void **)&s->configs, &s->cap_configs, s->n_configs + 1, sizeof *s->configs))
        return NULL;
    return &s->configs[s->n_configs++];
}

static void read_configs(struct json_reader *r, struct settings *s)
{
    s->n_configs = 0; /* of two lists the last counts */
    if (json_peek(r) == JSON_NULL) {
        json_skip(r);
        return;
    }
    json_enter(r, JSON_ARRAY);
    while (json_next_item(r)) {
        struct settings_config *config = add_config(s);
        if (config)
            read_config(r, &s->arena, config);
        else
            json_no_memory(r);
    }
}

bool settings_decode(struct settings *settings, const void *data, size_t len, struct err *err)
{
    AUTO_BUF key = {0};
    struct json_reader r = json_reader_of(data, len);
    *settings = (struct settings){0};
    arena_init(&settings->arena);
    if (json_peek(&r) == JSON_NULL) {
        json_skip(&r);
    } else {
        json_enter(&r, JSON_OBJECT);
        while (json_next_key(&r, &key)) {
            if (strcasecmp(buf_str(&key), "configs") == 0)
                read_configs(&r, settings);
            else
                json_skip(&r);
        }
    }
    if (json_finish(&r, err))
        return true;
    settings_release(settings);
    return false;
}

bool settings_read(struct settings *settings, const char *path, struct err *err)
{
    struct stat st;
    AUTO_FILE file = {0};
    *settings = (struct settings){0};
    if (stat(path, &st) != 0)
        return errno == ENOENT || err_sys(err, errno, "cannot read '%s'", path);
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES)
        return err_set(err, ERR_INPUT, "cannot read '%s': %s", path,
                       S_ISREG(st.st_mode) ? "it is too large for settings" : "it is not a file");
    return file_read(&file, path, err) && (settings_decode(settings, file.data, file.len, err) ||
                                           err_wrap(err, "cannot read '%s'", path));
}

/* --- writing --- */

static void write_text(struct buf *out, const char *text)
{
    buf_putc(out, '"');
    for (const char *p = text; *p;) {
        size_t len = utf8_len(str_of(p));
        unsigned char c = (unsigned char)*p;
        const char *named = strchr("\bb\ff\nn\rr\tt", c);
        if (!len)
            buf_puts(out, UTF8_REPLACEMENT);
        else if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 && named)
            buf_printf(out, "\\%c", named[1]);
        else if (c < 0x20 || c == '<' || c == '>' || c == '&')
            buf_printf(out, "\\u%04x", c);
        else if (len == 3 && (utf8_char(p, 3) | 1) == 0x2029) /* ends of lines, to JavaScript */
            buf_printf(out, "\\u%04x", (unsigned)utf8_char(p, 3));
        else
            buf_add(out, p, len);
        p += len ? len : 1;
    }
    buf_putc(out, '"');
}

/* With the fewest digits that make the same number, as Go writes it. */
static void write_float(struct buf *out, double v)
{
    char text[40];
    int digits = 0;
    do
        snprintf(text, sizeof text, "%.*e", digits, v);
    while (strtod(text, NULL) != v && ++digits < 17);
    char *e = strchr(text, 'e');
    int exponent = e ? atoi(e + 1) : 0;
    if (exponent >= -6 && exponent < 21) {
        buf_printf(out, "%.*f", digits > exponent ? digits - exponent : 0, v);
        return;
    }
    buf_printf(out, "%.*se%c%d", (int)(e - text), text, exponent < 0 ? '-' : '+', abs(exponent));
}

/* The option's value as JSON, or with `is_plain` as it is typed; nothing (as in pprof's
 * file) for what is off, 0 or empty. */
static void write_value(struct buf *out, const struct report_options *options,
                        const struct option_def *def, bool is_plain)
{
    const void *field = (const char *)options + def->offset;
    const char *text = NULL;
    unsigned chosen;
    switch (def->kind) {
    case OPTION_BOOL:
        buf_puts(out, *(const bool *)field ? "true" : "");
        break;
    case OPTION_INT:
        if (*(const int *)field)
            buf_printf(out, "%d", *(const int *)field);
        break;
    case OPTION_FLOAT:
        if (*(const double *)field != 0)
            write_float(out, *(const double *)field);
        break;
    case OPTION_STRING:
        text = *(const char *const *)field;
        break;
    case OPTION_CHOICE:
        memcpy(&chosen, field, sizeof chosen);
        text = chosen ? def->choices[chosen - 1] : NULL;
        break;
    }
    if (text && *text && is_plain)
        buf_puts(out, text);
    else if (text && *text)
        write_text(out, text);
}

static void write_config(struct buf *out, const struct settings_config *config)
{
    AUTO_BUF value = {0};
    buf_puts(out, "    {\n      \"name\": ");
    write_text(out, config->name);
    for (size_t i = 0; i < N_SAVED; i++) {
        buf_clear(&value);
        write_value(&value, &config->options, saved_option(saved[i]), false);
        if (value.len)
            buf_printf(out, ",\n      \"%s\": %s", saved[i], buf_str(&value));
        out->failed |= value.failed;
    }
    buf_puts(out, "\n    }");
}

void settings_encode(const struct settings *settings, struct buf *out)
{
    buf_puts(out, "{\n  \"configs\": [");
    for (size_t i = 0; i < settings->n_configs; i++) {
        buf_puts(out, i ? ",\n" : "\n");
        write_config(out, &settings->configs[i]);
    }
    buf_puts(out, settings->n_configs ? "\n  ]\n}" : "]\n}");
}

bool settings_write(const struct settings *settings, const char *path, struct err *err)
{
    AUTO_BUF text = {0}, folder = {0};
    const char *slash = strrchr(path, '/');
    settings_encode(settings, &text);
    if (slash)
        buf_add(&folder, path, (size_t)(slash - path));
    if (text.failed || folder.failed)
        return err_nomem(err);
    return (!folder.len || file_make_folders(buf_str(&folder), 0700, err)) &&
           file_write_atomic(path, text.data, text.len, err);
}

/* --- configurations --- */

const struct settings_config *settings_find(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->n_configs; i++)
        if (!strcmp(settings->configs[i].name, name))
            return &settings->configs[i];
    return NULL;
}

/* The saved options of *from into *to, with copies of their texts. */
static bool copy_saved(const struct report_options *from, struct report_options *to,
                       struct arena *arena)
{
    static const size_t bytes[] = {
        [OPTION_BOOL] = sizeof(bool),           [OPTION_INT] = sizeof(int),
        [OPTION_FLOAT] = sizeof(double),        [OPTION_STRING] = sizeof(const char *),
        [OPTION_CHOICE] = sizeof(unsigned int),
    };
    struct report_options result = *to;
    for (size_t i = 0; i < N_SAVED; i++) {
        const struct option_def *def = saved_option(saved[i]);
        void *field = field_of(&result, def);
        memcpy(field, (const char *)from + def->offset, bytes[def->kind]);
        const char **text = field;
        if (def->kind == OPTION_STRING && *text) {
            *text = arena_strndup(arena, *text, strlen(*text));
            if (!*text)
                return false;
        }
    }
    *to = result;
    return true;
}

bool settings_put(struct settings *settings, const char *name, const struct report_options *options,
                  struct err *err)
{
    struct settings_config new = {0};
    struct settings_config *config = (struct settings_config *)settings_find(settings, name);
    if (!*name)
        return err_set(err, ERR_USAGE, "a configuration needs a name");
    if (!isfinite(options->nodefraction) || !isfinite(options->edgefraction))
        return err_set(err, ERR_USAGE,
                       "nodefraction and edgefraction have to be numbers to be saved");
    new.name = arena_strndup(&settings->arena, name, strlen(name));
    if (!new.name || !copy_saved(options, &new.options, &settings->arena))
        return err_nomem(err);
    if (new.options.sort == SORT_DEFAULT)
        new.options.sort = SORT_FLAT;
    if (!config)
        config = add_config(settings);
    if (!config)
        return err_nomem(err);
    *config = new;
    return true;
}

bool settings_remove(struct settings *settings, const char *name)
{
    const struct settings_config *config = settings_find(settings, name);
    if (!config)
        return false;
    size_t i = (size_t)(config - settings->configs);
    settings->n_configs--;
    memmove(settings->configs + i, settings->configs + i + 1,
            (settings->n_configs - i) * sizeof *settings->configs);
    return true;
}

/* What is empty where pprof's web page takes it for the default. */
static void fill_defaults(struct report_options *options)
{
    struct report_options defaults;
    report_options_init(&defaults);
    if (!options->unit || !*options->unit)
        options->unit = defaults.unit;
    if (options->sort == SORT_FLAT)
        options->sort = SORT_DEFAULT;
}

bool settings_use(const struct settings_config *config, struct report_options *options,
                  struct arena *arena)
{
    struct report_options result = *options;
    if (!copy_saved(&config->options, &result, arena))
        return false;
    fill_defaults(&result);
    *options = result;
    return true;
}

bool settings_use_saved(const char *name, struct report_options *options, struct arena *arena,
                        struct err *err)
{
    AUTO_BUF path = {0}, names = {0};
    struct settings settings = {0};
    struct settings_config built_in = {.name = SETTINGS_DEFAULT};
    report_options_init(&built_in.options);
    bool ok = settings_path(&path, err) && settings_read(&settings, buf_str(&path), err);
    if (ok) {
        const struct settings_config *config = settings_find(&settings, name);
        if (!config && !strcmp(name, SETTINGS_DEFAULT))
            config = &built_in;
        for (size_t i = 0; i < settings.n_configs; i++)
            buf_printf(&names, ", %s", settings.configs[i].name);
        if (!config)
            ok = err_set(err, ERR_USAGE,
                         "there is no configuration '%s' in %s; there is: " SETTINGS_DEFAULT "%s",
                         name, buf_str(&path), buf_str(&names));
        else
            ok = settings_use(config, options, arena) || err_nomem(err);
    }
    settings_release(&settings);
    return ok;
}

void settings_describe(const struct report_options *options, struct buf *out)
{
    AUTO_BUF value = {0}, other = {0};
    struct report_options defaults, mine = *options;
    report_options_init(&defaults);
    fill_defaults(&mine);
    size_t begin = out->len;
    for (size_t i = 0; i < N_SAVED; i++) {
        const struct option_def *def = saved_option(saved[i]);
        buf_clear(&value);
        buf_clear(&other);
        write_value(&value, &mine, def, true);
        write_value(&other, &defaults, def, true);
        if (strcmp(buf_str(&value), buf_str(&other)) == 0)
            continue;
        const char *off = def->kind == OPTION_BOOL ? "false" : "0";
        buf_printf(out, "%s%s=%s", out->len > begin ? " " : "", saved[i],
                   value.len ? buf_str(&value) : off);
    }
    out->failed |= value.failed || other.failed;
}
