/* page_flame: what the views made of call trees share: flame graph, diff, sandwich.
 *
 *   struct page_flame f;
 *   page_flame_begin(&f, ctx, granularity, base, err)
 *   page_flame_find(&f, ctx, err)
 *   page_flame_grow(&f, ctx, err)
 *   page_flame_write(&f, ctx, j, err)
 *   page_flame_end(&f);
 *
 * Threads: one at a time each.  Signals: no. */
#ifndef SONDE_PAGE_PAGE_FLAME_H
#define SONDE_PAGE_PAGE_FLAME_H

#include "page/page_common.h"
#include "report/flame_data.h"

struct page_flame {
    struct report_options options;
    struct report_run run, base_run;
    struct graph graph, base_graph; /* flat values only */
    double ratio;                   /* what the base's values are multiplied by */
    struct places places;           /* all samples, then those of pivot and box */
    uint8_t *marks;                 /* by frame: it matches the pivot; NULL: there is none */
    bool is_sandwich;               /* both trees, also where nothing matches */
    bool is_pivoted;                /* the expression has matched something */
    struct places_found pivot, search;
    struct calltree_path zoom;
    struct calltree callees, callers;
    struct flame_data data;
};

/* Run the filters, of the profile and of what it is compared with (NULL: nothing).  False and
 * *err as of page_ops.write; end it in any case. */
bool page_flame_begin(struct page_flame *f, const struct page_ctx *ctx,
                      enum granularity granularity, const struct page_moment *base,
                      struct err *err);
/* Find what is searched for, and the pivot: its samples are left. */
bool page_flame_find(struct page_flame *f, const struct page_ctx *ctx, struct err *err);
/* Go to the box, and grow the trees. */
bool page_flame_grow(struct page_flame *f, const struct page_ctx *ctx, struct err *err);
/* What is first in the answer, and all members of Flame (src/web/data.ts). */
bool page_flame_write(struct page_flame *f, const struct page_ctx *ctx, struct json *j,
                      struct err *err);
/* Of that, the frames and trees alone, the trees under these keys. */
bool page_flame_write_trees(struct page_flame *f, const char *callees, const char *callers,
                            struct json *j, struct err *err);
void page_flame_end(struct page_flame *f);

#endif
