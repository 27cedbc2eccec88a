/* source: the source of functions that match, each line with its values and the machine
 * code that was made of it, as the report `weblist` has them. */
#include "page/page_common.h"
#include "report/source_view.h"
#include "xform/path.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_FILES 50                /* as pprof's page */
#define MOST_BYTES (2 * 1000 * 1000) /* some 200 KB when packed: no function is begun then */

struct writer {
    struct source_view view;
    struct json *j;
    struct buf text;
    uint32_t n_shown, n_left_out;
};

static void write_place(struct writer *w, const char *key, struct str file, int64_t line)
{
    struct str base = path_base(file);
    buf_clear(&w->text);
    if (file.len)
        buf_printf(&w->text, "%.*s:%" PRId64, (int)base.len, base.p, line);
    json_member(w->j, key, (struct str){buf_str(&w->text), w->text.len});
}

static struct str trim_space(struct str s)
{
    while (s.len && (*s.p == ' ' || *s.p == '\t'))
        s = (struct str){s.p + 1, s.len - 1};
    return s;
}

static void write_calls(struct writer *w, const struct source_line *line, size_t i)
{
    const struct listing *listing = &w->view.listing;
    const struct listing_entry *entry = &listing->entries.items[line->first + i];
    json_key(w->j, "calls");
    json_open(w->j, '[');
    for (uint32_t k = source_view_known_calls(&w->view, line, i); k < entry->n_calls; k++) {
        const struct listing_call *call = &listing->calls.items[entry->first_call + k];
        struct str text;
        if (!source_view_text(&w->view, call->file, call->line, &text))
            text = STR("");
        json_open(w->j, '{');
        json_member(w->j, "text", trim_space(text));
        write_place(w, "place", call->file, call->line);
        json_close(w->j, '}');
    }
    json_close(w->j, ']');
}

static void write_code(struct writer *w, const struct source_line *line)
{
    char address[24];
    json_key(w->j, "code");
    json_open(w->j, '[');
    for (size_t i = 0; line && source_view_has_code(&w->view, line) && i < line->n; i++) {
        const struct listing_instruction *in = source_view_instruction(&w->view, line->first + i);
        snprintf(address, sizeof address, "%" PRIx64, in->object_address);
        json_open(w->j, '{');
        json_member(w->j, "address", str_of(address));
        json_member_int(w->j, "flat", in->flat);
        json_member_int(w->j, "cum", in->cum);
        json_member(w->j, "text", str_of(in->text ? in->text : ""));
        write_place(w, "place", in->file, in->line);
        json_member_bool(w->j, "block", source_view_is_block(&w->view, line, i));
        write_calls(w, line, i);
        json_close(w->j, '}');
    }
    json_close(w->j, ']');
}

/* Why instructions of the part have no text; NULL: some have, or there are none. */
static const char *why_no_code(const struct source_view *v, const struct source_part *part)
{
    const char *why = NULL;
    for (size_t i = 0; i < v->lines.n; i++) {
        const struct source_line *line = &v->lines.items[i];
        if (line->number < part->begin || line->number >= part->end)
            continue;
        for (size_t k = line->first; k < line->first + line->n; k++) {
            const struct listing_instruction *in = source_view_instruction(v, k);
            if (in->text)
                return NULL;
            why = in->why;
        }
    }
    return why;
}

static void write_missing(struct writer *w, const struct source_part *part)
{
    const char *no_source = source_view_why(&w->view, w->view.file);
    const char *no_code = why_no_code(&w->view, part);
    json_key(w->j, "missing");
    json_open(w->j, '[');
    buf_clear(&w->text);
    if (str_eq(w->view.file, STR("."))) /* "", cleaned */
        buf_puts(&w->text, "No source: the profile names no file for this function; was the "
                           "program built with debug information?");
    else if (no_source)
        buf_printf(&w->text,
                   "No source: %s.  If it is elsewhere, start sonde with -source_path=FOLDER, and "
                   "-trim_path=PREFIX for what is to be taken off the names.",
                   no_source);
    if (w->text.len)
        json_string(w->j, (struct str){buf_str(&w->text), w->text.len});
    buf_clear(&w->text);
    if (no_code) {
        buf_printf(&w->text, "No machine code: %s", no_code);
        json_string(w->j, (struct str){buf_str(&w->text), w->text.len});
    }
    json_close(w->j, ']');
}

