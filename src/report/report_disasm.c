/* disasm: the machine code of functions that match a regexp, each instruction with its
 * values. */
#include "render/columns.h"
#include "report/disasm_view.h"
#include "xform/unit.h"

#include <inttypes.h>
#include <string.h>

static void print_value_or_dot(const struct report_run *run, struct buf *out, int64_t value)
{
    if (value)
        report_value_right(run, out, value, 10);
    else
        buf_puts(out, "         .");
}

/* "FUNCTION FILE:LINE" */
static void print_place(const struct disasm_note *note, struct buf *out)
{
    buf_add(out, note->function.p, note->function.len);
    if (note->function.len)
        buf_putc(out, ' ');
    buf_add(out, note->file.p, note->file.len);
    if (note->file.len && note->line)
        buf_printf(out, ":%" PRId64, note->line);
}

static void print_row(const struct report_run *run, const struct disasm_row *row, struct buf *out)
{
    const struct instruction *in = row->instruction;
    const struct disasm_note *note = &row->note;
    size_t width = strlen(in->text);
    bool has_place = row->is_new && (note->function.len || note->file.len);
    bool is_long = width >= 40;
    if (has_place && is_long) {
        buf_fill(out, ' ', 74);
        buf_putc(out, ';');
        print_place(note, out);
        buf_putc(out, '\n');
    }
    print_value_or_dot(run, out, view_mean(note->flat, note->flat_div));
    buf_putc(out, ' ');
    print_value_or_dot(run, out, view_mean(note->cum, note->cum_div));
    buf_printf(out, " %10" PRIx64 ": %s", in->address, in->text);
    if (has_place && !is_long) {
        width = columns_width(str_of(in->text));
        buf_fill(out, ' ', 40 - width);
        buf_putc(out, ';');
        print_place(note, out);
    }
    buf_putc(out, '\n');
}

static void print_routine(struct disasm_view *v, const struct disasm_routine *r, struct buf *out)
{
    for (size_t i = 0; i < r->n_names; i++)
        buf_printf(out, "%s ======================== %s\n", i ? "    AKA" : "ROUTINE", r->names[i]);
    report_value_right(v->run, out, r->flat, 10);
    buf_putc(out, ' ');
    report_value_right(v->run, out, r->cum, 10);
    buf_puts(out, " (flat, cum) ");
    unit_print_percent(out, r->cum, v->run->pipeline.total);
    buf_puts(out, " of Total\n");
    for (struct disasm_row row = {.routine = r}; disasm_view_next(v, &row);)
        print_row(v->run, &row, out);
}

static bool print_all(struct disasm_view *v, struct buf *out, struct err *err)
{
    if (!v->routines.n)
        return disasm_view_none(v, err);
    buf_puts(out, "Total: ");
    report_value(v->run, out, v->run->pipeline.total);
    buf_putc(out, '\n');
    for (size_t i = 0; i < v->routines.n; i++)
        print_routine(v, &v->routines.items[i], out);
    return !v->failed || err_nomem(err);
}

static bool write_disasm(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    /* An address has one line, that of the function which is there: lines of inlined
     * calls would count its values again. */
    struct report_options changed = *ctx->options;
    struct report_ctx own = *ctx;
    changed.noinlines = true;
    own.options = &changed;

    struct report_run run;
    struct disasm_view view = {0};
    bool ok = report_begin(&run, &report_disasm, &own, err) &&
              disasm_view_init(&view, &run, 0, ctx->diag, err) && print_all(&view, out, err);
    disasm_view_release(&view);
    report_end(&run);
    return ok;
}

const struct report_ops report_disasm = {
    .name = "disasm",
    .help = "The machine code of functions that match, each instruction with its values",
    .flags = REPORT_TAKES_REGEXP | REPORT_UNTRIMMED,
    .granularity = GRANULARITY_ADDRESSES,
    .write = write_disasm,
};
