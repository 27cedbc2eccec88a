#include "ui/shell_command.h"

#include "base/vec.h"
#include "ui/shell_config.h"
#include "xform/view.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COMMENT "//:"
#define TOP_NODES 10 /* of top and text, unlike on the command line */

/* What ":" clears. */
static const char *const cleared[] = {"focus", "ignore", "hide", "tagfocus", "tagignore"};

void shell_session_init(struct shell_session *session, const struct profile *profile,
                        const struct report_options *options)
{
    *session = (struct shell_session){.profile = profile, .options = *options};
    arena_init(&session->arena);
    session->options.compact_labels = true;
}

void shell_session_release(struct shell_session *session)
{
    arena_release(&session->arena);
    *session = (struct shell_session){0};
}

static struct str trim(struct str s)
{
    while (s.len && isspace((unsigned char)*s.p)) {
        s.p++;
        s.len--;
    }
    while (s.len && isspace((unsigned char)s.p[s.len - 1]))
        s.len--;
    return s;
}

static bool is_word(struct str s, const char *word)
{
    return str_eq(s, str_of(word));
}

static const struct option_def *find_option(struct str name)
{
    for (const struct option_def *def = option_defs; def->name; def++)
        if (is_word(name, def->name))
            return def;
    return NULL;
}

/* The option that has `name` among its choices ("cum", "lines"). */
static const struct option_def *find_choice(struct str name)
{
    for (const struct option_def *def = option_defs; def->name; def++)
        for (size_t i = 0; def->kind == OPTION_CHOICE && def->choices[i]; i++)
            if (is_word(name, def->choices[i]))
                return def;
    return NULL;
}

static const char *keep(struct shell_session *s, struct str text)
{
    return arena_strndup(&s->arena, text.p, text.len);
}

/* A number or a name of a column becomes its name. */
static bool name_sample_index(const struct shell_session *s, const char **value, struct err *err)
{
    uint32_t type;
    if (!view_find_type(s->profile, *value, &type, err))
        return false;
    *value = profile_cstr(s->profile, s->profile->types[type].type);
    return true;
}

/* "cum", "cum=true": the choice of that name; "cum=false" leaves things as they are. */
static bool assign_choice(struct shell_session *s, const struct option_def *def, const char *name,
                          const char *value, struct err *err)
{
    bool is_chosen;
    if (!report_option_bool(value, &is_chosen))
        return err_set(err, ERR_USAGE, "%s: '%s' is neither true nor false", name, value);
    return !is_chosen || report_options_set(&s->options, def, name, err);
}

static bool assign(struct shell_session *s, struct str name, struct str text, bool has_value,
                   struct err *err)
{
    const struct option_def *def = find_option(name), *choice = def ? NULL : find_choice(name);
    const char *value = keep(s, text), *chosen = choice ? keep(s, name) : NULL;
    if (!value || (choice && !chosen))
        return err_nomem(err);
    if (choice)
        return assign_choice(s, choice, chosen, value, err);
    if (!has_value && (!def || def->kind != OPTION_BOOL))
        return err_set(err, ERR_USAGE, "please specify a value, e.g. %.*s=<val>", (int)name.len,
                       name.p);
    if (!def) {
        s->output = value;
        return true;
    }
    if (is_word(name, "sample_index") && *value && !name_sample_index(s, &value, err))
        return false;
    if (def->kind == OPTION_CHOICE && !*value) {
        unsigned none = 0;
        memcpy((char *)&s->options + def->offset, &none, sizeof none);
        return true;
    }
    return report_options_set(&s->options, def, value, err);
}

/* "name", "name=value", "name=value //: comment": done if `name` is an option. */
static bool try_assignment(struct shell_session *s, struct str line, bool *is_done, struct err *err)
{
    const char *equals = memchr(line.p, '=', line.len);
    struct str name = line, value = {"", 0};
    if (equals) {
        name.len = (size_t)(equals - line.p);
        value = (struct str){equals + 1, line.len - name.len - 1};
        for (size_t i = value.len; i-- > 0;) {
            if (value.len - i >= sizeof COMMENT - 1 &&
                !memcmp(value.p + i, COMMENT, sizeof COMMENT - 1)) {
                value.len = i;
                break;
            }
        }
    }
    name = trim(name);
    *is_done = find_option(name) || find_choice(name) || is_word(name, "output");
    return !*is_done || assign(s, name, trim(value), equals != NULL, err);
}

