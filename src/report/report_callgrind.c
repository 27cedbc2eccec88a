/* report_callgrind: the graph, by addresses, in the format of callgrind. */
#include "report/report_run.h"

#include "base/digits.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/vec.h"
#include "xform/graph_calls.h"
#include "xform/unit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Names that were written: "(N) name" the first time, "(N)" from then on. */
struct names {
    const struct str *texts;
    uint32_t *numbers; /* by index of texts, 0: not written yet */
    uint32_t n;
};

static bool names_init(struct names *names, struct arena *arena, const struct str *texts,
                       uint32_t n_texts)
{
    *names = (struct names){texts, ARENA_ARRAY(arena, uint32_t, n_texts), 0};
    return names->numbers != NULL;
}

#define LINE_BYTES 128 /* more than any has, without its name */

/* what: of 3 or 4 characters. */
static void put_name(struct names *names, struct buf *out, struct str what, uint32_t id)
{
    struct str name = names->texts[id];
    bool is_new = name.len && !names->numbers[id];
    char *p = buf_reserve(out, LINE_BYTES + (is_new ? name.len : 0));
    if (!p)
        return;
    memcpy(p, what.p, 4);
    p += what.len;
    if (is_new)
        names->numbers[id] = ++names->n;
    if (name.len) {
        *p++ = '(';
        p = digits_put(p, names->numbers[id]);
        *p++ = ')';
    }
    if (is_new) {
        *p++ = ' ';
        p = mempcpy(p, name.p, name.len);
    }
    *p++ = '\n';
    buf_take(out, p);
}

struct writer {
    struct report_run *run;
    struct graph *g;
    struct buf *out;
    struct arena arena;
    struct graph_calls calls;
    struct names objects, files, functions;
    struct intern texts; /* of functions */
    /* [n_nodes], of texts: a node's function, and what it is called where it is called.  0 for
     * nodes that are not shown: pprof has no name for them. */
    uint32_t *name, *callee;
};

/* An address, where that is shorter relative to the last node's. */
static char *put_address(char *p, const struct graph_node *last, uint64_t address)
{
    int64_t distance = last ? (int64_t)(address - last->info.address) : 0;
    uint64_t size = distance < 0 ? 0 - (uint64_t)distance : (uint64_t)distance;
    if (last && !distance)
        return stpcpy(p, "*");
    if (last && 1 + digits_count(size) < 2 + digits_count_hex(address)) {
        *p++ = distance < 0 ? '-' : '+';
        return digits_put(p, size);
    }
    return digits_put_hex(stpcpy(p, "0x"), address);
}

static char *put_value(const struct writer *w, char *p, int64_t value)
{
    const char *unit;
    double v = unit_scaler_scale(&w->run->scaler, value, &unit);
    return stpcpy(digits_put_int(p, unit_to_int64(v)), "\n");
}

static bool same_function(const struct graph_info *a, const struct graph_info *b)
{
    return a->objfile == b->objfile && a->file == b->file && a->name == b->name;
}

static bool put_calls(struct writer *w, uint32_t node, const struct graph_node *last,
                      struct err *err)
{
    const struct graph_callee *callees;
    uint32_t n;
    if (!graph_calls_of(&w->calls, node, &callees, &n, err))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct graph_node *to = &w->g->nodes[callees[i].node];
        const struct graph_info *callee = &to->info;
        if (to->is_kept && unit_abs(callees[i].weight) < 0)
            continue; /* INT64_MIN: less than nothing, which pprof trims */
        put_name(&w->files, w->out, STR("cfl="), callee->file);
        put_name(&w->functions, w->out, STR("cfn="), w->callee[callees[i].node]);
        char *p = buf_reserve(w->out, LINE_BYTES);
        if (!p)
            return true;
        p = put_address(stpcpy(p, "calls=0 "), last, callee->address);
        *p++ = ' ';
        p = digits_put_int(p, callee->line);
        buf_take(w->out, put_value(w, stpcpy(p, "\n* * "), callees[i].weight));
    }
    return true;
}