static void write_part(struct writer *w, const struct source_part *part)
{
    json_open(w->j, '{');
    json_member(w->j, "name", part->name);
    json_member(w->j, "file", w->view.file);
    json_member_int(w->j, "flat", part->flat);
    json_member_int(w->j, "cum", part->cum);
    write_missing(w, part);
    json_key(w->j, "lines");
    json_open(w->j, '[');
    for (struct source_row row = {.part = part}; source_view_next(&w->view, &row);) {
        json_open(w->j, '{');
        json_member_int(w->j, "line", row.number);
        json_member_int(w->j, "flat", row.line ? row.line->flat : 0);
        json_member_int(w->j, "cum", row.line ? row.line->cum : 0);
        json_member(w->j, "text", row.text);
        write_code(w, row.line);
        json_close(w->j, '}');
    }
    json_close(w->j, ']');
    json_close(w->j, '}');
}

/* A file of the listing: its entries begin at `first`. */
struct ranked {
    size_t first;
    int64_t flat, cum;
};

static int by_flat(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->flat != y->flat)
        return x->flat > y->flat ? -1 : 1;
    if (x->cum != y->cum)
        return x->cum > y->cum ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

/* The files, largest first: an instruction counts once, however many lines it is listed at.
 * The caller frees; NULL when memory runs out. */
static struct ranked *rank_files(const struct listing *listing, size_t *n)
{
    size_t n_entries = listing->entries.n;
    struct ranked *files = malloc((n_entries + 1) * sizeof *files);
    size_t *seen = calloc(listing->instructions.n + 1, sizeof *seen); /* in file number - 1 */
    *n = 0;
    for (size_t i = 0; files && seen && i < n_entries; i++) {
        const struct listing_entry *entry = &listing->entries.items[i];
        const struct listing_instruction *in = &listing->instructions.items[entry->instruction];
        if (!i || !str_eq(entry->file, entry[-1].file))
            files[(*n)++] = (struct ranked){.first = i};
        if (seen[entry->instruction] == *n)
            continue;
        seen[entry->instruction] = *n;
        files[*n - 1].flat = (int64_t)((uint64_t)files[*n - 1].flat + (uint64_t)in->flat);
        files[*n - 1].cum = (int64_t)((uint64_t)files[*n - 1].cum + (uint64_t)in->cum);
    }
    if (files && seen) {
        qsort(files, *n, sizeof *files, by_flat);
    } else {
        free(files);
        files = NULL;
    }
    free(seen);
    return files;
}

static bool write_file(struct writer *w, size_t first, bool is_left_out)
{
    struct source_view *v = &w->view;
    if (!source_view_file(v, first))
        return false;
    bool is_open = false;
    for (size_t k = 0; k < v->parts.n; k++) {
        if (!v->parts.items[k].cum)
            continue;
        if (is_left_out || w->j->out->len > MOST_BYTES) {
            w->n_left_out++;
            continue;
        }
        if (!is_open) {
            json_open(w->j, '{');
            json_member(w->j, "name", v->file);
            json_key(w->j, "functions");
            json_open(w->j, '[');
            is_open = true;
        }
        write_part(w, &v->parts.items[k]);
        w->n_shown++;
    }
    if (is_open) {
        json_close(w->j, ']');
        json_close(w->j, '}');
    }
    return !v->failed && !w->text.failed;
}

static bool write_files(struct writer *w)
{
    size_t n;
    struct ranked *files = rank_files(&w->view.listing, &n);
    bool ok = files != NULL;
    json_key(w->j, "files");
    json_open(w->j, '[');
    for (size_t i = 0; ok && i < n; i++)
        ok = write_file(w, files[i].first, i >= MOST_FILES);
    json_close(w->j, ']');
    json_member_int(w->j, "more", w->n_left_out);
    free(files);
    return ok;
}

static bool write_source(const struct page_ctx *ctx, struct json *j, struct err *err)
{
    struct report_options options = *ctx->report.options;
    struct report_ctx own = ctx->report;
    struct report_run run;
    struct writer w = {.j = j};
    options.noinlines = false;
    own.options = &options;
    own.regexp = page_argument(ctx);
    bool ok = report_begin(&run, &report_weblist, &own, err) &&
              source_view_init(&w.view, &run, own.diag, err) &&
              page_head(j, &run, NULL, NULL, err) && (write_files(&w) || err_nomem(err));
    if (ok && !w.n_shown)
        diag_add(own.diag, "there are no lines to show: what matches has no values, or the program "
                           "is not the one that ran any more");
    source_view_release(&w.view);
    buf_release(&w.text);
    report_end(&run);
    return ok;
}

const struct page_ops page_source = {
    .name = "source",
    .title = "Source",
    .help = "Lines of source with their values, and the machine code of each",
    .key = 's',
    .write = write_source,
};