/* Names of columns, alone or with total_ or mean_ before, choose the column. */
static bool try_column(struct shell_session *s, struct str line, bool *is_done, struct err *err)
{
    const struct option_def *mean = find_option(STR("mean"));
    struct str rest = line;
    const char *average = NULL;
    if (mean && str_has_prefix(line, STR("total_")))
        average = "0";
    else if (mean && str_has_prefix(line, STR("mean_")))
        average = "1";
    if (average) {
        size_t n = *average == '0' ? 6 : 5;
        rest = (struct str){line.p + n, line.len - n};
    }
    for (int pass = 0; pass < 2; pass++) {
        struct str name = pass ? rest : line;
        for (uint32_t i = 0; i < s->profile->n_types; i++) {
            if (!str_eq(name, profile_str(s->profile, s->profile->types[i].type)))
                continue;
            *is_done = true;
            s->options.sample_index = profile_cstr(s->profile, s->profile->types[i].type);
            return !pass || !average || report_options_set(&s->options, mean, average, err);
        }
        if (!average)
            break;
    }
    return true;
}

/* The words of a line, each NUL-terminated in the arena; NULL when memory runs out. */
struct words {
    char **items;
    size_t n, next;
};

static bool split(struct shell_session *s, struct str line, struct words *words)
{
    char *copy = arena_strndup(&s->arena, line.p, line.len), *place = NULL;
    *words = (struct words){ARENA_ARRAY(&s->arena, char *, line.len / 2 + 2), 0, 0};
    if (!copy || !words->items)
        return false;
    for (char *w = strtok_r(copy, " \t\r\n\v\f", &place); w;
         w = strtok_r(NULL, " \t\r\n\v\f", &place))
        words->items[words->n++] = w;
    return true;
}

static const char *next_word(struct words *words)
{
    return words->next < words->n ? words->items[words->next++] : NULL;
}

/* A whole number, as strconv.ParseInt takes it. */
static bool read_number(const char *word, int *n)
{
    const char *digits = word + (*word == '-' || *word == '+');
    char *end;
    errno = 0;
    long v = strtol(word, &end, 10);
    if (!isdigit((unsigned char)*digits) || *end || errno || v < INT_MIN || v > INT_MAX)
        return false;
    *n = (int)v;
    return true;
}

/* "a" and "b" become "a|b". */
static bool add_regexp(struct shell_session *s, const char **all, const char *one)
{
    *all = *all && **all && *one ? arena_printf(&s->arena, "%s|%s", *all, one) : *one ? one : *all;
    return *all || !*one;
}

/* "top10" is top with 10; the command then ends before its digits. */
static const struct report_ops *find_report(struct shell_session *s, const char *word,
                                            const char **number)
{
    const struct report_ops *report = report_find(word);
    size_t n = strlen(word), digits = n;
    *number = NULL;
    while (digits > 0 && isdigit((unsigned char)word[digits - 1]))
        digits--;
    if (report || digits == 0 || digits == n)
        return report;
    const char *name = keep(s, (struct str){word, digits});
    *number = word + digits;
    return name ? report_find(name) : NULL;
}

static bool read_arguments(struct shell_session *s, struct words *words, struct shell_command *c,
                           struct err *err)
{
    const char *focus = NULL, *ignore = NULL, *word;
    while ((word = next_word(words))) {
        bool ok = true;
        if (read_number(word, &c->options.nodecount))
            continue;
        if (*word == '>') {
            c->output = word[1] ? word + 1 : next_word(words);
            if (!c->output)
                return err_set(err, ERR_USAGE, "unexpected end of line after >");
        } else if (!strcmp(word, "-cum") || !strcmp(word, "--cum")) {
            c->options.sort = SORT_CUM;
        } else if (*word == '-') {
            ok = add_regexp(s, &ignore, word + 1);
        } else {
            ok = add_regexp(s, &focus, word);
        }
        if (!ok)
            return err_nomem(err);
    }
    bool is_tags = !strcmp(c->report->name, "tags");
    const struct option_def *in = find_option(is_tags ? STR("tagfocus") : STR("focus"));
    const struct option_def *out = find_option(is_tags ? STR("tagignore") : STR("ignore"));
    return (!focus || !in || report_options_set(&c->options, in, focus, err)) &&
           (!ignore || !out || report_options_set(&c->options, out, ignore, err));
}

static bool parse_report(struct shell_session *s, struct words *words, struct shell_command *c,
                         struct err *err)
{
    const char *name = next_word(words), *number;
    c->report = find_report(s, name, &number);
    if (!c->report) {
        const char *word = next_word(words);
        if (find_option(str_of(name)) || find_choice(str_of(name)))
            return err_set(err, ERR_USAGE, "did you mean: %s=%s", name, word ? word : "<val>");
        return err_set(err, ERR_USAGE, "unrecognized command: \"%s\" (\"help\" lists them)", name);
    }
    c->action = SHELL_REPORT;
    if (c->report->flags & REPORT_TAKES_REGEXP) {
        c->regexp = number ? number : next_word(words);
        if (!c->regexp)
            return err_set(err, ERR_USAGE, "command %s requires an argument", c->report->name);
    } else if (number && !read_number(number, &c->options.nodecount)) {
        return err_set(err, ERR_USAGE, "%s: not a number of nodes", number);
    }
    if (!read_arguments(s, words, c, err))
        return false;
    bool is_top = !strcmp(c->report->name, "top") || !strcmp(c->report->name, "text");
    if (is_top && c->options.nodecount == -1)
        c->options.nodecount = TOP_NODES;
    return true;
}

