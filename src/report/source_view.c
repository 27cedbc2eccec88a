#include "report/source_view.h"

#include "xform/path.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define MERGE 20 /* lines apart that are still one function's part of a file */
#define MARGIN 5 /* lines shown around it */
#define MOST_BYTES ((size_t)128 << 20) /* of all sources; no more are read then */

static int64_t add_wrapping(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t subtract_wrapping(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

bool source_view_init(struct source_view *v, struct report_run *run, struct diag *diag,
                      struct err *err)
{
    *v = (struct source_view){.run = run, .search_path = run->options.source_path};
    if (!v->search_path || !*v->search_path) {
        v->search_path = v->folder = getcwd(NULL, 0);
        if (!v->folder)
            return err_sys(err, errno, "cannot tell the current folder");
    }
    if (!intern_init(&v->file_names, &v->arena))
        return err_nomem(err);
    return listing_init(&v->listing, run, diag, err);
}

void source_view_release(struct source_view *v)
{
    for (size_t i = 0; i < v->sources.n; i++)
        source_file_release(&v->sources.items[i]);
    vec_release(&v->sources);
    vec_release(&v->whys);
    vec_release(&v->lines);
    vec_release(&v->parts);
    intern_release(&v->file_names);
    arena_release(&v->arena);
    listing_release(&v->listing);
    free(v->folder);
}

/* --- sources --- */

/* Read the next of file_names. */
static bool read_source(struct source_view *v)
{
    AUTO_BUF why = {0};
    struct source_file source;
    struct str name = v->file_names.strings[v->sources.n];
    name = path_trim(name, v->run->options.trim_path, v->search_path);
    bool found = v->n_bytes < MOST_BYTES && source_file_read(&source, name, v->search_path, &why);
    if (v->n_bytes >= MOST_BYTES) {
        source = (struct source_file){0};
        buf_puts(&why, "the files before are too much already");
    }
    const char *text = why.len ? arena_strndup(&v->arena, buf_str(&why), why.len) : NULL;
    if ((!found && !why.len) || (why.len && !text) || !vec_push(&v->whys, text)) {
        source_file_release(&source);
        return false;
    }
    if (!vec_push(&v->sources, source)) {
        source_file_release(&source);
        v->whys.n--;
        return false;
    }
    v->n_bytes += source.file.len;
    return true;
}

/* The file's place in `sources`, which it is read into; INTERN_NONE when memory runs out. */
static uint32_t find_source(struct source_view *v, struct str file)
{
    uint32_t id = intern_add(&v->file_names, file);
    while (id != INTERN_NONE && v->sources.n <= id) {
        if (!read_source(v))
            id = INTERN_NONE;
    }
    v->failed |= id == INTERN_NONE;
    return id;
}

bool source_view_text(struct source_view *v, struct str file, int64_t number, struct str *text)
{
    uint32_t id = find_source(v, file);
    return id != INTERN_NONE && source_file_line(&v->sources.items[id], number, text);
}

const char *source_view_why(struct source_view *v, struct str file)
{
    uint32_t id = find_source(v, file);
    return id != INTERN_NONE ? v->whys.items[id] : NULL;
}

/* --- parts of a file --- */

const struct listing_instruction *source_view_instruction(const struct source_view *v, size_t entry)
{
    return &v->listing.instructions.items[v->listing.entries.items[entry].instruction];
}

/* The entries of the file, a line each. */
static bool group_lines(struct source_view *v)
{
    const struct listing_entry *entries = v->listing.entries.items;
    vec_clear(&v->lines);
    for (size_t i = v->first; i < v->end; i++) {
        if (i == v->first || entries[i].line != entries[i - 1].line) {
            if (!vec_push(&v->lines, (struct source_line){.number = entries[i].line, .first = i}))
                return false;
        }
        struct source_line *line = &v->lines.items[v->lines.n - 1];
        const struct listing_instruction *in = source_view_instruction(v, i);
        line->n++;
        line->flat = add_wrapping(line->flat, in->flat);
        line->cum = add_wrapping(line->cum, in->cum);
    }
    return true;
}

/* Lines of one function that are near each other make a part. */
static bool group_parts(struct source_view *v)
{
    vec_clear(&v->parts);
    for (size_t i = 0; i < v->lines.n; i++) {
        const struct source_line *line = &v->lines.items[i];
        struct str name = v->listing.entries.items[line->first].function;
        struct source_part *last = v->parts.n ? &v->parts.items[v->parts.n - 1] : NULL;
        int64_t end = add_wrapping(line->number, 1);
        if (last && (uint64_t)line->number - (uint64_t)last->end < MERGE &&
            str_eq(last->name, name)) {
            last->end = end;
            last->flat = add_wrapping(last->flat, line->flat);
            last->cum = add_wrapping(last->cum, line->cum);
        } else if (!vec_push(&v->parts, (struct source_part){name, line->number, end, line->flat,
                                                             line->cum})) {
            return false;
        }
    }
    return true;
}

/* Show some lines around the parts.  Line 0, for those that are not known, stays alone. */
static void widen_parts(struct source_view *v)
{
    for (size_t i = 0; i < v->parts.n; i++) {
        struct source_part *part = &v->parts.items[i];
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
    if (v->parts.n)
        v->parts.items[v->parts.n - 1].end =
            add_wrapping(v->parts.items[v->parts.n - 1].end, MARGIN);
}

bool source_view_file(struct source_view *v, size_t first)
{
    const struct listing_entry *entries = v->listing.entries.items;
    v->file = entries[first].file;
    v->first = first;
    for (v->end = first + 1;
         v->end < v->listing.entries.n && str_eq(entries[v->end].file, v->file);)
        v->end++;
    if (!group_lines(v) || !group_parts(v))
        return false;
    widen_parts(v);
    return true;
}

/* --- rows --- */

/* The row that is next by number, whether or not there is anything in it. */
static bool step(struct source_view *v, struct source_row *row)
{
    const struct source_part *part = row->part;
    if (!row->has_begun) {
        /* Of numbers more than 2^63 apart the half wraps, and pprof's page has no end. */
        uint64_t n = (uint64_t)part->end - (uint64_t)part->begin;
        row->number = n / MERGE > v->lines.n + 1 ? part->end : part->begin;
        row->has_begun = true;
    } else {
        row->number++;
    }
    if (row->number >= part->end)
        return false;
    while (row->n_passed < v->lines.n && v->lines.items[row->n_passed].number < row->number)
        row->n_passed++;
    const struct source_line *line = v->lines.items + row->n_passed;
    row->line = row->n_passed < v->lines.n && line->number == row->number ? line : NULL;
    return true;
}

bool source_view_next(struct source_view *v, struct source_row *row)
{
    while (step(v, row)) {
        if (source_view_text(v, v->file, row->number, &row->text))
            return true;
        row->text = row->number ? STR("???") : STR("<instructions with unknown line numbers>");
        if (row->line)
            return true;
    }
    return false;
}

/* --- machine code --- */

bool source_view_has_code(const struct source_view *v, const struct source_line *line)
{
    for (size_t i = line->first; i < line->first + line->n; i++) {
        if (source_view_instruction(v, i)->text || v->listing.entries.items[i].n_calls)
            return true;
    }
    return false;
}

bool source_view_is_block(const struct source_view *v, const struct source_line *line, size_t i)
{
    if (!i)
        return false;
    const struct listing_instruction *before = source_view_instruction(v, line->first + i - 1);
    return source_view_instruction(v, line->first + i)->address != before->address + before->length;
}

uint32_t source_view_known_calls(const struct source_view *v, const struct source_line *line,
                                 size_t i)
{
    if (!i)
        return 0;
    const struct listing_entry *entry = &v->listing.entries.items[line->first + i];
    const struct listing_call *calls = v->listing.calls.items + entry->first_call;
    const struct listing_call *old = v->listing.calls.items + entry[-1].first_call;
    uint32_t n = 0;
    while (n < entry->n_calls && n < entry[-1].n_calls && calls[n].line == old[n].line &&
           str_eq(calls[n].file, old[n].file))
        n++;
    return n;
}