#define AHEAD 6

/* Nodes and calls are all over the memory: what soon will be written is asked for. */
static void look_ahead(const struct writer *w, uint32_t i)
{
    const struct graph *g = w->g;
    if (i + 2 * AHEAD < g->n_order) {
        __builtin_prefetch(&g->nodes[g->order[i + 2 * AHEAD]]);
        graph_calls_prefetch(&w->calls, g->order[i + 2 * AHEAD]);
    }
    if (i + AHEAD < g->n_order)
        graph_calls_prefetch_callees(&w->calls, g->order[i + AHEAD]);
}

static bool put_nodes(struct writer *w, struct err *err)
{
    struct graph *g = w->g;
    const struct graph_node *last = NULL;
    for (uint32_t i = 0; i < g->n_order && !w->out->failed; i++) {
        uint32_t node = g->order[i];
        const struct graph_node *n = &g->nodes[node];
        look_ahead(w, i);
        if (!last || !same_function(&n->info, &last->info)) {
            buf_putc(w->out, '\n');
            put_name(&w->objects, w->out, STR("ob="), n->info.objfile);
            put_name(&w->files, w->out, STR("fl="), n->info.file);
            put_name(&w->functions, w->out, STR("fn="), w->name[node]);
        }
        char *p = buf_reserve(w->out, LINE_BYTES);
        if (!p)
            break;
        p = put_address(p, last, n->info.address);
        *p++ = ' ';
        p = digits_put_int(p, n->info.line);
        *p++ = ' ';
        buf_take(w->out, put_value(w, p, graph_flat(n)));
        if (!put_calls(w, node, last, err))
            return false;
        last = n;
        buf_drain(w->out);
    }
    return true;
}

/* What callgrind would hold for one function by its name and file, but is none. */
struct function {
    uint32_t name, file, objfile;
    uint32_t parent; /* in a tree functions are told apart by their callers too */
    int64_t start_line;
    uint32_t number; /* among those of its name and file */
    uint32_t text, callee;
};

struct functions {
    VEC(struct function) all;
    struct rows rows;
    struct map counts; /* by name and file: how many */
};

static uint64_t name_and_file(const struct function *f)
{
    return (uint64_t)f->name << 32 | f->file;
}

static bool same_fields(const struct function *a, const struct function *b)
{
    return a->name == b->name && a->file == b->file && a->objfile == b->objfile &&
           a->parent == b->parent && a->start_line == b->start_line;
}

/* The number of a function, new if need be; ROWS_NONE when memory runs out. */
static uint32_t find_function(struct functions *functions, struct function f)
{
    size_t n = functions->all.n;
    uint32_t hash = (uint32_t)hash_u64(
        hash_step(hash_step(name_and_file(&f), (uint64_t)f.parent << 32 | f.objfile),
                  (uint64_t)f.start_line));
    if (!rows_reserve(&functions->rows, n + 1))
        return ROWS_NONE;
    struct rows_slot *slot = rows_first(&functions->rows, hash);
    while (slot->row != ROWS_NONE &&
           !(slot->hash == hash && same_fields(&functions->all.items[slot->row], &f)))
        slot = rows_next(&functions->rows, slot);
    if (slot->row != ROWS_NONE)
        return slot->row;
    uint32_t count = map_get(&functions->counts, name_and_file(&f));
    f.number = count == MAP_NONE ? 0 : count;
    if (!map_put(&functions->counts, name_and_file(&f), f.number + 1) ||
        !vec_push(&functions->all, f))
        return ROWS_NONE;
    rows_put(&functions->rows, slot, (uint32_t)n, hash);
    return (uint32_t)n;
}

