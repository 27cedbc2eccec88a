/* weblist: a page with the source of functions that match a regexp, each line with its
 * values and, at a click, the machine code that was made of it.  What the page says and
 * its elements are pprof's; style and script are our own. */
#include "base/utf8.h"
#include "render/columns.h"
#include "render/html.h"
#include "report/source_view.h"
#include "xform/path.h"
#include "xform/unit.h"

#include <inttypes.h>

#define INDENT 4 /* of code behind its line, and of each inlined call */
#define TEXT_WIDTH 80

extern const char weblist_css[], weblist_js[]; /* made from weblist.css, .js by tools/embed */

struct page {
    struct report_run *run;
    struct source_view view;
    struct buf *out;
    struct buf scratch, text;
    bool failed;
};

/* How far a line is indented. */
static size_t indentation(struct str line)
{
    size_t column = 0;
    for (size_t i = 0; i < line.len; i++) {
        if (line.p[i] == '\t')
            column = column / 8 * 8 + 8;
        else if (line.p[i] == ' ')
            column++;
        else
            break;
    }
    return column;
}

/* --- writing --- */

static void print_value(struct page *p, int64_t value)
{
    report_value_right(p->run, &p->scratch, value, 10);
}

static void print_value_or_dot(struct page *p, int64_t value)
{
    if (value)
        print_value(p, value);
    else
        buf_puts(&p->scratch, "         .");
}

/* Move what was printed to the page, escaped. */
static void flush(struct page *p)
{
    html_text(p->out, (struct str){buf_str(&p->scratch), p->scratch.len});
    p->failed |= p->scratch.failed;
    buf_clear(&p->scratch);
}

static void print_escaped(struct page *p, struct str text)
{
    html_text(p->out, text);
}

/* Add text behind `indent` blanks, filled up to a width of 80: tabs as blanks, what
 * is no UTF-8 as pprof shows it. */
