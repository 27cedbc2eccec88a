#include "page/page_common.h"

#include "report/answer.h"

const char *page_argument(const struct page_ctx *ctx)
{
    const char *focus = ctx->report.options->focus;
    if (ctx->pivot && *ctx->pivot)
        return ctx->pivot;
    if (ctx->report.regexp && *ctx->report.regexp)
        return ctx->report.regexp;
    return focus ? focus : "";
}

bool page_head(struct json *j, struct report_run *run, const struct graph *g,
               const struct report_trim *trim, struct err *err)
{
    return answer_head(j, run, g, trim, false, err);
}
