/* disasm: the machine code of functions that match, each instruction with its values, as the
 * report `disasm` has it.  Functions whose program is not here are named all the same. */
#include "base/intern.h"
#include "page/page_common.h"
#include "report/disasm_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_FUNCTIONS 50            /* as pprof's page */
#define MOST_BYTES (3 * 1000 * 1000) /* some 200 KB when packed: no function is begun then */

struct writer {
    struct disasm_view view;
    struct json *j;
    struct buf text;
    uint32_t n_shown, n_left_out;
};

/* "FUNCTION FILE:LINE", as far as it is known. */
static void write_place(struct writer *w, const struct disasm_note *note)
{
    buf_clear(&w->text);
    buf_add(&w->text, note->function.p, note->function.len);
    if (note->function.len && note->file.len)
        buf_putc(&w->text, ' ');
    buf_add(&w->text, note->file.p, note->file.len);
    if (note->file.len && note->line)
        buf_printf(&w->text, ":%" PRId64, note->line);
    json_member(w->j, "place", (struct str){buf_str(&w->text), w->text.len});
}

static void write_instruction(struct writer *w, const struct disasm_row *row)
{
    const struct disasm_note *note = &row->note;
    char address[24];
    snprintf(address, sizeof address, "%" PRIx64, row->instruction->address);
    json_open(w->j, '{');
    json_member(w->j, "address", str_of(address));
    json_member_int(w->j, "flat", view_mean(note->flat, note->flat_div));
    json_member_int(w->j, "cum", view_mean(note->cum, note->cum_div));
    json_member(w->j, "text", str_of(row->instruction->text));
    write_place(w, note);
    json_member_bool(w->j, "block", false);
    json_key(w->j, "calls");
    json_open(w->j, '[');
    json_close(w->j, ']');
    json_close(w->j, '}');
}

/* The members of a function up to its code. */
static void begin_function(struct writer *w, struct str name, struct str file, char *const *aliases,
                           size_t n_aliases, int64_t flat, int64_t cum)
{
    json_open(w->j, '{');
    json_member(w->j, "name", name);
    json_member(w->j, "file", file);
    json_key(w->j, "aliases");
    json_open(w->j, '[');
    for (size_t i = 0; i < n_aliases; i++)
        json_string(w->j, str_of(aliases[i]));
    json_close(w->j, ']');
    json_member_int(w->j, "flat", flat);
    json_member_int(w->j, "cum", cum);
    json_key(w->j, "missing");
    json_open(w->j, '[');
}

static bool has_room(struct writer *w)
{
    bool has = w->n_shown < MOST_FUNCTIONS && w->j->out->len < MOST_BYTES;
    w->n_shown += has;
    w->n_left_out += !has;
    return has;
}

static void write_routine(struct writer *w, const struct disasm_routine *r)
{
    if (!has_room(w))
        return;
    begin_function(w, str_of(r->names[0]), str_of(r->object->path), r->names + 1, r->n_names - 1,
                   r->flat, r->cum);
    json_close(w->j, ']');
    json_key(w->j, "code");
    json_open(w->j, '[');
    for (struct disasm_row row = {.routine = r}; disasm_view_next(&w->view, &row);)
        write_instruction(w, &row);
    json_close(w->j, ']');
    json_close(w->j, '}');
}

/* --- functions whose code cannot be had --- */

struct lost {
    struct str name, file;
    const char *why;
    int64_t flat, cum;
};

static int by_flat(const void *a, const void *b)
{
    const struct lost *x = a, *y = b;
    if (x->flat != y->flat)
        return x->flat > y->flat ? -1 : 1;
    if (x->cum != y->cum)
        return x->cum > y->cum ? -1 : 1;
    return str_cmp(x->name, y->name);
}

