#include "report/report.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const sorts[] = {"cum", "flat", NULL};
static const char *const sorts_help[] = {"Sort entries based on cumulative weight",
                                         "Sort entries based on own weight"};
static const char *const granularities[] = {"functions", "filefunctions", "files",
                                            "lines",     "addresses",     NULL};
static const char *const granularities_help[] = {
    "Aggregate at the function level.", "Aggregate at the level of functions in files.",
    "Aggregate at the file level.", "Aggregate at the source code line level.",
    "Aggregate at the address level."};

#define FIELD(field) offsetof(struct report_options, field)

const struct option_def option_defs[] = {
    {"call_tree", OPTION_BOOL, FIELD(call_tree), "Create a context-sensitive call tree",
     .more = "A function has a node for each way to it, in pictures and for callgrind.",
     .param = "calltree"},
    {"compact_labels", OPTION_BOOL, FIELD(compact_labels), "Show minimal headers",
     .param = "compact"},
    {"divide_by", OPTION_FLOAT, FIELD(divide_by),
     "Ratio to divide all samples before visualization", .value = "F",
     .more = "So that values are those of one processor or one request, say.",
     .is_transient = true},
    {"drop_negative", OPTION_BOOL, FIELD(drop_negative), "Ignore negative differences",
     .more = "Of a difference, only what has grown.", .param = "dropneg"},
    {"edgefraction", OPTION_FLOAT, FIELD(edgefraction), "Hide edges below <f>*total", .value = "F",
     .param = "ef"},
    {"focus", OPTION_STRING, FIELD(focus),
     "Restricts to samples going through a node matching regexp", .value = "REGEXP",
     .more = "Samples without such a node are left out.\nThe name of a function, its file and its "
             "binary are looked at.",
     .param = "f"},
    {"granularity", OPTION_CHOICE, FIELD(granularity), "Output granularity", granularities,
     granularities_help, .param = "g"},
    {"hide", OPTION_STRING, FIELD(hide), "Skips nodes matching regexp", .value = "REGEXP",
     .more = "Only these nodes go; the others of their samples stay.\nThe name of a function, its "
             "file and its binary are looked at.",
     .param = "h"},
    {"ignore", OPTION_STRING, FIELD(ignore), "Skips paths going through any nodes matching regexp",
     .value = "REGEXP",
     .more = "Samples with such a node are left out as a whole.\nThe name of a function, its file "
             "and its binary are looked at.",
     .param = "i"},
    {"intel_syntax", OPTION_BOOL, FIELD(intel_syntax), "Show assembly in Intel syntax",
     .more = "For disasm and weblist.", .param = "intel"},
    {"mean", OPTION_BOOL, FIELD(mean), "Average sample value over first value (count)",
     .more =
         "Of memory the bytes an allocation, of time what an event took.  Flame graphs show sums.",
     .param = "mean"},
    {"nodecount", OPTION_INT, FIELD(nodecount), "Max number of nodes to show", .value = "N",
     .more = "The rest is left out by rules of each report; in graphs dotted lines go\nthrough "
             "nodes that are left out.",
     .param = "n"},
    {"nodefraction", OPTION_FLOAT, FIELD(nodefraction), "Hide nodes below <f>*total", .value = "F",
     .param = "nf"},
    {"noinlines", OPTION_BOOL, FIELD(noinlines), "Ignore inlines.",
     .more = "Their values go to the function that they are inlined into.", .param = "noinlines"},
    {"normalize", OPTION_BOOL, FIELD(normalize), "Scales profile based on the base profile.",
     .param = "norm"},
    {"prune_from", OPTION_STRING, FIELD(prune_from), "Drops any functions below the matched frame.",
     .value = "REGEXP", .more = "The frames below it, its callees, go with it.",
     .param = "prunefrom"},
    {"relative_percentages", OPTION_BOOL, FIELD(relative_percentages),
     "Show percentages relative to focused subgraph",
     .more = "Else they are shares of the whole profile, before focus and the like.",
     .param = "rel"},
    {"sample_index", OPTION_STRING, FIELD(sample_index),
     "Sample value to report (0-based index or name)", .value = "TYPE",
     .more = "A profile can have several values a sample, counted from 0.", .param = "si",
     .is_transient = true},
    {"show", OPTION_STRING, FIELD(show), "Only show nodes matching regexp", .value = "REGEXP",
     .more = "Nodes that do not match are left out, and their samples stay.\nThe name of a "
             "function, its file and its binary are looked at.",
     .param = "s"},
    {"show_from", OPTION_STRING, FIELD(show_from),
     "Drops functions above the highest matched frame.", .value = "REGEXP",
     .more = "Stacks begin there.\nThe name of a function, its file and its binary are looked at.",
     .param = "sf"},
    {"showcolumns", OPTION_BOOL, FIELD(showcolumns),
     "Show column numbers at the source code line level.", .param = "showcolumns"},
    {"sort", OPTION_CHOICE, FIELD(sort), "What to sort by", sorts, sorts_help, .param = "sort"},
    {"source_path", OPTION_STRING, FIELD(source_path), "Search path for source files",
     .value = "DIRS", .is_transient = true},
    {"tagfocus", OPTION_STRING, FIELD(tagfocus),
     "Restricts to samples with tags in range or matched by regexp", .value = "TAGS",
     .more = "key=value looks at this tag only.\nNumbers are ranges with units: 1kb, 1kb:10kb, "
             "size=32mb:\nTexts are expressions: foo, foo.*bar, key=foo.*",
     .param = "tf"},
    {"taghide", OPTION_STRING, FIELD(taghide), "Skip tags matching this regexp", .value = "REGEXP",
     .more = "Tags whose keys match are left out of every report.", .param = "th"},
    {"tagignore", OPTION_STRING, FIELD(tagignore),
     "Discard samples with tags in range or matched by regexp", .value = "TAGS",
     .more = "key=value looks at this tag only.\nNumbers are ranges with units: 1kb, 1kb:10kb, "
             "size=32mb:\nTexts are expressions: foo, foo.*bar, key=foo.*",
     .param = "ti"},
    {"tagleaf", OPTION_STRING, FIELD(tagleaf),
     "Adds pseudo stack frames for labels key/value pairs at the callstack leaf.", .value = "KEYS",
     .more = "Keys, separated by commas; the last one makes the new leaf.", .param = "tagleaf"},
    {"tagroot", OPTION_STRING, FIELD(tagroot),
     "Adds pseudo stack frames for labels key/value pairs at the callstack root.", .value = "KEYS",
     .more = "Keys, separated by commas; the first one makes the new root.", .param = "tagroot"},
    {"tagshow", OPTION_STRING, FIELD(tagshow), "Only consider tags matching this regexp",
     .value = "REGEXP", .more = "Tags whose keys do not match are left out of every report.",
     .param = "ts"},
    {"trim", OPTION_BOOL, FIELD(trim), "Honor nodefraction/edgefraction/nodecount defaults",
     .value = "BOOL", .more = "false shows everything.", .param = "trim"},
    {"trim_path", OPTION_STRING, FIELD(trim_path), "Path to trim from source paths before search",
     .value = "PATHS", .is_transient = true},
    {"unit", OPTION_STRING, FIELD(unit), "Measurement units to display", .value = "UNIT",
     .more = "Of time: ns, us, ms, s, min, hrs; of memory: b, kb, mb, gb; auto fits each value.",
     .param = "unit"},
    {NULL},
};

