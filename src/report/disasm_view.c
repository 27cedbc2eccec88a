#include "report/disasm_view.h"

#include "sym/demangle.h"
#include "xform/path.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int64_t add_wrapping(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* --- which symbols --- */

static int by_address(const void *a, const void *b)
{
    const struct disasm_place *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

static size_t first_place(const struct disasm_place *places, size_t n, uint64_t address)
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
static const char *matching_name(struct disasm_view *v, const char *name, bool is_go)
{
    static const enum demangle_mode modes[] = {DEMANGLE_FULL, DEMANGLE_TEMPLATES, DEMANGLE_DEFAULT};
    if (regex_match(v->re, str_of(name)))
        return name;
    for (size_t i = 0; !is_go && name[0] == '_' && i < sizeof modes / sizeof *modes; i++) {
        demangle(name, modes[i], &v->name);
        if (regex_match(v->re, (struct str){buf_str(&v->name), v->name.len}))
            return buf_str(&v->name);
    }
    return NULL;
}

static bool add_name(struct disasm_view *v, struct disasm_routine *r, const char *name, size_t max)
{
    if (!r->names)
        r->names = ARENA_ARRAY(&v->arena, char *, max);
    char *copy = r->names ? arena_strndup(&v->arena, name, strlen(name)) : NULL;
    if (copy)
        r->names[r->n_names++] = copy;
    return copy != NULL;
}

/* Take the symbols [first, end), all at one place, as a routine if they are asked for.
 * False when memory runs out. */
static bool add_routine(struct disasm_view *v, struct disasm_routine r, size_t first, size_t end,
                        bool has_address)
{
    const struct symbol *symbols = r.object->symbols.all.items;
    const char *name = NULL;
    bool ok = true;
    if (has_address) {
        v->found_symbol = true;
        for (size_t i = first; ok && i < end; i++)
            ok = add_name(v, &r, symbols[i].name, end - first);
    } else if (r.n_places) {
        for (size_t i = first; !name && i < end; i++)
            name = matching_name(v, symbols[i].name, r.object->is_go);
        ok = !v->name.failed && (!name || add_name(v, &r, name, 1));
    }
    return ok && (!r.n_places || !r.n_names || vec_push(&v->routines, r));
}

/* All symbols of an object that hold places. */
static bool add_routines(struct disasm_view *v, const struct code_mapping *m,
                         struct disasm_place *places, size_t n)
{
    const struct symbols *symbols = &m->object->symbols;
    const struct symbol *items = symbols->all.items;
    uint64_t wanted = 0;
    bool is_wanted = v->is_address && code_address(m, v->address, &wanted);
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
        struct disasm_routine r = {.object = m->object,
                                   .start = start,
                                   .end = end,
                                   .places = places + first,
                                   .n_places = first_place(places + first, n - first, end)};
        bool has_address = is_wanted && wanted >= start && wanted < end;
        if ((r.n_places || has_address) && !add_routine(v, r, i, next, has_address))
            return false;
    }
    return true;
}

/* Which files have nodes that match, by string.  pprof looks at the printed name alone,
 * which begins with an address: for it, "^main" is nowhere. */
static uint8_t *matching_files(struct disasm_view *v)
{
    const struct graph *g = &v->graph;
    uint8_t *files = calloc(v->code.profile->n_strings, 1);
    for (uint32_t i = 0; files && i < g->n_order; i++) {
        uint32_t file = g->nodes[g->order[i]].info.objfile;
        if (file == 0 || files[file])
            continue;
        struct str label = graph_label(&v->graph, g->order[i]);
        if (!label.p) {
            free(files);
            return NULL;
        }
        files[file] = regex_match(v->re, label) || regex_match(v->re, graph_name(g, g->order[i]));
    }
    return files;
}

