/* flamegraph: the call tree, as far as it can be seen; callers and callees of a pivot. */
#include "page/page_flame.h"

static bool write_flamegraph(const struct page_ctx *ctx, struct json *j, struct err *err)
{
    /* Of a profile whose base was subtracted it is what has changed, as in pprof. */
    struct page_ctx alone = *ctx;
    alone.base = NULL;
    alone.n_moments = 0;
    if (!page_diff.missing(&alone))
        return page_diff.write(&alone, j, err);
    /* As in pprof's flame view, functions of one name in two files are two. */
    struct page_flame f;
    bool ok = page_flame_begin(&f, ctx, GRANULARITY_FILEFUNCTIONS, NULL, err) &&
              page_flame_find(&f, ctx, err) && page_flame_grow(&f, ctx, err) &&
              page_flame_write(&f, ctx, j, err);
    page_flame_end(&f);
    return ok;
}

const struct page_ops page_flamegraph = {
    .name = "flamegraph",
    .title = "Flame graph",
    .help = "Calls as boxes, as wide as what they and their callees use",
    .key = 'f',
    .write = write_flamegraph,
};
