/* report_tags: the values of each label, with what their samples come to. */
#include "report/tag_table.h"

#include "render/tabs.h"
#include "xform/unit.h"

static void write_share(const struct report_run *run, struct buf *out, int64_t value)
{
    if (run->pipeline.total <= 0)
        return;
    buf_puts(out, " (");
    unit_print_percent(out, value, run->pipeline.total);
    buf_putc(out, ')');
}

/* The tags of one key. */
static void write_key(const struct report_run *run, const struct tag *tags, size_t n, int64_t sum,
                      struct buf *out)
{
    buf_puts(out, profile_cstr(run->pipeline.view.profile, tags[0].key));
    buf_puts(out, ":\t Total ");
    report_value(run, out, sum);
    buf_puts(out, " of ");
    report_value(run, out, run->pipeline.total);
    write_share(run, out, sum);
    buf_putc(out, '\n');
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, " \t");
        report_value(run, out, tags[i].value);
        write_share(run, out, tags[i].value);
        buf_puts(out, ":\t ");
        buf_add(out, tags[i].text.p, tags[i].text.len);
        buf_putc(out, '\n');
    }
    buf_putc(out, '\n');
}

static bool write_all(const struct report_run *run, const struct tag_table *t, struct buf *out)
{
    AUTO_BUF text = {0};
    int64_t sum;
    for (size_t i = 0, end; i < t->n; i = end) {
        end = tag_table_key(t, i, &sum);
        write_key(run, t->tags + i, end - i, sum, &text);
    }
    return !text.failed && tabs_right(out, (struct str){buf_str(&text), text.len});
}

static bool write_tags(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct report_run run;
    struct tag_table t = {0};
    bool ok = report_begin(&run, &report_tags, ctx, err) && tag_table_init(&t, &run, err) &&
              (write_all(&run, &t, out) || err_nomem(err));
    tag_table_release(&t);
    report_end(&run);
    return ok;
}

const struct report_ops report_tags = {
    .name = "tags",
    .help = "Outputs all tags in the profile",
    .flags = REPORT_WITHOUT_STACKS,
    .nodecount = 80,
    .write = write_tags,
};