/* The nodes in a mapping, by address; NULL when memory runs out. */
static struct disasm_place *places_of(struct disasm_view *v, const struct code_mapping *m,
                                      uint32_t file, size_t *n)
{
    const struct graph *g = &v->graph;
    struct disasm_place *places = arena_alloc(&v->arena, ((size_t)g->n_order + 1) * sizeof *places);
    *n = 0;
    for (uint32_t i = 0; places && i < g->n_order; i++) {
        const struct graph_info *info = &g->nodes[g->order[i]].info;
        uint64_t address;
        if (info->objfile == file && code_address(m, info->address, &address))
            places[(*n)++] = (struct disasm_place){address, g->order[i]};
    }
    if (places)
        qsort(places, *n, sizeof *places, by_address);
    return places;
}

static bool add_missing(struct disasm_view *v, uint32_t file, const char *text)
{
    const char *why = arena_strndup(&v->arena, text, strlen(text));
    return why && vec_push(&v->missing, (struct disasm_missing){file, why});
}

static bool find_routines(struct disasm_view *v, struct err *err)
{
    const struct profile *p = v->code.profile;
    uint8_t *files = matching_files(v);
    bool ok = files != NULL;
    for (uint32_t i = 0; ok && i < p->n_mappings; i++) {
        const struct profile_mapping *row = &p->mappings[i];
        struct code_mapping m;
        struct err why = {0};
        size_t n;
        bool holds = v->is_address && row->start <= v->address && v->address <= row->limit;
        if (!files[row->file] && !holds)
            continue;
        if (!code_open(&v->code, i, &m, &why)) {
            ok = why.code != ERR_NOMEM && add_missing(v, row->file, why.msg);
            diag_add(v->code.diag, "%s", why.msg);
            continue;
        }
        struct disasm_place *places = places_of(v, &m, row->file, &n);
        ok = places && add_routines(v, &m, places, n);
    }
    free(files);
    return ok || err_nomem(err);
}

static int by_name(const void *a, const void *b)
{
    const struct disasm_routine *x = a, *y = b;
    int c = strcmp(x->names[0], y->names[0]);
    return c ? c : (x->start > y->start) - (x->start < y->start);
}

static int by_flat(const void *a, const void *b)
{
    const struct disasm_routine *x = a, *y = b;
    return x->flat != y->flat ? (x->flat < y->flat) - (x->flat > y->flat) : by_name(a, b);
}

static void sum_up(struct disasm_view *v, struct disasm_routine *r)
{
    for (size_t i = 0; i < r->n_places; i++) {
        const struct graph_node *node = &v->graph.nodes[r->places[i].node];
        r->flat = add_wrapping(r->flat, node->flat);
        r->cum = add_wrapping(r->cum, node->cum);
    }
}

static void choose(struct disasm_view *v, size_t most)
{
    for (size_t i = 0; i < v->routines.n; i++)
        sum_up(v, &v->routines.items[i]);
    if (v->routines.n)
        qsort(v->routines.items, v->routines.n, sizeof *v->routines.items,
              most ? by_flat : by_name);
    if (most && v->routines.n > most) {
        v->n_left_out = v->routines.n - most;
        v->routines.n = most;
    }
}

static bool decode(struct disasm_view *v, struct err *err)
{
    for (size_t i = 0; i < v->routines.n; i++) {
        struct disasm_routine *r = &v->routines.items[i];
        if (!code_decode(&v->code, r->object, r->start, r->end, &r->code, err))
            return false;
    }
    return code_annotate(&v->code, err);
}

bool disasm_view_init(struct disasm_view *v, struct report_run *run, size_t most, struct diag *diag,
                      struct err *err)
{
    const struct report_options *o = &run->options;
    const struct graph_options options = {
        .obj_names = true,
        .drop_negative = o->drop_negative,
        .trim_path = o->trim_path,
        .source_path = o->source_path,
    };
    *v = (struct disasm_view){.run = run, .re = run->pipeline.argument};
    code_init(&v->code, run->pipeline.view.profile, o->intel_syntax, diag);
    v->is_address = code_parse_address(regex_pattern(v->re), &v->address);
    if (!report_init_graph(run, &options, &v->graph, err) || !find_routines(v, err))
        return false;
    choose(v, most);
    return decode(v, err);
}