static void clear_filters(struct shell_session *s)
{
    for (size_t i = 0; i < sizeof cleared / sizeof *cleared; i++) {
        const struct option_def *def = find_option(str_of(cleared[i]));
        if (def)
            report_options_set(&s->options, def, "", NULL);
    }
}

static bool parse(struct shell_session *s, struct str line, struct shell_command *c,
                  struct err *err)
{
    struct words words;
    bool is_done = false;
    if (line.len == 0)
        return true;
    if (is_word(line, ":")) {
        clear_filters(s);
        return true;
    }
    if (!try_column(s, line, &is_done, err) || is_done)
        return err->code == ERR_NONE;
    if (!try_assignment(s, line, &is_done, err) || is_done)
        return err->code == ERR_NONE;
    if (!split(s, line, &words))
        return err_nomem(err);
    const char *name = words.items[0];
    c->config = shell_config_find(name);
    if (c->config) {
        size_t n = strlen(name); /* the rest is one name, blanks and all */
        c->action = SHELL_CONFIG;
        c->topic = keep(s, trim((struct str){line.p + n, line.len - n}));
        return c->topic ? shell_config_check(c->config, c->topic, err) : err_nomem(err);
    }
    if (!strcmp(name, "o") || !strcmp(name, "options")) {
        c->action = SHELL_OPTIONS;
    } else if (!strcmp(name, "q") || !strcmp(name, "quit") || !strcmp(name, "exit")) {
        c->action = SHELL_QUIT;
    } else if (!strcmp(name, "help")) {
        c->action = SHELL_HELP;
        words.next = 1;
        c->topic = words.n > 1 ? next_word(&words) : "";
    } else {
        return parse_report(s, &words, c, err);
    }
    return true;
}

bool shell_command_parse(struct shell_session *session, const char *line,
                         struct shell_command *command, struct err *err)
{
    struct err why = {0};
    *command = (struct shell_command){
        .action = SHELL_NOTHING, .options = session->options, .output = session->output};
    if (parse(session, trim(str_of(line)), command, &why))
        return true;
    if (err)
        *err = why;
    return false;
}

/* --- what there is to know --- */