static int64_t add_wrapping(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* Add the nodes of a file that match, a function once.  False when memory runs out. */
static bool add_lost(struct writer *w, const struct disasm_missing *missing, struct lost *lost,
                     size_t *n)
{
    const struct graph *g = &w->view.graph;
    struct str file = profile_str(w->view.code.profile, missing->file);
    AUTO_ARENA arena = {0};
    struct intern names;
    bool ok = intern_init(&names, &arena);
    uint32_t none = ok ? intern_add(&names, STR("")) : 0; /* is not a name */
    size_t first = *n;
    ok = ok && none != INTERN_NONE;
    for (uint32_t i = 0; ok && i < g->n_order; i++) {
        const struct graph_node *node = &g->nodes[g->order[i]];
        struct str name = graph_name(g, g->order[i]);
        if (node->info.objfile != missing->file || !name.len || !regex_match(w->view.re, name))
            continue;
        uint32_t id = intern_add(&names, name);
        ok = id != INTERN_NONE;
        if (!ok)
            break;
        struct lost *l = &lost[first + id - 1];
        if (first + id > *n) {
            *l = (struct lost){.name = name, .file = file, .why = missing->why};
            *n = first + id;
        }
        l->flat = add_wrapping(l->flat, node->flat);
        l->cum = add_wrapping(l->cum, node->cum);
    }
    intern_release(&names);
    return ok;
}

static bool write_lost(struct writer *w)
{
    size_t n = 0;
    struct lost *lost = calloc((size_t)w->view.graph.n_order + 1, sizeof *lost);
    bool ok = lost != NULL;
    for (size_t i = 0; ok && i < w->view.missing.n; i++) {
        const struct disasm_missing *missing = &w->view.missing.items[i];
        bool is_known = false; /* several mappings may be of one file */
        for (size_t k = 0; k < i; k++)
            is_known |= w->view.missing.items[k].file == missing->file;
        ok = is_known || add_lost(w, missing, lost, &n);
    }
    if (ok)
        qsort(lost, n, sizeof *lost, by_flat);
    for (size_t i = 0; ok && i < n; i++) {
        if (!has_room(w))
            continue;
        begin_function(w, lost[i].name, lost[i].file, NULL, 0, lost[i].flat, lost[i].cum);
        buf_clear(&w->text);
        buf_printf(&w->text,
                   "No machine code: %s.  If the program is elsewhere, name its folder in "
                   "PPROF_BINARY_PATH.",
                   lost[i].why);
        json_string(w->j, (struct str){buf_str(&w->text), w->text.len});
        json_close(w->j, ']');
        json_key(w->j, "code");
        json_open(w->j, '[');
        json_close(w->j, ']');
        json_close(w->j, '}');
    }
    free(lost);
    return ok;
}

static bool write_functions(struct writer *w, struct err *err)
{
    json_key(w->j, "functions");
    json_open(w->j, '[');
    for (size_t i = 0; i < w->view.routines.n; i++)
        write_routine(w, &w->view.routines.items[i]);
    bool ok = write_lost(w) && !w->view.failed && !w->text.failed;
    json_close(w->j, ']');
    json_member_int(w->j, "more", (int64_t)(w->n_left_out + w->view.n_left_out));
    return ok ? w->n_shown || disasm_view_none(&w->view, err) : err_nomem(err);
}

static bool write_disasm(const struct page_ctx *ctx, struct json *j, struct err *err)
{
    struct report_options options = *ctx->report.options;
    struct report_ctx own = ctx->report;
    struct report_run run;
    struct writer w = {.j = j};
    options.noinlines = true; /* as the report */
    own.options = &options;
    own.regexp = page_argument(ctx);
    bool ok = report_begin(&run, &report_disasm, &own, err) &&
              disasm_view_init(&w.view, &run, MOST_FUNCTIONS, own.diag, err) &&
              page_head(j, &run, NULL, NULL, err) && write_functions(&w, err);
    disasm_view_release(&w.view);
    buf_release(&w.text);
    report_end(&run);
    return ok;
}

const struct page_ops page_disasm = {
    .name = "disasm",
    .title = "Disassemble",
    .help = "Machine code of functions, with the values of each instruction",
    .key = 'a',
    .write = write_disasm,
};
