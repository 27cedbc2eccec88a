#include "ui/shell_complete.h"

#include "base/map.h"
#include "base/str.h"
#include "report/report.h"
#include "ui/shell_config.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#define WORDS_MAX 1000 /* more are of no use */

struct words {
    struct buf *out;
    const char *prefix; /* of each: "name=" */
    size_t n;
};

static void add(struct words *words, const char *word, const char *end)
{
    if (words->n >= WORDS_MAX)
        return;
    words->n++;
    buf_puts(words->out, words->prefix);
    buf_puts(words->out, word);
    buf_puts(words->out, end);
    buf_putc(words->out, '\0');
}

static bool begins(const char *word, const char *with)
{
    return !strncmp(word, with, strlen(with));
}

/* Commands and names of options; `end` is "=" where a value is to follow. */
static void add_names(struct words *words, const char *typed, bool is_first)
{
    static const char *const own[] = {"help", "options", "quit", "exit"};
    for (size_t i = 0; report_registry[i]; i++)
        if (begins(report_registry[i]->name, typed))
            add(words, report_registry[i]->name, "");
    for (size_t i = 0; is_first && i < sizeof own / sizeof *own; i++)
        if (begins(own[i], typed))
            add(words, own[i], "");
    for (const struct shell_config_command *c = shell_config_commands; c->name; c++)
        if (begins(c->name, typed))
            add(words, c->name, "");
    for (const struct option_def *def = option_defs; def->name; def++) {
        for (size_t i = 0; def->kind == OPTION_CHOICE && def->choices[i]; i++)
            if (begins(def->choices[i], typed))
                add(words, def->choices[i], "");
        if (begins(def->name, typed))
            add(words, def->name, is_first ? "=" : "");
    }
    if (begins("output", typed))
        add(words, "output", is_first ? "=" : "");
}

/* The text as a regexp that matches it.  A line is cut at blanks, so dots stand for them. */
static void quote(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c && strchr("\\.+*?()|[]{}^$", c))
            buf_putc(out, '\\');
        buf_putc(out, c == ' ' ? '.' : c);
    }
}

/* What was typed, without the backslashes of quote(). */
static void plain(const char *typed, struct buf *out)
{
    for (; *typed; typed++)
        if (*typed != '\\')
            buf_putc(out, *typed);
}

/* Does the part, in which dots may stand for blanks, stand at text.p[at]? */
static bool fits_at(struct str text, size_t at, struct str part)
{
    for (size_t i = 0; i < part.len; i++) {
        if (at + i >= text.len)
            return false;
        char c = text.p[at + i], typed = part.p[i];
        if (c != typed && !(c == ' ' && typed == '.'))
            return false;
    }
    return true;
}

static bool contains(struct str text, struct str part)
{
    for (size_t at = 0; at + part.len <= text.len; at++)
        if (fits_at(text, at, part))
            return true;
    return false;
}

/* Functions whose names contain what was typed; those that begin with it alone, if
 * there are such. */
static void add_functions(struct words *words, const struct profile *p, const char *before,
                          const char *typed)
{
    AUTO_BUF plain_text = {0}, word = {0};
    plain(typed, &plain_text);
    const struct str part = {buf_str(&plain_text), plain_text.len};
    bool any = false;
    for (int pass = 0; pass < 2 && !any; pass++) {
        struct map seen = {0};
        for (uint32_t i = 0; i < p->n_functions; i++) {
            struct str name = profile_str(p, p->functions[i].name);
            bool fits = pass ? contains(name, part) : fits_at(name, 0, part);
            if (!fits || !name.len || map_get(&seen, p->functions[i].name) != MAP_NONE)
                continue;
            any = true;
            if (!map_put(&seen, p->functions[i].name, 0))
                break;
            buf_clear(&word);
            quote(&word, name);
            add(words, before, buf_str(&word));
        }
        map_release(&seen);
    }
}

/* What is completed of labels: key:value as a regexp; key=REGEXP, or where values are
 * numbers key=; the key as a regexp; the key as it is. */
enum tag_form { TAG_REGEXP, TAG_FILTER, TAG_KEY_REGEXP, TAG_KEY };

static void add_tags(struct words *words, const struct profile *p, const char *before,
                     const char *typed, enum tag_form form)
{
    AUTO_BUF tag = {0}, word = {0}; /* as it is, as it is typed */
    struct map seen = {0};
    bool has_value = form == TAG_REGEXP || form == TAG_FILTER;
    bool is_key_quoted = form == TAG_REGEXP || form == TAG_KEY_REGEXP;
    uint64_t n = p->label_first ? p->label_first[p->n_samples] : 0;
    for (uint64_t i = 0; i < n && words->n < WORDS_MAX; i++) {
        const struct profile_label *l = &p->labels[i];
        const char *key = profile_cstr(p, l->key);
        const char *value = has_value && !l->is_num ? profile_cstr(p, l->str) : "";
        uint64_t id = (uint64_t)l->key << 32 | (has_value && !l->is_num ? l->str : 0);
        if (map_get(&seen, id) != MAP_NONE || (l->is_num && form == TAG_REGEXP) ||
            (!is_key_quoted && strchr(key, ' ')))
            continue;
        if (!map_put(&seen, id, 0))
            break;
        const char *between = form == TAG_FILTER ? "=" : has_value ? ":" : "";
        buf_clear(&tag);
        buf_clear(&word);
        buf_printf(&tag, "%s%s%s", key, between, value);
        if (is_key_quoted)
            quote(&word, str_of(key));
        else
            buf_puts(&word, key);
        buf_puts(&word, between);
        quote(&word, str_of(value));
        if (begins(buf_str(&tag), typed) || begins(buf_str(&word), typed))
            add(words, before, buf_str(&word));
    }
    map_release(&seen);
}

