/* weblist: a page with the source of functions that match a regexp, each line with its
 * values and, at a click, the machine code that was made of it.  What the page says and
 * its elements are pprof's; style and script are our own. */
#include "base/utf8.h"
#include "render/columns.h"
#include "render/html.h"
#include "report/listing.h"
#include "report/source_files.h"
#include "xform/path.h"
#include "xform/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define MERGE 20 /* lines apart that are still one function's part of a file */
#define MARGIN 5 /* lines shown around it */
#define INDENT 4 /* of code behind its line, and of each inlined call */
#define TEXT_WIDTH 80

extern const char weblist_css[], weblist_js[]; /* made from weblist.css, .js by tools/embed */

/* The entries [first, first + n) of one line. */
struct line {
    int64_t number, flat, cum;
    size_t first, n;
};

/* A function's lines [begin, end) in a file. */
struct part {
    struct str name;
    int64_t begin, end, flat, cum;
};

struct page {
    struct report_run *run;
    struct listing *listing;
    const char *search_path;
    struct buf *out;
    VEC(struct line) lines; /* of the file at hand */
    VEC(struct part) parts;
    struct intern file_names;        /* of sources that were looked for */
    VEC(struct source_file) sources; /* by id of file_names */
    struct buf scratch, text;
    bool failed;
};

