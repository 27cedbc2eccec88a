/* report: a view of a profile, written as text or a picture onto a buffer.
 * A report is one file (report_NAME.c) with one `const struct report_ops` and a
 * line in report_registry.c; flags, help, completion and web tabs come from there.
 *
 * In: a sealed profile and options.  Out: bytes in a buf.
 * Threads: reports share the sealed profile, each call has its own view.
 * Signals: no. */
#ifndef SONDE_REPORT_REPORT_H
#define SONDE_REPORT_REPORT_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "format/original.h"
#include "model/profile.h"
#include "xform/view.h"

#include <stdbool.h>
#include <stddef.h>

/* What reports list first: the largest own value, or the largest with callees. */
enum report_sort { SORT_DEFAULT /* flat */, SORT_CUM, SORT_FLAT };

/* Every option of pprof that reports read, with pprof's names and meanings.
 * Strings are borrowed; NULL and "" both mean "not set". */
struct report_options {
    bool relative_percentages, noinlines, compact_labels, intel_syntax, trim;
    bool call_tree, mean, normalize, drop_negative, showcolumns;
    enum report_sort sort;
    int nodecount; /* -1 = the report's default */
    double nodefraction, edgefraction;
    double divide_by; /* every value that is shown */
    enum granularity granularity;
    const char *unit, *sample_index, *source_path, *trim_path;
    const char *focus, *ignore, *hide, *show, *show_from, *prune_from;
    const char *tagfocus, *tagignore, *tagshow, *taghide, *tagroot, *tagleaf;
};

/* One row of the option table: what the command line, help and completion know. */
enum option_kind { OPTION_BOOL, OPTION_INT, OPTION_FLOAT, OPTION_STRING, OPTION_CHOICE };

struct option_def {
    const char *name;
    enum option_kind kind;
    size_t offset;                   /* of the field in struct report_options */
    const char *help;                /* one line */
    const char *const *choices;      /* OPTION_CHOICE: NULL-terminated; each is a flag too
                                        (-flat, -cum, -functions, ...); value = index + 1 */
    const char *const *choices_help; /* a line for each */
    const char *value;               /* what help calls its value; NULL: it is a choice, or
                                        a yes or no that is no by default */
    const char *more;                /* further lines for the help of this one, or NULL */
    const char *param;               /* its name in the web page's URL, pprof's; NULL: it is not
                                        for pages to choose */
    bool is_transient;               /* saved configurations do not hold it */
};

extern const struct option_def option_defs[];             /* ends with name NULL */
void report_options_init(struct report_options *options); /* pprof's defaults */
/* Does one look at frames, or at labels, of samples? */
bool report_options_need_stacks(const struct report_options *options);
bool report_options_need_labels(const struct report_options *options);
/* Yes or no in the words that pprof takes for it; "" is yes.  False: neither. */
bool report_option_bool(const char *value, bool *is_yes);

/* Set one option from text, as `name=value`.  False with ERR_USAGE. */
bool report_options_set(struct report_options *options, const struct option_def *def,
                        const char *value, struct err *err);

/* Where the bytes of a report that draws for a terminal are shown. */
struct report_screen {
    unsigned n_columns; /* 0: not known */
    bool has_color;
};

struct pipeline_cache;

struct report_ctx {
    const struct profile *profile;
    const struct report_options *options; /* as the user gave them */
    const char *regexp;                   /* the argument of list, peek; else NULL */
    struct diag *diag;
    struct report_screen screen;     /* zeros for files */
    struct pipeline_cache *cache;    /* views of `profile` that are kept; NULL: none are */
    const struct original *original; /* the file that `profile` is; NULL: there is none */
};

enum report_flags {
    REPORT_TAKES_REGEXP = 1 << 0,
    REPORT_BINARY = 1 << 1,         /* not for a terminal: written to profileNNN.EXT by default */
    REPORT_UNTRIMMED = 1 << 2,      /* pprof switches trimming off for it */
    REPORT_COLORED = 1 << 3,        /* has its own colours, as report_ctx.screen permits */
    REPORT_NEEDS_GRAPHVIZ = 1 << 4, /* write() gives DOT, of which Graphviz makes the picture */
    REPORT_WITHOUT_STACKS = 1 << 5, /* looks at no stack, unless an option does, and at samples for
                                       their labels alone */
};

struct report_ops {
    const char *name;
    const char *help; /* one line, as `sonde pprof -help` shows it */
    const char *ext;  /* file extension where it is BINARY or has a viewer, else NULL */
    unsigned flags;
    enum granularity granularity; /* forced, or GRANULARITY_DEFAULT */
    int nodecount;                /* where the user gave -1; 0 = all */
    const char *viewer;           /* shown by this program ("browser": by one), else NULL */
    const char *graphviz; /* Graphviz's name of the format, for what it can draw too, else NULL */
    /* Write the report.  False and *err on failure; *out is then unspecified. */
    bool (*write)(const struct report_ctx *ctx, struct buf *out, struct err *err);
};

extern const struct report_ops *const report_registry[]; /* in help's order; NULL-terminated */
const struct report_ops *report_find(const char *name);  /* NULL if unknown */

#endif