static void print_padded(struct buf *out, size_t indent, struct str text)
{
    size_t column = indent;
    buf_fill(out, ' ', indent);
    while (text.len) {
        size_t n = utf8_len(text);
        column++;
        if (*text.p == '\t') {
            buf_putc(out, ' ');
            for (; column % 8; column++)
                buf_putc(out, ' ');
        } else if (n) {
            buf_add(out, text.p, n);
        } else {
            buf_puts(out, UTF8_REPLACEMENT);
        }
        n = n ? n : 1;
        text = (struct str){text.p + n, text.len - n};
    }
    if (column < TEXT_WIDTH)
        buf_fill(out, ' ', TEXT_WIDTH - column);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct str trim_space(struct str s)
{
    while (s.len && is_space(s.p[0]))
        s = (struct str){s.p + 1, s.len - 1};
    while (s.len && is_space(s.p[s.len - 1]))
        s.len--;
    return s;
}

/* "FILE:LINE" in grey, the end of a row.  pprof escapes the name of an instruction's
 * file twice. */
static void print_place(struct page *p, struct str file, int64_t line, bool twice)
{
    buf_puts(p->out, " <span class=unimportant>");
    if (file.len || !twice) {
        struct str base = path_base(file);
        if (twice) {
            buf_clear(&p->text);
            html_text(&p->text, base);
            base = (struct str){buf_str(&p->text), p->text.len};
        }
        print_escaped(p, base);
        buf_printf(p->out, ":%" PRId64, line);
    }
    buf_puts(p->out, "</span>\n");
}

static void print_call(struct page *p, const struct listing_call *call, size_t indent)
{
    struct str line;
    if (!source_view_text(&p->view, call->file, call->line, &line))
        line = STR("");
    buf_fill(p->out, ' ', 42);
    buf_puts(p->out, "<span class=inlinesrc>");
    print_padded(&p->scratch, indent, trim_space(line));
    flush(p);
    buf_puts(p->out, "</span>");
    print_place(p, call->file, call->line, false);
}

static void print_instruction(struct page *p, const struct listing_entry *entry,
                              const struct listing_instruction *in, size_t indent)
{
    buf_fill(&p->scratch, ' ', 10);
    print_value_or_dot(p, in->flat);
    buf_putc(&p->scratch, ' ');
    print_value_or_dot(p, in->cum);
    buf_printf(&p->scratch, " %8" PRIx64 ": ", in->object_address);
    print_padded(&p->scratch, indent + INDENT * (size_t)(1 + entry->n_calls), str_of(in->text));
    flush(p);
    print_place(p, in->file, in->line, true);
}

/* The machine code of a line. */
static void print_code(struct page *p, const struct source_line *line, size_t indent)
{
    const struct listing *listing = &p->view.listing;
    buf_puts(p->out, "<span class=asm>");
    for (size_t i = 0; i < line->n; i++) {
        const struct listing_entry *entry = &listing->entries.items[line->first + i];
        const struct listing_instruction *in = &listing->instructions.items[entry->instruction];
        if (source_view_is_block(&p->view, line, i)) {
            buf_fill(p->out, ' ', 37);
            buf_puts(p->out, "\u22ee\n");
        }
        for (uint32_t k = source_view_known_calls(&p->view, line, i); k < entry->n_calls; k++)
            print_call(p, &listing->calls.items[entry->first_call + k],
                       indent + INDENT * (size_t)(1 + k));
        if (in->text)
            print_instruction(p, entry, in, indent);
    }
    buf_puts(p->out, "</span>");
}

static void print_row(struct page *p, const struct source_row *row)
{
    const struct source_line *line = row->line;
    bool live = line && source_view_has_code(&p->view, line);
    buf_printf(p->out, "\n<span class=line> %6" PRId64 "</span> <span class=%s>", row->number,
               live   ? "livesrc"
               : line ? "deadsrc"
                      : "nop");
    buf_puts(&p->scratch, "  ");
    print_value_or_dot(p, line ? line->flat : 0);
    buf_putc(&p->scratch, ' ');
    print_value_or_dot(p, line ? line->cum : 0);
    buf_fill(&p->scratch, ' ', 11);
    buf_add(&p->scratch, row->text.p, row->text.len);
    buf_putc(&p->scratch, ' ');
    flush(p);
    buf_puts(p->out, "</span>");
    if (live)
        print_code(p, line, indentation(row->text));
}

static void print_part(struct page *p, const struct source_part *part)
{
    buf_puts(p->out, "<h2>");
    print_escaped(p, part->name);
    buf_puts(p->out, "</h2><p class=\"filename\">");
    print_escaped(p, p->view.file);
    buf_puts(p->out, "</p>\n<pre onClick=\"pprof_toggle_asm(event)\">\n");
    buf_puts(&p->scratch, "  Total:  ");
    print_value(p, part->flat);
    buf_putc(&p->scratch, ' ');
    print_value(p, part->cum);
    buf_puts(&p->scratch, " (flat, cum) ");
    unit_print_percent(&p->scratch, part->cum, p->run->pipeline.total);
    flush(p);
    for (struct source_row row = {.part = part}; source_view_next(&p->view, &row);)
        print_row(p, &row);
    buf_puts(p->out, "\n</pre>\n");
}

static bool print_files(struct page *p)
{
    struct source_view *v = &p->view;
    for (size_t i = 0; i < v->listing.entries.n; i = v->end) {
        if (!source_view_file(v, i))
            return false;
        for (size_t k = 0; k < v->parts.n; k++) {
            if (v->parts.items[k].cum)
                print_part(p, &v->parts.items[k]);
        }
    }
    return !p->failed && !v->failed && !p->text.failed;
}

/* --- the page --- */

static void print_head(struct page *p)
{
    struct str title = report_title(p->run);
    const char *type = p->run->pipeline.type;
    buf_puts(p->out, "<!DOCTYPE html>\n<html>\n<head>\n  <meta charset=\"utf-8\">\n  <title>");
    print_escaped(p, title.len ? title : STR("unknown"));
    buf_putc(p->out, ' ');
    print_escaped(p, *type ? str_of(type) : STR("unknown"));
    buf_printf(p->out,
               "</title>\n  <style>\n%s</style>\n  <script>\n%s</script>\n</head>\n<body>\n",
               weblist_css, weblist_js);
}

static void print_legend(struct page *p)
{
    AUTO_BUF lines = {0};
    report_profile_lines(p->run, &lines);
    buf_puts(p->out, "\n<div class=\"legend\">");
    for (const char *s = buf_str(&lines); *s;) {
        struct str line = {s, strcspn(s, "\n")};
        print_escaped(p, line);
        s += line.len;
        if (*s)
            buf_puts(p->out, "<br>\n");
        s += *s != '\0';
    }
    buf_puts(p->out, "<br>Total: ");
    report_value(p->run, &p->scratch, p->run->pipeline.total);
    flush(p);
    buf_puts(p->out, "</div>");
    p->failed |= lines.failed;
}

static bool print_page(struct page *p)
{
    print_head(p);
    print_legend(p);
    bool ok = print_files(p);
    buf_puts(p->out, "\n</body>\n</html>\n");
    buf_release(&p->scratch);
    buf_release(&p->text);
    return ok;
}

static bool write_weblist(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct report_options changed = *ctx->options;
    struct report_ctx own = *ctx;
    changed.noinlines = false;
    own.options = &changed;

    struct report_run run;
    struct page page = {.run = &run, .out = out};
    bool ok = report_begin(&run, &report_weblist, &own, err) &&
              source_view_init(&page.view, &run, ctx->diag, err) &&
              (print_page(&page) || err_nomem(err));
    source_view_release(&page.view);
    report_end(&run);
    return ok;
}

const struct report_ops report_weblist = {
    .name = "weblist",
    .help = "The source of functions that match, with machine code, as a page for a browser",
    .ext = "html",
    .viewer = "browser",
    .flags = REPORT_TAKES_REGEXP | REPORT_UNTRIMMED,
    .granularity = GRANULARITY_ADDRESSES,
    .write = write_weblist,
};