static int64_t add_wrapping(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t subtract_wrapping(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

/* --- sources --- */

/* A line of a source file; false when there is none. */
static bool source_line(struct page *p, struct str file, int64_t number, struct str *line)
{
    uint32_t id = intern_add(&p->file_names, file);
    while (id != INTERN_NONE && p->sources.n <= id) {
        AUTO_BUF why = {0};
        struct source_file source;
        struct str name = p->file_names.strings[p->sources.n];
        name = path_trim(name, p->run->options.trim_path, p->search_path);
        bool found = source_file_read(&source, name, p->search_path, &why);
        if ((!found && !why.len) || !vec_push(&p->sources, source)) {
            source_file_release(&source);
            id = INTERN_NONE;
        }
    }
    if (id == INTERN_NONE) {
        p->failed = true;
        return false;
    }
    return source_file_line(&p->sources.items[id], number, line);
}

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

/* --- parts of a file --- */

static const struct listing_instruction *instruction(const struct page *p, size_t entry)
{
    return &p->listing->instructions.items[p->listing->entries.items[entry].instruction];
}

/* The entries [first, end) of one file, a line each. */
static bool group_lines(struct page *p, size_t first, size_t end)
{
    const struct listing_entry *entries = p->listing->entries.items;
    vec_clear(&p->lines);
    for (size_t i = first; i < end; i++) {
        if (i == first || entries[i].line != entries[i - 1].line) {
            if (!vec_push(&p->lines, (struct line){.number = entries[i].line, .first = i}))
                return false;
        }
        struct line *line = &p->lines.items[p->lines.n - 1];
        line->n++;
        line->flat = add_wrapping(line->flat, instruction(p, i)->flat);
        line->cum = add_wrapping(line->cum, instruction(p, i)->cum);
    }
    return true;
}

/* Lines of one function that are near each other make a part. */
static bool group_parts(struct page *p)
{
    vec_clear(&p->parts);
    for (size_t i = 0; i < p->lines.n; i++) {
        const struct line *line = &p->lines.items[i];
        struct str name = p->listing->entries.items[line->first].function;
        struct part *last = p->parts.n ? &p->parts.items[p->parts.n - 1] : NULL;
        int64_t end = add_wrapping(line->number, 1);
        if (last && (uint64_t)line->number - (uint64_t)last->end < MERGE &&
            str_eq(last->name, name)) {
            last->end = end;
            last->flat = add_wrapping(last->flat, line->flat);
            last->cum = add_wrapping(last->cum, line->cum);
        } else if (!vec_push(&p->parts,
                             (struct part){name, line->number, end, line->flat, line->cum})) {
            return false;
        }
    }
    return true;
}

/* Show some lines around the parts.  Line 0, for those that are not known, stays alone. */
static void widen_parts(struct page *p)
{
    for (size_t i = 0; i < p->parts.n; i++) {
        struct part *part = &p->parts.items[i];
        if (i == 0) {
            if (part->begin > MARGIN)
                part->begin -= MARGIN;
            else if (part->begin > 1)
                part->begin = 1;
            continue;
        }
        int64_t half = subtract_wrapping(part->begin, part[-1].end) / 2;
        if (half > MARGIN)
            half = MARGIN;
        part[-1].end = add_wrapping(part[-1].end, half);
        part->begin = subtract_wrapping(part->begin, half);
    }
    if (p->parts.n)
        p->parts.items[p->parts.n - 1].end =
            add_wrapping(p->parts.items[p->parts.n - 1].end, MARGIN);
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
    struct str line = STR("");
    if (!source_line(p, call->file, call->line, &line))
        line = STR("");
    buf_fill(p->out, ' ', 42);
    buf_puts(p->out, "<span class=inlinesrc>");
    print_padded(&p->scratch, indent, trim_space(line));
    flush(p);
    buf_puts(p->out, "</span>");
    print_place(p, call->file, call->line, false);
}

static bool is_same_call(const struct listing_call *a, const struct listing_call *b)
{
    return a->line == b->line && str_eq(a->file, b->file);
}

/* The calls by which an instruction was inlined, as far as they are not those of the
 * instruction before. */
static void print_calls(struct page *p, const struct listing_entry *entry,
                        const struct listing_entry *before, size_t indent)
{
    const struct listing_call *calls = p->listing->calls.items + entry->first_call;
    const struct listing_call *old = before ? p->listing->calls.items + before->first_call : NULL;
    uint32_t n_old = before ? before->n_calls : 0;
    for (uint32_t i = 0; i < entry->n_calls; i++) {
        if (i < n_old && is_same_call(&calls[i], &old[i]))
            continue;
        n_old = 0;
        print_call(p, &calls[i], indent + INDENT * (size_t)(1 + i));
    }
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
static void print_code(struct page *p, const struct line *line, size_t indent)
{
    const struct listing_entry *entries = p->listing->entries.items + line->first;
    uint64_t next = 0;
    buf_puts(p->out, "<span class=asm>");
    for (size_t i = 0; i < line->n; i++) {
        const struct listing_instruction *in = instruction(p, line->first + i);
        if (i > 0 && in->address != next) {
            buf_fill(p->out, ' ', 37);
            buf_puts(p->out, "\u22ee\n");
        }
        next = in->address + in->length;
        print_calls(p, &entries[i], i ? &entries[i - 1] : NULL, indent);
        if (in->text)
            print_instruction(p, &entries[i], in, indent);
    }
    buf_puts(p->out, "</span>");
}

static bool has_code(const struct page *p, const struct line *line)
{
    for (size_t i = 0; line && i < line->n; i++) {
        if (instruction(p, line->first + i)->text ||
            p->listing->entries.items[line->first + i].n_calls)
            return true;
    }
    return false;
}

/* A source line; `line` is NULL for those without values. */
static void print_line(struct page *p, struct str file, int64_t number, const struct line *line)
{
    struct str text;
    bool live = has_code(p, line);
    if (!source_line(p, file, number, &text)) {
        if (!line)
            return;
        text = number ? STR("???") : STR("<instructions with unknown line numbers>");
    }
    buf_printf(p->out, "\n<span class=line> %6" PRId64 "</span> <span class=%s>", number,
               live   ? "livesrc"
               : line ? "deadsrc"
                      : "nop");
    buf_puts(&p->scratch, "  ");
    print_value_or_dot(p, line ? line->flat : 0);
    buf_putc(&p->scratch, ' ');
    print_value_or_dot(p, line ? line->cum : 0);
    buf_fill(&p->scratch, ' ', 11);
    buf_add(&p->scratch, text.p, text.len);
    buf_putc(&p->scratch, ' ');
    flush(p);
    buf_puts(p->out, "</span>");
    if (live)
        print_code(p, line, indentation(text));
}

static void print_part(struct page *p, struct str file, const struct part *part)
{
    buf_puts(p->out, "<h2>");
    print_escaped(p, part->name);
    buf_puts(p->out, "</h2><p class=\"filename\">");
    print_escaped(p, file);
    buf_puts(p->out, "</p>\n<pre onClick=\"pprof_toggle_asm(event)\">\n");
    buf_puts(&p->scratch, "  Total:  ");
    print_value(p, part->flat);
    buf_putc(&p->scratch, ' ');
    print_value(p, part->cum);
    buf_puts(&p->scratch, " (flat, cum) ");
    unit_print_percent(&p->scratch, part->cum, p->run->pipeline.total);
    flush(p);
    size_t k = 0;
    /* Of numbers more than 2^63 apart the half wraps, and pprof's page has no end. */
    uint64_t n_lines = (uint64_t)part->end - (uint64_t)part->begin;
    int64_t begin = n_lines / MERGE > p->lines.n + 1 ? part->end : part->begin;
    for (int64_t number = begin; number < part->end; number++) {
        while (k < p->lines.n && p->lines.items[k].number < number)
            k++;
        bool is_here = k < p->lines.n && p->lines.items[k].number == number;
        print_line(p, file, number, is_here ? &p->lines.items[k] : NULL);
    }
    buf_puts(p->out, "\n</pre>\n");
}

static bool print_files(struct page *p)
{
    const struct listing_entry *entries = p->listing->entries.items;
    size_t n = p->listing->entries.n;
    for (size_t i = 0, end; i < n && !p->failed; i = end) {
        for (end = i + 1; end < n && str_eq(entries[end].file, entries[i].file);)
            end++;
        if (!group_lines(p, i, end) || !group_parts(p))
            return false;
        widen_parts(p);
        for (size_t k = 0; k < p->parts.n; k++) {
            if (p->parts.items[k].cum)
                print_part(p, entries[i].file, &p->parts.items[k]);
        }
    }
    return !p->failed && !p->text.failed;
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
    AUTO_ARENA arena = {0};
    bool ok = intern_init(&p->file_names, &arena);
    if (ok) {
        print_head(p);
        print_legend(p);
        ok = print_files(p);
        buf_puts(p->out, "\n</body>\n</html>\n");
    }
    for (size_t i = 0; i < p->sources.n; i++)
        source_file_release(&p->sources.items[i]);
    vec_release(&p->sources);
    vec_release(&p->lines);
    vec_release(&p->parts);
    intern_release(&p->file_names);
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
    struct listing listing = {0};
    char *folder = NULL;
    bool ok = report_begin(&run, &report_weblist, &own, err);
    const char *search_path = changed.source_path;
    if (ok && (!search_path || !*search_path)) {
        search_path = folder = getcwd(NULL, 0);
        ok = folder || err_sys(err, errno, "cannot tell the current folder");
    }
    ok = ok && listing_init(&listing, &run, ctx->diag, err);
    if (ok) {
        struct page page = {
            .run = &run, .listing = &listing, .search_path = search_path, .out = out};
        ok = print_page(&page) || err_nomem(err);
    }
    listing_release(&listing);
    report_end(&run);
    free(folder);
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
