/* disasm: the machine code of functions that match a regexp, each instruction with
 * its values.
 *
 * pprof has this from an object tool, of which there are two.  Programs of Go are
 * shown as cmd/pprof shows them: a symbol is what its size says, source lines are
 * those of the instruction.  Others are shown as google/pprof does with llvm-nm and
 * llvm-objdump: symbols reach to the next, names of the same place are one, a source
 * line holds until there is another.  pprof leaves the last byte of each out. */
#include "render/columns.h"
#include "report/code.h"
#include "report/report_run.h"
#include "sym/demangle.h"
#include "xform/path.h"
#include "xform/unit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A node of the graph at its object address. */
struct place {
    uint64_t address;
    uint32_t node;
};

/* One symbol and the nodes in it. */
struct routine {
    struct code_object *object;
    uint64_t start, end;
    char **names;
    size_t n_names;
    struct place *places;
    size_t n_places;
    struct code_slice code;
};

struct disassembler {
    struct report_run *run;
    struct graph *graph;
    struct code code;
    struct arena arena;
    const struct regex *re;
    uint64_t address; /* the argument, where that is an address */
    bool is_address;
    bool found_symbol; /* one holds the address */
    VEC(struct routine) routines;
    struct buf name; /* scratch */
};

/* --- which symbols --- */