static void add_files(struct words *words, const char *typed)
{
    AUTO_BUF folder = {0}, path = {0};
    const char *slash = strrchr(typed, '/'), *name = slash ? slash + 1 : typed;
    buf_add(&folder, typed, (size_t)(name - typed));
    DIR *dir = opendir(folder.len ? buf_str(&folder) : ".");
    for (struct dirent *e; dir && (e = readdir(dir));) {
        struct stat st;
        if (!begins(e->d_name, name) || (e->d_name[0] == '.' && name[0] != '.'))
            continue;
        buf_clear(&path);
        buf_printf(&path, "%s%s", buf_str(&folder), e->d_name);
        bool is_folder = stat(buf_str(&path), &st) == 0 && S_ISDIR(st.st_mode);
        add(words, buf_str(&path), is_folder ? "/" : "");
    }
    if (dir)
        closedir(dir);
}

static const struct option_def *find_option(const char *name, size_t len)
{
    for (const struct option_def *def = option_defs; def->name; def++)
        if (strlen(def->name) == len && !memcmp(def->name, name, len))
            return def;
    return NULL;
}

/* "name=" and the beginning of a value, which stands at `value`. */
static void add_values(struct words *words, const struct profile *p, const char *line,
                       const char *value)
{
    static const char *const paths[] = {"output", "source_path", "trim_path"};
    static const char *const functions[] = {"focus", "ignore",    "hide",
                                            "show",  "show_from", "prune_from"};
    static const struct {
        const char *name;
        enum tag_form form;
    } tags[] = {{"tagfocus", TAG_FILTER}, {"tagignore", TAG_FILTER},   {"tagroot", TAG_KEY},
                {"tagleaf", TAG_KEY},     {"tagshow", TAG_KEY_REGEXP}, {"taghide", TAG_KEY_REGEXP}};
    size_t len = (size_t)(value - line) - 1;
    const struct option_def *def = find_option(line, len);
    AUTO_BUF prefix = {0};
    buf_add(&prefix, line, len + 1);
    words->prefix = buf_str(&prefix);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strlen(paths[i]) == len && begins(line, paths[i]))
            add_files(words, value);
    for (size_t i = 0; def && def->kind == OPTION_CHOICE && def->choices[i]; i++)
        if (begins(def->choices[i], value))
            add(words, def->choices[i], "");
    for (int i = 0; def && def->kind == OPTION_BOOL && i < 2; i++)
        if (begins(i ? "false" : "true", value))
            add(words, i ? "false" : "true", "");
    for (uint32_t i = 0; def && !strcmp(def->name, "sample_index") && i < p->n_types; i++)
        if (begins(profile_cstr(p, p->types[i].type), value))
            add(words, profile_cstr(p, p->types[i].type), "");
    for (size_t i = 0; def && i < sizeof functions / sizeof *functions; i++)
        if (!strcmp(def->name, functions[i]))
            add_functions(words, p, "", value);
    for (size_t i = 0; def && i < sizeof tags / sizeof *tags; i++)
        if (!strcmp(def->name, tags[i].name))
            add_tags(words, p, "", value, tags[i].form);
    words->prefix = "";
}

/* The names of configurations, which may have blanks: `name` is where one begins in the
 * line, `typed` the word that is completed. */
static void add_configs(struct words *words, const char *name, const char *typed)
{
    AUTO_BUF names = {0};
    shell_config_names(&names);
    for (const char *p = names.data; p && p < names.data + names.len; p += strlen(p) + 1)
        if (begins(p, name))
            add(words, p + (typed - name), "");
}

void shell_complete(void *profile, const char *line, size_t start, struct buf *out)
{
    const struct profile *p = profile;
    struct words words = {out, "", 0};
    const char *typed = line + start, *first = line + strspn(line, " \t"),
               *equals = strchr(first, '=');
    size_t n_first = strcspn(first, " \t");
    for (size_t i = start; i-- > 0 && (line[i] == ' ' || line[i] == '\t' || line[i] == '>');) {
        if (line[i] == '>') {
            add_files(&words, typed);
            return;
        }
    }
    if (equals && !memchr(first, ' ', (size_t)(equals - first))) {
        add_values(&words, p, first, equals + 1);
    } else if (first == typed) {
        add_names(&words, typed, true);
        for (uint32_t i = 0; i < p->n_types; i++)
            if (*typed && begins(profile_cstr(p, p->types[i].type), typed))
                add(&words, profile_cstr(p, p->types[i].type), "");
    } else if (shell_config_at(first, n_first)) {
        add_configs(&words, first + n_first + strspn(first + n_first, " \t"), typed);
    } else if (n_first == 4 && !memcmp(first, "help", 4)) {
        add_names(&words, typed, false);
    } else if (n_first == 4 && !memcmp(first, "tags", 4)) {
        add_tags(&words, p, *typed == '-' ? "-" : "", typed + (*typed == '-'), TAG_REGEXP);
    } else {
        if (*typed == '-' && begins("-cum", typed))
            add(&words, "-cum", "");
        add_functions(&words, p, *typed == '-' ? "-" : "", typed + (*typed == '-'));
    }
}
