/* tags: the labels of samples, each value with what its samples come to, as the report
 * `tags` has them, and with the filter that leaves just these. */
#include "base/utf8.h"
#include "page/page_common.h"
#include "report/tag_table.h"

#include <inttypes.h>
#include <string.h>

#define MOST_VALUES 200 /* of a key */

/* A text as a regexp that matches just it.  Commas would separate regexps, '=' a key. */
static void add_escaped(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len;) {
        size_t n = utf8_len((struct str){text.p + i, text.len - i});
        unsigned char c = (unsigned char)text.p[i];
        if (n == 0) {
            buf_putc(out, '.'); /* no regexp has such a byte */
            n = 1;
        } else if (c < ' ' || c == ',' || c == '=' || c == 0x7f) {
            buf_printf(out, "\\x%02x", c);
        } else {
            if (n == 1 && strchr("\\.+*?()|[]{}^$", c))
                buf_putc(out, '\\');
            buf_add(out, text.p + i, n);
        }
        i += n;
    }
}

/* An expression for tagfocus that takes this tag and no other of its key; empty where there
 * is none. */
static void print_filter(const struct report_run *run, const struct tag *tag, struct buf *out)
{
    struct str key = profile_str(run->pipeline.view.profile, tag->key);
    bool is_plain = key.len && !memchr(key.p, '=', key.len) && !memchr(key.p, 0, key.len);
    const char *unit = label_units_get(&run->pipeline.label_units, tag->key), *name;
    double factor;
    buf_clear(out);
    if (is_plain)
        buf_printf(out, "%.*s=", (int)key.len, key.p);
    if (tag->is_num) {
        if (!is_plain)
            return;
        if (!unit_step(unit, 1, &name, &factor))
            unit = ""; /* it has no multiples: ranges do not know it */
        buf_printf(out, "%" PRId64 "%s", tag->num, unit);
        if (tag->last_num != tag->num)
            buf_printf(out, ":%" PRId64 "%s", tag->last_num, unit);
        return;
    }
    buf_putc(out, '^');
    if (!is_plain) {
        add_escaped(out, key);
        buf_putc(out, ':');
    }
    add_escaped(out, tag->text);
    buf_putc(out, '$');
}

static void write_tag(const struct report_run *run, struct json *j, const struct tag *tag,
                      struct buf *filter)
{
    print_filter(run, tag, filter);
    json_open(j, '{');
    json_member(j, "text", tag->text);
    json_member_int(j, "value", tag->value);
    json_member(j, "filter", (struct str){buf_str(filter), filter->len});
    json_close(j, '}');
}

static bool write_keys(const struct report_run *run, const struct tag_table *t, struct json *j,
                       struct err *err)
{
    AUTO_BUF filter = {0};
    int64_t sum;
    json_key(j, "tags");
    json_open(j, '[');
    for (size_t i = 0, end; i < t->n; i = end) {
        end = tag_table_key(t, i, &sum);
        size_t last = end - i > MOST_VALUES ? i + MOST_VALUES : end;
        json_open(j, '{');
        json_member(j, "key", profile_str(run->pipeline.view.profile, t->tags[i].key));
        json_member_int(j, "total", sum);
        json_member_bool(j, "number", t->tags[i].is_num);
        json_key(j, "values");
        json_open(j, '[');
        for (size_t k = i; k < last; k++)
            write_tag(run, j, &t->tags[k], &filter);
        json_close(j, ']');
        json_member_int(j, "more", (int64_t)(end - last));
        json_close(j, '}');
    }
    json_close(j, ']');
    return !filter.failed || err_nomem(err);
}

static bool write_tags(const struct page_ctx *ctx, struct json *j, struct err *err)
{
    struct report_run run;
    struct tag_table t = {0};
    bool ok = report_begin(&run, &report_tags, &ctx->report, err) &&
              tag_table_init(&t, &run, err) && page_head(j, &run, NULL, NULL, err) &&
              write_keys(&run, &t, j, err);
    tag_table_release(&t);
    report_end(&run);
    return ok;
}

static const char *missing(const struct page_ctx *ctx)
{
    return ctx->report.profile->label_first ? NULL : "labels in this profile";
}

const struct page_ops page_tags = {
    .name = "tags",
    .title = "Tags",
    .help = "Labels of samples, with the values of each",
    .key = 'l',
    .missing = missing,
    .write = write_tags,
};
