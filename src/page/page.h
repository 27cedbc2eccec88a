/* page: what the views of the web page draw, as JSON.  A view is one file (page_NAME.c)
 * with one `const struct page_ops`, a line in page_registry.c, and in src/web/views what
 * draws it; menu, routes, keys and help come from the registry.
 *
 * The shape of each view's JSON is in src/web/data.ts, which both sides keep to.  It is
 * what a screen can show: merged, trimmed, with texts once and columns of numbers.
 *
 * In: sealed profiles and options.  Out: members of a JSON object that is open.
 * Units: values are those of the chosen sample type, in the profile's unit.
 * Threads: views share the profiles, each call has its own view.  Signals: no. */
#ifndef SONDE_PAGE_PAGE_H
#define SONDE_PAGE_PAGE_H

#include "render/json.h"
#include "report/report.h"

/* One reading of the sources: a file of several, or a moment of a program that runs. */
struct page_moment {
    const char *name; /* the source as it was given */
    const struct profile *profile;
    struct pipeline_cache *cache;
    int64_t time_nanos; /* since 1970: the end of the profile, else when it was read */
    unsigned id;        /* as m and b name it */
};

/* A request.  Texts are borrowed for the call; NULL and "" both mean "not given". */
struct page_ctx {
    struct report_ctx report;       /* profile, options, regexp, notes, cache: as of `report` */
    const char *pivot;              /* p: the functions (a regexp) that a flame graph is about */
    const char *zoom;               /* z: the box that it is about, "2.0.1": child of child ... */
    const char *by;                 /* by: of timeline, the label whose values are the lines */
    const char *search;             /* q: a regexp whose share of the total is asked for */
    const struct page_moment *base; /* b: what the profile is compared with; NULL: nothing */
    const struct page_moment *moments; /* all there are, oldest first */
    size_t n_moments;
    unsigned width; /* w: of the picture, in dots of the screen; 0: not known */
};

struct page_ops {
    const char *name;  /* /ui/NAME shows it, /ui/data/NAME is its JSON */
    const char *title; /* in the menu */
    const char *help;  /* one line */
    char key;          /* that goes there; 0: none */
    /* Why the view has nothing to show of this profile, a few words to finish "there are
     * no ..."; NULL: it has.  The member may be NULL: it always has. */
    const char *(*missing)(const struct page_ctx *ctx);
    /* Write the view's members.  False and *err in pprof's words: ERR_USAGE for what
     * the user can mend (regexps), ERR_NOMEM; *j's buffer is then unspecified. */
    bool (*write)(const struct page_ctx *ctx, struct json *j, struct err *err);
};

extern const struct page_ops *const page_registry[]; /* in the menu's order; NULL-terminated */
const struct page_ops *page_find(const char *name);  /* NULL if unknown */

/* The entries of the registry, each in its own file. */
extern const struct page_ops page_flamegraph, page_graph, page_top, page_peek, page_source,
    page_disasm, page_sandwich, page_tags, page_diff, page_timeline;

#endif