void report_options_init(struct report_options *options)
{
    *options = (struct report_options){
        .trim = true,
        .nodecount = -1,
        .nodefraction = 0.005,
        .edgefraction = 0.001,
        .divide_by = 1,
        .unit = "minimum",
    };
}

static bool is_set(const char *value)
{
    return value && *value;
}

bool report_options_need_stacks(const struct report_options *o)
{
    return is_set(o->focus) || is_set(o->ignore) || is_set(o->hide) || is_set(o->show) ||
           is_set(o->show_from) || is_set(o->prune_from) || is_set(o->tagroot) ||
           is_set(o->tagleaf);
}

bool report_options_need_labels(const struct report_options *o)
{
    return is_set(o->tagfocus) || is_set(o->tagignore) || is_set(o->tagshow) ||
           is_set(o->taghide) || is_set(o->tagroot) || is_set(o->tagleaf);
}

bool report_option_bool(const char *value, bool *is_yes)
{
    static const char *const yes[] = {"true", "t", "yes", "y", "1", ""};
    static const char *const no[] = {"false", "f", "no", "n", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!strcasecmp(value, yes[i]))
            return *is_yes = true;
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        if (!strcasecmp(value, no[i])) {
            *is_yes = false;
            return true;
        }
    }
    return false;
}

static bool set_bool(bool *field, const struct option_def *def, const char *value, struct err *err)
{
    return report_option_bool(value, field) ||
           err_set(err, ERR_USAGE, "%s: '%s' is neither true nor false", def->name, value);
}

static bool set_int(int *field, const struct option_def *def, const char *value, struct err *err)
{
    const char *digits = value + (*value == '-' || *value == '+');
    char *end;
    errno = 0;
    long v = strtol(value, &end, 10);
    if (*digits < '0' || *digits > '9' || *end)
        return err_set(err, ERR_USAGE, "%s: '%s' is not a whole number", def->name, value);
    if (errno || v < INT_MIN || v > INT_MAX)
        return err_set(err, ERR_USAGE, "%s: '%s' is too large", def->name, value);
    *field = (int)v;
    return true;
}

static bool set_float(double *field, const struct option_def *def, const char *value,
                      struct err *err)
{
    char *end;
    errno = 0;
    double v = strtod(value, &end);
    if (!*value || *end || *value == ' ' || (*value >= '\t' && *value <= '\r'))
        return err_set(err, ERR_USAGE, "%s: '%s' is not a number", def->name, value);
    *field = v;
    return true;
}

static bool set_choice(void *field, const struct option_def *def, const char *value,
                       struct err *err)
{
    for (unsigned i = 0; def->choices[i]; i++) {
        if (!strcmp(value, def->choices[i])) {
            unsigned chosen = i + 1;
            memcpy(field, &chosen, sizeof chosen);
            return true;
        }
    }
    AUTO_BUF all = {0};
    for (unsigned i = 0; def->choices[i]; i++)
        buf_printf(&all, "%s%s", i ? ", " : "", def->choices[i]);
    return err_set(err, ERR_USAGE, "%s: '%s' is none of %s", def->name, value, buf_str(&all));
}

_Static_assert(sizeof(enum granularity) == sizeof(unsigned) &&
                   sizeof(enum report_sort) == sizeof(unsigned),
               "set_choice writes enums as unsigned");

bool report_options_set(struct report_options *options, const struct option_def *def,
                        const char *value, struct err *err)
{
    void *field = (char *)options + def->offset;
    switch (def->kind) {
    case OPTION_BOOL:
        return set_bool(field, def, value, err);
    case OPTION_INT:
        return set_int(field, def, value, err);
    case OPTION_FLOAT:
        return set_float(field, def, value, err);
    case OPTION_CHOICE:
        return set_choice(field, def, value, err);
    case OPTION_STRING:
        *(const char **)field = value;
        return true;
    }
    return false;
}