void disasm_view_release(struct disasm_view *v)
{
    code_release(&v->code);
    vec_release(&v->routines);
    vec_release(&v->missing);
    buf_release(&v->name);
    arena_release(&v->arena);
    graph_release(&v->graph);
}

bool disasm_view_none(const struct disasm_view *v, struct err *err)
{
    if (!v->is_address)
        return err_set(err, ERR_USAGE, "no matches found for regexp %s", regex_pattern(v->re));
    if (!v->found_symbol)
        return err_set(err, ERR_USAGE, "no matches found for address 0x%" PRIx64, v->address);
    return err_set(err, ERR_USAGE,
                   "address 0x%" PRIx64 " found in binary, but the corresponding symbols do not "
                   "have samples in the profile",
                   v->address);
}

/* --- instructions --- */

/* "<name>", or without brackets and an empty list of parameters; p NULL when memory
 * runs out. */
static struct str display(struct disasm_view *v, const char *name, bool in_brackets)
{
    symbols_display_name(name, &v->name);
    struct str s = {buf_str(&v->name), v->name.len};
    if (!in_brackets && str_has_suffix(s, STR("()")))
        s.len -= 2;
    char *text = v->name.failed
                     ? NULL
                     : arena_printf(&v->arena, in_brackets ? "<%.*s>" : "%.*s", (int)s.len, s.p);
    return (struct str){text, text ? strlen(text) : 0};
}

/* The source line of an instruction, as the object tool gives it (see above).  In an
 * object that is not Go's, *note holds that of the instruction before, and
 * *function the name it was made of.  False when memory runs out. */
static bool look_up(struct disasm_view *v, const struct disasm_routine *r, uint64_t address,
                    const char **function, struct disasm_note *note)
{
    uint32_t n;
    const struct frame *frames = code_frames(r->object, address, &n);
    if (r->object->is_go)
        *note = (struct disasm_note){.file = STR(""), .function = STR("")};
    if (!n)
        return true;
    if (frames->line && *frames->file) {
        note->file = path_base(str_of(frames->file));
        note->line = frames->line;
    }
    if (r->object->is_go || frames[n - 1].name == *function)
        return true;
    *function = frames[n - 1].name;
    note->function = display(v, *function, false);
    return note->function.p != NULL;
}

/* Add the nodes up to the next instruction, which lie in this one. */
static void add_places(const struct disasm_view *v, const struct disasm_routine *r, size_t *k,
                       uint64_t next, struct disasm_note *note)
{
    const struct graph *g = &v->graph;
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

static bool is_same_place(const struct disasm_note *a, const struct disasm_note *b)
{
    return str_eq(a->function, b->function) && str_eq(a->file, b->file) && a->line == b->line;
}

/* What holds before the first instruction. */
static bool begin_row(struct disasm_view *v, struct disasm_row *row)
{
    const struct disasm_routine *r = row->routine;
    const struct symbol *label = symbols_at(&r->object->symbols, r->start);
    row->tool.file = row->note.file = row->note.function = STR("");
    row->tool.function = label ? display(v, label->name, true) : STR("");
    return row->tool.function.p != NULL;
}

bool disasm_view_next(struct disasm_view *v, struct disasm_row *row)
{
    const struct disasm_routine *r = row->routine;
    const struct instruction *in = r->object->instructions.list.items + r->code.first;
    struct disasm_note last;
    size_t i = row->next;
    bool ok = i || begin_row(v, row);
    v->failed |= !ok;
    if (!ok || i == r->code.n)
        return false;
    if (!look_up(v, r, in[i].address, &row->function, &row->tool)) {
        v->failed = true;
        return false;
    }
    last = row->note;
    row->note = row->tool;
    add_places(v, r, &row->place, i + 1 < r->code.n ? in[i + 1].address : UINT64_MAX, &row->note);
    row->is_new = !is_same_place(&row->note, &last);
    row->instruction = &in[i];
    row->next++;
    return true;
}