static int by_address(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

static size_t first_place(const struct place *places, size_t n, uint64_t address)
{
    size_t low = 0;
    for (size_t high = n; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (places[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The name that matches, as it is or in one of the forms pprof tries; NULL when none does, and with
 * name.failed when memory runs out. */
static const char *matching_name(struct disassembler *d, const char *name, bool is_go)
{
    static const enum demangle_mode modes[] = {DEMANGLE_FULL, DEMANGLE_TEMPLATES, DEMANGLE_DEFAULT};
    if (regex_match(d->re, str_of(name)))
        return name;
    for (size_t i = 0; !is_go && name[0] == '_' && i < sizeof modes / sizeof *modes; i++) {
        demangle(name, modes[i], &d->name);
        if (regex_match(d->re, (struct str){buf_str(&d->name), d->name.len}))
            return buf_str(&d->name);
    }
    return NULL;
}

static bool add_name(struct disassembler *d, struct routine *r, const char *name, size_t max)
{
    if (!r->names)
        r->names = ARENA_ARRAY(&d->arena, char *, max);
    char *copy = r->names ? arena_strndup(&d->arena, name, strlen(name)) : NULL;
    if (copy)
        r->names[r->n_names++] = copy;
    return copy != NULL;
}

/* Take the symbols [first, end), all at one place, as a routine if they are asked for.
 * False when memory runs out. */
static bool add_routine(struct disassembler *d, struct routine r, size_t first, size_t end,
                        bool has_address)
{
    const struct symbol *symbols = r.object->symbols.all.items;
    const char *name = NULL;
    bool ok = true;
    if (has_address) {
        d->found_symbol = true;
        for (size_t i = first; ok && i < end; i++)
            ok = add_name(d, &r, symbols[i].name, end - first);
    } else if (r.n_places) {
        for (size_t i = first; !name && i < end; i++)
            name = matching_name(d, symbols[i].name, r.object->is_go);
        ok = !d->name.failed && (!name || add_name(d, &r, name, 1));
    }
    return ok && (!r.n_places || !r.n_names || vec_push(&d->routines, r));
}

/* All symbols of an object that hold places. */
static bool add_routines(struct disassembler *d, const struct code_mapping *m, struct place *places,
                         size_t n)
{
    const struct symbols *symbols = &m->object->symbols;
    const struct symbol *items = symbols->all.items;
    uint64_t wanted = 0;
    bool is_wanted = d->is_address && code_address(m, d->address, &wanted);
    bool is_go = m->object->is_go;
    for (size_t i = 0, next; i < symbols->all.n; i = next) {
        uint64_t start = items[i].address, end;
        next = i + 1;
        while (!is_go && next < symbols->all.n && items[next].address == start)
            next++;
        if (is_go)
            end = start + items[i].size;
        else
            end = next < symbols->all.n ? items[next].address : UINT64_MAX;
        size_t first = first_place(places, n, start);
        struct routine r = {.object = m->object,
                            .start = start,
                            .end = end,
                            .places = places + first,
                            .n_places = first_place(places + first, n - first, end)};
        bool has_address = is_wanted && wanted >= start && wanted < end;
        if ((r.n_places || has_address) && !add_routine(d, r, i, next, has_address))
            return false;
    }
    return true;
}

/* Which files have nodes that match, by string.  pprof looks at the printed name alone,
 * which begins with an address: for it, "^main" is nowhere. */
static uint8_t *matching_files(struct disassembler *d)
{
    const struct graph *g = d->graph;
    uint8_t *files = calloc(d->code.profile->n_strings, 1);
    for (uint32_t i = 0; files && i < g->n_order; i++) {
        uint32_t file = g->nodes[g->order[i]].info.objfile;
        if (file == 0 || files[file])
            continue;
        struct str label = graph_label(d->graph, g->order[i]);
        if (!label.p) {
            free(files);
            return NULL;
        }
        files[file] = regex_match(d->re, label) || regex_match(d->re, graph_name(g, g->order[i]));
    }
    return files;
}

/* The nodes in a mapping, by address; NULL when memory runs out. */
static struct place *places_of(struct disassembler *d, const struct code_mapping *m, uint32_t file,
                               size_t *n)
{
    const struct graph *g = d->graph;
    struct place *places = arena_alloc(&d->arena, ((size_t)g->n_order + 1) * sizeof *places);
    *n = 0;
    for (uint32_t i = 0; places && i < g->n_order; i++) {
        const struct graph_info *info = &g->nodes[g->order[i]].info;
        uint64_t address;
        if (info->objfile == file && code_address(m, info->address, &address))
            places[(*n)++] = (struct place){address, g->order[i]};
    }
    if (places)
        qsort(places, *n, sizeof *places, by_address);
    return places;
}

static bool find_routines(struct disassembler *d, struct err *err)
{
    const struct profile *p = d->code.profile;
    uint8_t *files = matching_files(d);
    bool ok = files != NULL;
    for (uint32_t i = 0; ok && i < p->n_mappings; i++) {
        const struct profile_mapping *row = &p->mappings[i];
        struct code_mapping m;
        struct err why = {0};
        size_t n;
        bool holds = d->is_address && row->start <= d->address && d->address <= row->limit;
        if (!files[row->file] && !holds)
            continue;
        if (!code_open(&d->code, i, &m, &why)) {
            ok = why.code != ERR_NOMEM;
            diag_add(d->code.diag, "%s", why.msg);
            continue;
        }
        struct place *places = places_of(d, &m, row->file, &n);
        ok = places && add_routines(d, &m, places, n);
    }
    free(files);
    return ok || err_nomem(err);
}

static int by_name(const void *a, const void *b)
{
    const struct routine *x = a, *y = b;
    int c = strcmp(x->names[0], y->names[0]);
    return c ? c : (x->start > y->start) - (x->start < y->start);
}

static bool tell_none(const struct disassembler *d, struct err *err)
{
    if (!d->is_address)
        return err_set(err, ERR_USAGE, "no matches found for regexp %s", regex_pattern(d->re));
    if (!d->found_symbol)
        return err_set(err, ERR_USAGE, "no matches found for address 0x%" PRIx64, d->address);
    return err_set(err, ERR_USAGE,
                   "address 0x%" PRIx64 " found in binary, but the corresponding symbols do not "
                   "have samples in the profile",
                   d->address);
}

/* --- printing --- */

/* What is told of an instruction beside its text. */
struct note {
    struct str function, file;
    int64_t line, flat, cum, flat_div, cum_div; /* see struct graph_node */
};

static int64_t add_wrapping(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* "<name>", or without brackets and an empty list of parameters; p NULL when memory
 * runs out. */
static struct str display(struct disassembler *d, const char *name, bool in_brackets)
{
    symbols_display_name(name, &d->name);
    struct str s = {buf_str(&d->name), d->name.len};
    if (!in_brackets && str_has_suffix(s, STR("()")))
        s.len -= 2;
    char *text = d->name.failed
                     ? NULL
                     : arena_printf(&d->arena, in_brackets ? "<%.*s>" : "%.*s", (int)s.len, s.p);
    return (struct str){text, text ? strlen(text) : 0};
}

/* The source line of an instruction, as the object tool gives it (see above).  In an
 * object that is not Go's, *note holds that of the instruction before, and
 * *function the name it was made of.  False when memory runs out. */
static bool look_up(struct disassembler *d, const struct routine *r, uint64_t address,
                    const char **function, struct note *note)
{
    uint32_t n;
    const struct frame *frames = code_frames(r->object, address, &n);
    if (r->object->is_go)
        *note = (struct note){.file = STR(""), .function = STR("")};
    if (!n)
        return true;
    if (frames->line && *frames->file) {
        note->file = path_base(str_of(frames->file));
        note->line = frames->line;
    }
    if (r->object->is_go || frames[n - 1].name == *function)
        return true;
    *function = frames[n - 1].name;
    note->function = display(d, *function, false);
    return note->function.p != NULL;
}

/* Add the nodes up to the next instruction, which lie in this one. */
static void add_places(const struct disassembler *d, const struct routine *r, size_t *k,
                       uint64_t next, struct note *note)
{
    const struct graph *g = d->graph;
    for (; *k < r->n_places && r->places[*k].address < next; ++*k) {
        uint32_t node = r->places[*k].node;
        const struct graph_node *row = &g->nodes[node];
        struct str file = graph_file(g, node);
        note->flat = add_wrapping(note->flat, row->flat);
        note->cum = add_wrapping(note->cum, row->cum);
        note->flat_div = add_wrapping(note->flat_div, row->flat_div);
        note->cum_div = add_wrapping(note->cum_div, row->cum_div);
        if (!note->file.len && file.len)
            note->file = path_base(file);
        if (!note->line)
            note->line = row->info.line;
        if (!note->function.len)
            note->function = graph_name(g, node);
    }
}

static void print_value_or_dot(const struct disassembler *d, struct buf *out, int64_t value)
{
    if (value)
        report_value_right(d->run, out, value, 10);
    else
        buf_puts(out, "         .");
}

/* "FUNCTION FILE:LINE" */
static void print_place(const struct note *note, struct buf *out)
{
    buf_add(out, note->function.p, note->function.len);
    if (note->function.len)
        buf_putc(out, ' ');
    buf_add(out, note->file.p, note->file.len);
    if (note->file.len && note->line)
        buf_printf(out, ":%" PRId64, note->line);
}

static void print_instruction(struct disassembler *d, const struct instruction *in,
                              const struct note *note, bool is_new, struct buf *out)
{
    size_t width = strlen(in->text);
    bool has_place = is_new && (note->function.len || note->file.len);
    bool is_long = width >= 40;
    if (has_place && is_long) {
        buf_fill(out, ' ', 74);
        buf_putc(out, ';');
        print_place(note, out);
        buf_putc(out, '\n');
    }
    print_value_or_dot(d, out, view_mean(note->flat, note->flat_div));
    buf_putc(out, ' ');
    print_value_or_dot(d, out, view_mean(note->cum, note->cum_div));
    buf_printf(out, " %10" PRIx64 ": %s", in->address, in->text);
    if (has_place && !is_long) {
        width = columns_width(str_of(in->text));
        buf_fill(out, ' ', 40 - width);
        buf_putc(out, ';');
        print_place(note, out);
    }
    buf_putc(out, '\n');
}

static bool is_same_place(const struct note *a, const struct note *b)
{
    return str_eq(a->function, b->function) && str_eq(a->file, b->file) && a->line == b->line;
}

static bool print_code(struct disassembler *d, const struct routine *r, struct buf *out)
{
    const struct instruction *in = r->object->instructions.list.items + r->code.first;
    struct note tool = {.file = STR("")}, last = {.file = STR(""), .function = STR("")};
    const char *function = NULL;
    const struct symbol *label = symbols_at(&r->object->symbols, r->start);
    size_t k = 0;
    tool.function = label ? display(d, label->name, true) : STR("");
    if (!tool.function.p)
        return false;
    for (size_t i = 0; i < r->code.n; i++) {
        if (!look_up(d, r, in[i].address, &function, &tool))
            return false;
        struct note note = tool;
        add_places(d, r, &k, i + 1 < r->code.n ? in[i + 1].address : UINT64_MAX, &note);
        print_instruction(d, &in[i], &note, !is_same_place(&note, &last), out);
        last = note;
    }
    return true;
}

static bool print_routine(struct disassembler *d, const struct routine *r, struct buf *out)
{
    int64_t flat = 0, cum = 0;
    for (size_t i = 0; i < r->n_places; i++) {
        flat = add_wrapping(flat, d->graph->nodes[r->places[i].node].flat);
        cum = add_wrapping(cum, d->graph->nodes[r->places[i].node].cum);
    }
    for (size_t i = 0; i < r->n_names; i++)
        buf_printf(out, "%s ======================== %s\n", i ? "    AKA" : "ROUTINE", r->names[i]);
    report_value_right(d->run, out, flat, 10);
    buf_putc(out, ' ');
    report_value_right(d->run, out, cum, 10);
    buf_puts(out, " (flat, cum) ");
    unit_print_percent(out, cum, d->run->pipeline.total);
    buf_puts(out, " of Total\n");
    return print_code(d, r, out);
}

static bool disassemble(struct disassembler *d, struct buf *out, struct err *err)
{
    if (!find_routines(d, err))
        return false;
    if (!d->routines.n)
        return tell_none(d, err);
    qsort(d->routines.items, d->routines.n, sizeof *d->routines.items, by_name);
    for (size_t i = 0; i < d->routines.n; i++) {
        struct routine *r = &d->routines.items[i];
        if (!code_decode(&d->code, r->object, r->start, r->end, &r->code, err))
            return false;
    }
    if (!code_annotate(&d->code, err))
        return false;
    buf_puts(out, "Total: ");
    report_value(d->run, out, d->run->pipeline.total);
    buf_putc(out, '\n');
    for (size_t i = 0; i < d->routines.n; i++) {
        if (!print_routine(d, &d->routines.items[i], out))
            return err_nomem(err);
    }
    return true;
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
    struct graph g = {0};
    struct disassembler d = {.run = &run, .graph = &g};
    code_init(&d.code, ctx->profile, changed.intel_syntax, ctx->diag);
    bool ok = report_begin(&run, &report_disasm, &own, err);
    const struct graph_options options = {
        .obj_names = true,
        .drop_negative = changed.drop_negative,
        .trim_path = changed.trim_path,
        .source_path = changed.source_path,
    };
    if (ok) {
        d.re = run.pipeline.argument;
        d.is_address = code_parse_address(regex_pattern(d.re), &d.address);
    }
    ok = ok && graph_init(&g, &run.pipeline.view, &options, err) && disassemble(&d, out, err);
    code_release(&d.code);
    vec_release(&d.routines);
    buf_release(&d.name);
    arena_release(&d.arena);
    graph_release(&g);
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
