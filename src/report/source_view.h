/* source_view: a listing as it is read: files, the parts of them that are functions', lines
 * with their source, and the machine code of each.
 *
 *   struct source_view v;
 *   source_view_init(&v, &run, diag, err)
 *   for (size_t i = 0; i < v.listing.entries.n; i = v.end) {
 *       source_view_file(&v, i)
 *       for each of v.parts
 *           for (struct source_row row = {.part = part}; source_view_next(&v, &row);) ...
 *   }
 *
 * Ownership: texts live as long as the view.  Threads: one at a time.  Signals: no. */
#ifndef SONDE_REPORT_SOURCE_VIEW_H
#define SONDE_REPORT_SOURCE_VIEW_H

#include "report/listing.h"
#include "report/source_files.h"

/* A line with values, and its entries [first, first + n) of the listing. */
struct source_line {
    int64_t number, flat, cum;
    size_t first, n;
};

/* A function's lines [begin, end) in a file. */
struct source_part {
    struct str name;
    int64_t begin, end, flat, cum;
};

struct source_view {
    struct report_run *run;
    struct listing listing;
    const char *search_path;
    char *folder; /* search_path where none is given */
    /* Of the file at hand, which has the entries [first, end). */
    struct str file;
    size_t first, end;
    VEC(struct source_line) lines;
    VEC(struct source_part) parts;
    struct arena arena;
    struct intern file_names;        /* of sources that were looked for */
    VEC(struct source_file) sources; /* by id of file_names */
    size_t n_bytes;                  /* of sources */
    VEC(const char *) whys;          /* by id of file_names: NULL where it was read */
    bool failed;                     /* memory ran out */
};

/* The run has inlined frames, granularity addresses and an argument.  False and *err as of
 * listing_init; release it in any case. */
bool source_view_init(struct source_view *v, struct report_run *run, struct diag *diag,
                      struct err *err);
void source_view_release(struct source_view *v); /* also fine on a zeroed struct */

/* The file whose entries begin at `first`.  False when memory runs out. */
bool source_view_file(struct source_view *v, size_t first);

/* A row of a part: to begin with, only `part` is set. */
struct source_row {
    const struct source_part *part;
    int64_t number;
    const struct source_line *line; /* NULL: it has no values */
    struct str text;
    size_t n_passed; /* of the file's lines */
    bool has_begun;
};

/* The next row; false at the end, and with v->failed when memory ran out. */
bool source_view_next(struct source_view *v, struct source_row *row);

/* A line of a source file; false when there is none. */
bool source_view_text(struct source_view *v, struct str file, int64_t number, struct str *text);
/* Why there is no such file, in Go's words; NULL: there is one. */
const char *source_view_why(struct source_view *v, struct str file);

/* Has the line anything to say of its machine code? */
bool source_view_has_code(const struct source_view *v, const struct source_line *line);
const struct listing_instruction *source_view_instruction(const struct source_view *v,
                                                          size_t entry);
/* Does entry i of a line, from 0, begin a block: is it not right behind the one before? */
bool source_view_is_block(const struct source_view *v, const struct source_line *line, size_t i);
/* How many of the inlined calls that lead to entry i are those of the one before, outermost
 * first. */
uint32_t source_view_known_calls(const struct source_view *v, const struct source_line *line,
                                 size_t i);

#endif