static void print_value(const struct shell_session *s, const struct option_def *def,
                        struct buf *out)
{
    const void *field = (const char *)&s->options + def->offset;
    unsigned chosen;
    switch (def->kind) {
    case OPTION_BOOL:
        buf_puts(out, *(const bool *)field ? "true" : "false");
        break;
    case OPTION_INT:
        buf_printf(out, "%d", *(const int *)field);
        break;
    case OPTION_FLOAT:
        buf_printf(out, "%.10g", *(const double *)field);
        break;
    case OPTION_STRING:
        buf_puts(out, *(const char *const *)field ? *(const char *const *)field : "");
        break;
    case OPTION_CHOICE:
        memcpy(&chosen, field, sizeof chosen);
        if (chosen)
            buf_puts(out, def->choices[chosen - 1]);
        else
            buf_puts(out, strcmp(def->name, "sort") ? "(default)" : "flat");
        break;
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_choices(const char *const *choices, size_t n, bool sorted, struct buf *out)
{
    const char **list = malloc((n + 1) * sizeof *list);
    if (!list) {
        out->failed = true;
        return;
    }
    memcpy(list, choices, n * sizeof *list);
    if (sorted)
        qsort(list, n, sizeof *list, by_text);
    buf_puts(out, "[");
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%s", i ? " | " : "", list[i]);
    buf_puts(out, "]");
    free(list);
}

static void print_comment(const struct shell_session *s, const struct option_def *def,
                          struct buf *out)
{
    const struct profile *p = s->profile;
    if (def->kind == OPTION_CHOICE) {
        size_t n = 0;
        while (def->choices[n])
            n++;
        print_choices(def->choices, n, true, out);
    } else if (!strcmp(def->name, "sample_index")) {
        VEC(const char *) types = {0};
        for (uint32_t i = 0; i < p->n_types; i++)
            out->failed |= !vec_push(&types, profile_cstr(p, p->types[i].type));
        print_choices(types.items, types.n, false, out);
        vec_release(&types);
    } else if (!strcmp(def->name, "nodecount") && s->options.nodecount == -1) {
        buf_puts(out, "default");
    }
}

static void print_option(const char *name, const char *value, const char *comment, struct buf *out)
{
    buf_printf(out, "  %-25s = %-20s %s%s%s\n", name, value, *comment ? COMMENT : "",
               *comment ? " " : "", comment);
}

void shell_options_print(const struct shell_session *s, struct buf *out)
{
    bool is_output_told = false;
    for (const struct option_def *def = option_defs; def->name; def++) {
        AUTO_BUF value = {0}, comment = {0};
        if (!strcmp(def->name, "source_path")) /* as pprof */
            continue;
        if (!is_output_told && strcmp(def->name, "output") > 0) {
            print_option("output", s->output && *s->output ? s->output : "\"\"", "", out);
            is_output_told = true;
        }
        print_value(s, def, &value);
        print_comment(s, def, &comment);
        if (!value.len && !strcmp(def->name, "sample_index") && s->profile->n_types)
            buf_puts(&value,
                     profile_cstr(s->profile, s->profile->types[s->profile->n_types - 1].type));
        print_option(def->name, value.len ? buf_str(&value) : "\"\"", buf_str(&comment), out);
        out->failed |= value.failed || comment.failed;
    }
}

static const char output_help[] = "Output filename for file-based outputs";

static void help_line(struct buf *out, const char *name, const char *help)
{
    buf_printf(out, "    %-16s %s\n", name, help);
}

static void print_all_help(struct buf *out)
{
    buf_puts(out, "  Commands:\n");
    for (size_t i = 0; report_registry[i]; i++)
        help_line(out, report_registry[i]->name, report_registry[i]->help);
    help_line(out, "o/options", "List options and their current values");
    for (const struct shell_config_command *c = shell_config_commands; c->name; c++)
        help_line(out, c->name, c->help);
    help_line(out, "q/quit/exit/^D", "Exit pprof");
    buf_puts(out, "\n  Options:\n");
    for (const struct option_def *def = option_defs; def->name; def++)
        if (def->kind != OPTION_CHOICE)
            help_line(out, def->name, def->help);
    help_line(out, "output", output_help);
    buf_puts(out, "\n  Option groups (only set one per group):\n");
    for (const struct option_def *def = option_defs; def->name; def++) {
        if (def->kind != OPTION_CHOICE)
            continue;
        buf_printf(out, "    %s\n", def->name);
        for (size_t i = 0; def->choices[i]; i++)
            buf_printf(out, "      %-16s %s\n", def->choices[i], def->choices_help[i]);
    }
    buf_puts(out, "\n  :   Clear focus/ignore/hide/tagfocus/tagignore\n"
                  "\n  type \"help <cmd|option>\" for more information\n");
}

static void print_report_help(const struct report_ops *report, struct buf *out)
{
    const char *name = report->name;
    buf_printf(out, "%s\n  Usage:\n", report->help);
    if (report->flags & REPORT_TAKES_REGEXP)
        buf_printf(out,
                   "    %s <func_regex|address> [focus_regex]* [-ignore_regex]* [>f]\n"
                   "    Functions that match func_regex, or that include the address.\n",
                   name);
    else if (!strcmp(name, "tags"))
        buf_puts(out, "    tags [tag_regex]* [-ignore_regex]* [>f]\n"
                      "    Tags as key:value that match tag_regex, without those that match\n"
                      "    ignore_regex.\n");
    else
        buf_printf(out,
                   "    %s [n] [focus_regex]* [-ignore_regex]* [-cum] [>f]\n"
                   "    At most n entries, of samples that match focus_regex and not\n"
                   "    ignore_regex; -cum sorts by cumulative weight.\n",
                   name);
    buf_puts(out, "    >f writes the report to the file f.\n");
}

bool shell_help_print(const struct shell_session *s, const char *topic, struct buf *out)
{
    const struct report_ops *report = report_find(topic);
    const struct option_def *def = find_option(str_of(topic));
    const struct option_def *choice = find_choice(str_of(topic));
    const struct shell_config_command *config = shell_config_find(topic);
    if (!*topic) {
        print_all_help(out);
    } else if (config) {
        buf_printf(out, "%s\n  Usage:\n    %s%s\n", config->help, config->name,
                   config->takes_name ? " name" : "");
    } else if (report) {
        print_report_help(report, out);
    } else if (def && def->kind != OPTION_CHOICE) {
        buf_printf(out, "%s\n%s%s", def->help, def->more ? def->more : "", def->more ? "\n" : "");
        AUTO_BUF comment = {0};
        print_comment(s, def, &comment);
        if (comment.len)
            buf_printf(out, "%s\n", buf_str(&comment));
    } else if (!strcmp(topic, "output")) {
        buf_printf(out, "%s\n", output_help);
    } else if (def || choice) {
        const struct option_def *group = def ? def : choice;
        for (size_t i = 0; group->choices[i]; i++)
            if (def || !strcmp(topic, group->choices[i]))
                buf_printf(out, "%s: %s\n", group->choices[i], group->choices_help[i]);
    } else {
        return false;
    }
    return true;
}