/* Where functions have one name and file, what is called gets a number. */
static bool name_function(struct writer *w, const struct functions *functions, struct function *f)
{
    struct str name = profile_str(w->g->view->profile, f->name);
    uint32_t n_same = map_get(&functions->counts, name_and_file(f));
    f->text = f->callee = intern_add(&w->texts, name);
    if (n_same > 1) {
        AUTO_BUF text = {0};
        buf_printf(&text, "%s [%" PRIu32 "/%" PRIu32 "]", name.p, f->number + 1, n_same);
        f->callee = text.failed ? INTERN_NONE
                                : intern_add(&w->texts, (struct str){buf_str(&text), text.len});
    }
    return f->text != INTERN_NONE && f->callee != INTERN_NONE;
}

static bool name_nodes(struct writer *w)
{
    const struct graph *g = w->g;
    struct functions functions = {0};
    uint32_t *of = malloc(((size_t)g->n_order + 1) * sizeof *of); /* by order */
    w->name = ARENA_ARRAY(&w->arena, uint32_t, g->n_nodes);
    w->callee = ARENA_ARRAY(&w->arena, uint32_t, g->n_nodes);
    bool ok = of && w->name && w->callee;
    for (uint32_t i = 0; ok && i < g->n_order; i++) {
        const struct graph_info *info = &g->nodes[g->order[i]].info;
        if (i + AHEAD < g->n_order)
            __builtin_prefetch(&g->nodes[g->order[i + AHEAD]]);
        of[i] = find_function(&functions,
                              (struct function){.name = info->name,
                                                .file = info->file,
                                                .objfile = info->objfile,
                                                .parent = g->parent ? g->parent[g->order[i]] : 0,
                                                .start_line = info->start_line});
        ok = of[i] != ROWS_NONE;
    }
    for (size_t i = 0; ok && i < functions.all.n; i++)
        ok = name_function(w, &functions, &functions.all.items[i]);
    for (uint32_t i = 0; ok && i < g->n_order; i++) {
        w->name[g->order[i]] = functions.all.items[of[i]].text;
        w->callee[g->order[i]] = functions.all.items[of[i]].callee;
    }
    free(of);
    vec_release(&functions.all);
    rows_release(&functions.rows);
    map_release(&functions.counts);
    return ok;
}

static bool write_graph(struct writer *w, struct err *err)
{
    const struct profile *p = w->g->view->profile;
    const struct intern *files = &w->g->files;
    report_select_unit(w->run, w->g);
    if (!intern_init(&w->texts, &w->arena) || !name_nodes(w) ||
        !names_init(&w->objects, &w->arena, p->strings, p->n_strings) ||
        !names_init(&w->files, &w->arena, files->strings, files->n) ||
        !names_init(&w->functions, &w->arena, w->texts.strings, w->texts.n))
        return err_nomem(err);
    buf_printf(w->out, "positions: instr line\nevents: %s(%s)\n", w->run->pipeline.type,
               w->run->unit);
    return put_nodes(w, err);
}

static bool write_callgrind(const struct report_ctx *ctx, struct buf *out, struct err *err)
{
    struct report_run run;
    struct graph g = {0};
    struct report_trim trim;
    struct writer w = {.run = &run, .g = &g, .out = out};
    arena_init(&w.arena);
    bool ok = report_begin(&run, &report_callgrind, ctx, err);
    run.only_whole = true;
    ok = ok && report_build_graph(&run, REPORT_GRAPH_OBJECTS, &g, NULL, &trim, err) &&
         graph_calls_init(&w.calls, &g, err) && write_graph(&w, err);
    graph_calls_release(&w.calls);
    intern_release(&w.texts);
    arena_release(&w.arena);
    graph_release(&g);
    report_end(&run);
    return ok;
}

const struct report_ops report_callgrind = {
    .name = "callgrind",
    .help = "Outputs a graph in callgrind format",
    .ext = "callgraph.out",
    .flags = REPORT_BINARY | REPORT_UNTRIMMED,
    .granularity = GRANULARITY_ADDRESSES,
    .write = write_callgrind,
};
