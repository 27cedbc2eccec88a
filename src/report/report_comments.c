/* report_comments: the profile's comments. */
#include "report/report_run.h"

static bool write_comments(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct report_run run;
    bool ok = report_begin(&run, &report_comments, ctx, err);
    const struct profile *p = ctx->profile;
    for (uint32_t i = 0; ok && i < p->n_comments; i++) {
        struct str comment = profile_str(p, p->comments[i]);
        buf_add(out, comment.p, comment.len);
        buf_putc(out, '\n');
    }
    report_end(&run);
    return ok;
}

const struct report_ops report_comments = {
    .name = "comments",
    .help = "Output all profile comments",
    .flags = REPORT_WITHOUT_STACKS,
    .nodecount = 80,
    .write = write_comments,
};
